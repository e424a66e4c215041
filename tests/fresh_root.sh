#!/usr/bin/env bash
# Runs a command on a clone of this tree in a Debian that has just been made: fresh_root.sh [SUITE] [COMMAND].
# Whatever a test needs and the project does not install itself is missing there. Needs root and debootstrap.
#   tests/fresh_root.sh bookworm .ci/run
#   tests/fresh_root.sh sid "make deb"
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:-bookworm}
command=${2:-make check}
# FRESH_ROOT names a root that is kept, and taken again.
root=${FRESH_ROOT:-$(mktemp -d "${TMPDIR:-/var/tmp}/fresh.XXXXXX")}
[ -n "${FRESH_ROOT:-}" ] || trap 'rm -rf --one-file-system "$root"' EXIT

# The mirror and the settings of apt are this machine's.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^URIs: *([^ ]*debian\/?)( .*)?$/\1/p; s/^deb (\[[^]]*\] )?([^ ]*debian\/?) .*/\2/p' | head -n 1
}

if [ ! -e "$root/usr/bin/git" ]; then
    debootstrap --variant=minbase --include=gcc,libc6-dev,make,git,ca-certificates "$suite" "$root" "$(mirror)" >/dev/null
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
rm -rf "$root/srv/reuseshim"
git clone -q "$top" "$root/srv/reuseshim"
chmod 755 "$root" "$root/srv"
# As its own root folder and not by chroot(2), inside of which no user namespace can be made.
# shellcheck disable=SC2016
unshare --mount --propagation private sh -ec '
    mount --bind "$0" "$0"
    for folder in proc sys dev; do mount --rbind "/$folder" "$0/$folder"; done
    mount -t tmpfs none "$0/run"
    cd "$0"
    pivot_root . mnt
    umount -l /mnt
    cd /srv/reuseshim
    exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} bash -c "$1"' \
    "$root" "$command" </dev/null
