#!/usr/bin/env bash
# Runs a command on a clone of this tree in a Debian that has just been made: fresh_root.sh [SUITE] [COMMAND].
# Whatever a test needs and the project does not install itself is missing there. Needs root and debootstrap.
#   tests/fresh_root.sh bookworm ".ci/run"
#   tests/fresh_root.sh sid "make deb"
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:-bookworm}
command=${2:-make check}
root=${FRESH_ROOT:-$(mktemp -d "${TMPDIR:-/var/tmp}/fresh.XXXXXX")}

# The mirror and the settings of apt are this machine's.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^URIs: *([^ ]*debian\/?)( .*)?$/\1/p; s/^deb (\[[^]]*\] )?([^ ]*debian\/?) .*/\2/p' | head -n 1
}

finish() {
    # Not the folder of a mount that is still there.
    umount -R "$root/proc" "$root/sys" "$root/dev" 2>/dev/null || umount -lR "$root/proc" "$root/sys" "$root/dev" || true
    findmnt -Rn "$root/proc" >/dev/null || [ -n "${FRESH_ROOT:-}" ] || rm -rf --one-file-system "$root"
}

if [ ! -e "$root/usr/bin/git" ]; then
    debootstrap --variant=minbase --include=gcc,libc6-dev,make,git,ca-certificates "$suite" "$root" "$(mirror)" >/dev/null
fi
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
[ "$suite" != bookworm ] || cp -r /etc/apt/sources.list /etc/apt/sources.list.d "$root/etc/apt/" 2>/dev/null || true
trap finish EXIT
mount --rbind --make-rslave /proc "$root/proc"
mount --rbind --make-rslave /sys "$root/sys"
mount --rbind --make-rslave /dev "$root/dev"
rm -rf "$root/srv/reuseshim"
git clone -q "$top" "$root/srv/reuseshim"
# Nothing of this machine's own programs: the variables of the caller stay outside, but for those that lead to a mirror.
env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$root" bash -c "cd /srv/reuseshim && $command" </dev/null
