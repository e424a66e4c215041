# Packages of every suite that Debian's archives have: kernels, libcs. apt-get reads a configuration of its own, so this machine's packages, its lists and
# its sources stay as they are. Sourced by kernels/check.sh and ports/libcs.sh, which have a folder `work`.
# shellcheck shell=bash

# All suites there are; what a mirror does not have is left out.
archive_suites=(bullseye bookworm bookworm-backports trixie trixie-backports forky sid)
archive_security=(bullseye-security bookworm-security trixie-security)

# The mirrors that this machine's apt uses: "archive" or "security".
archive_mirror() {
    local name=debian
    [ "$1" != security ] || name=debian-security
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE "s/^URIs: *([^ ]*$name)\/?( .*)?\$/\1/p; s/^deb (\[[^]]*\] )?([^ ]*$name)\/? .*/\2/p" | head -n 1
}

# archive_begin FOLDER: the lists of all suites. ARCHIVE_SOURCES may name a file with more lines in the form of sources.list(5).
archive_begin() {
    local folder=$1 suite mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$folder"/etc "$folder"/lists/partial "$folder"/cache/archives/partial
    touch "$folder/status"
    # A mirror may stand still; what it has is signed all the same.
    cat >"$folder/apt.conf" <<CONF
Dir::Etc "$folder/etc"; Dir::Etc::sourcelist "$folder/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::parts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$folder/lists"; Dir::State::status "$folder/status"; Dir::Cache "$folder/cache";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; APT::Sandbox::User "root";
APT::Architecture "amd64"; APT::Architectures "amd64";
CONF
    export APT_CONFIG=$folder/apt.conf
    mirror=$(archive_mirror archive)
    for suite in "${archive_suites[@]}"; do
        archive_has "$mirror" "$suite" && echo "deb [signed-by=$keys] $mirror $suite main"
    done >"$folder/sources.list"
    mirror=$(archive_mirror security)
    for suite in "${archive_security[@]}"; do
        archive_has "$mirror" "$suite" && echo "deb [signed-by=$keys] $mirror $suite main"
    done >>"$folder/sources.list"
    [ -z "${ARCHIVE_SOURCES:-}" ] || cat "$ARCHIVE_SOURCES" >>"$folder/sources.list"
    apt-get update -qq || [ -n "$(archive_images)" ]
}

# archive_has MIRROR SUITE
archive_has() {
    [ -n "$1" ] || return 1
    /usr/lib/apt/apt-helper -qq download-file "$1/dists/$2/Release" "$work/Release" >/dev/null 2>&1 && rm -f "$work/Release"
}

# Every image there is, "VERSION PACKAGE" a line, oldest first: Debian's kernels for virtual machines, which are small, and those
# that other distributions call generic.
archive_images() {
    apt-cache search --names-only '^linux-image-(unsigned-)?[0-9].*-(cloud-amd64|generic)$' | cut -d' ' -f1 |
        xargs -r apt-cache madison | awk '{ print $3, $1 }' | sort -uV
}

# archive_choose: "VERSION PACKAGE", the newest of each series (5.10, 6.1, ...) that KERNELS names, else of all series; the oldest,
# too, if the walk is to be whole.
archive_choose() {
    archive_images | awk -v wanted=" ${KERNELS:-} " -v whole="${KERNEL_WALK:-}" '
        { split($1, part, /[.]/); series = part[1] "." part[2]; sub(/[^0-9.].*/, "", series) }
        wanted != "  " && !index(wanted, " " series " ") { next }
        !(series in first) { order[++count] = series; first[series] = $0 }
        { last[series] = $0 }
        END { for (i = 1; i <= count; i++) {
                  if (whole == "whole" && last[order[i]] != first[order[i]]) print first[order[i]]
                  print last[order[i]] } }'
}

# archive_download FOLDER PACKAGE: unpacks it there.
archive_download() (
    mkdir -p "$1" && cd "$1" || exit 1
    log=$(apt-get download -qq "$2" 2>&1) || { echo "$log"; exit 1; }
    for file in ./*.deb; do
        dpkg-deb -x "$file" . && rm "$file" || exit 1
    done
)

# archive_unpack VERSION PACKAGE FOLDER: the image and its modules, which may be packages of their own.
archive_unpack() {
    local version=$1 package=$2 folder=$3 name
    local release=${package#linux-image-}
    release=${release#unsigned-}
    [ ! -e "$folder/done" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    archive_download "$folder/root" "$package=$version" || return 1
    for name in "linux-binary-$release" "linux-modules-$release" "linux-modules-extra-$release"; do
        archive_download "$folder/root" "$name" >/dev/null || true
    done
    # Where /lib is a link to usr/lib, modules come in either.
    [ ! -d "$folder/root/usr/lib/modules" ] || { mkdir -p "$folder/root/lib" && cp -a "$folder/root/usr/lib/modules" "$folder/root/lib/"; }
    depmod -b "$folder/root" "$release" 2>/dev/null && echo "$release" >"$folder/done"
}
