#!/usr/bin/env bash
# Runs a command on a clone of this tree in a Debian that has just been made: fresh_root.sh [SUITE] [COMMAND].
# What a test needs and the project does not install by itself is missing there. Needs root and debootstrap.
#
#   tests/fresh_root.sh                        make check, on bookworm
#   tests/fresh_root.sh bookworm .ci/run
#   tests/fresh_root.sh sid "make deb"         with what make deb needs
#
# The exit code is the command's; 1 if a service is enabled afterwards that was not before. FRESH_ROOT=FOLDER keeps the root
# there, and takes it again the next time.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:-bookworm}
command=${2:-make check}
. "$top/tests/tools.sh"
tools_need fresh
[[ $command != "make deb"* ]] || command=". tests/tools.sh && tools_need deb && $command"
root=${FRESH_ROOT:-$(mktemp -d "${TMPDIR:-/var/tmp}/fresh.XXXXXX")}

# What runs in there ends first, so that it does not go on in a root that is gone.
running=
# shellcheck disable=SC2317 # the trap calls it
finish() {
    [ -z "$running" ] || { kill -TERM -- -"$running" 2>/dev/null && wait "$running"; }
    [ -n "${FRESH_ROOT:-}" ] || rm -rf --one-file-system "$root"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The mirror that this machine's apt uses.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^URIs: *([^ ]*debian\/?)( .*)?$/\1/p; s/^deb (\[[^]]*\] )?([^ ]*debian\/?) .*/\2/p' | head -n 1
}

if [ ! -e "$root/usr/bin/git" ]; then
    debootstrap --variant=minbase --include=gcc,libc6-dev,make,git,ca-certificates "$suite" "$root" "$(mirror)" >"$root.log" ||
        { tail -n 20 "$root.log"; exit 1; }
    rm -f "$root.log"
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
rm -rf "$root/srv/reuseshim"
git clone -q "$top" "$root/srv/reuseshim"
chmod 755 "$root" "$root/srv"

# Becomes the command, with the services compared before and after; nothing of the caller's variables but a proxy gets in.
inside() {
    cat <<'SH'
    cd /srv/reuseshim
    . tests/tools.sh
    before=$(services_enabled)
    (eval "$0")
    status=$?
    new=$(comm -13 <(echo "$before") <(services_enabled))
    [ -z "$new" ] || { printf 'enabled by this:\n%s\n' "$new"; status=1; }
    exit $status
SH
}

# As its own root folder and not by chroot(2), inside of which no user namespace can be made.
set -m # a process group for it
# shellcheck disable=SC2016
unshare --mount --propagation private sh -ec '
    mount --bind "$0" "$0"
    for folder in proc sys dev; do mount --rbind "/$folder" "$0/$folder"; done
    mount -t tmpfs none "$0/run"
    cd "$0"
    pivot_root . mnt
    umount -l /mnt
    exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} bash -c "$1" "$2"' \
    "$root" "$(inside)" "$command" </dev/null &
running=$!
status=0
wait "$running" || status=$?
running=
exit $status
