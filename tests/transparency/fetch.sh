# Where the suites come from: Debian's source packages, by apt-get, without a change to the system's own lists.
# Sourced by run.sh; $store is the folder that keeps them.
# shellcheck shell=bash disable=SC2154

# A list of our own, made from what the system uses. The main archive has a version of every package; not every mirror of the
# security archive keeps sources.
fetch_lists() {
    [ ! -e "$store/apt/ready" ] || return 0
    local site release component label
    mkdir -p "$store/apt/lists/partial"
    # shellcheck disable=SC2016
    apt-get indextargets 'Created-By: Packages' --format '$(SITE) $(RELEASE) $(COMPONENT) $(LABEL)' |
        while read -r site release component label; do
            [ "$label" != Debian ] || echo "deb-src $site $release $component"
        done | sort -u >"$store/apt/sources.list"
    [ -s "$store/apt/sources.list" ] || { echo "apt-get knows no archive of Debian"; return 1; }
    fetch_apt update && touch "$store/apt/ready"
}

fetch_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$store/apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$store/apt/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

# source_package PACKAGE [PART]...: its unpacked source is $store/PACKAGE. With parts of its tree, only these of the original
# tarball, unpatched: for what is very large.
source_package() {
    local package=$1 work tarball
    shift
    [ ! -d "$store/$package" ] || return 0
    fetch_lists || return
    work=$store/unpack.$package
    rm -rf "$work" && mkdir -p "$work" || return
    (
        cd "$work" || exit
        if [ $# = 0 ]; then
            fetch_apt --only-source source "$package" >log 2>&1 || { tail -n 5 log; exit 1; }
            mv ./*/ "$store/$package"
        else
            fetch_apt --only-source --download-only source "$package" >log 2>&1 || { tail -n 5 log; exit 1; }
            tarball=$(ls ./*.orig.tar.[gx]z)
            mkdir tree
            tar -xf "$tarball" -C tree --strip-components=1 --wildcards "${@/#/*/}" && mv tree "$store/$package"
        fi
    ) || return
    rm -rf "$work"
}
