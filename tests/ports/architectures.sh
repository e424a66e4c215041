#!/usr/bin/env bash
# make check-architectures: builds the library, the command and the unit tests for other processors, and runs them under
# qemu-user: the unit tests, a refusal that is explained, and a restart. Started by tests/fresh_root.sh in a Debian of its own,
# because Debian's cross compilers and gcc-multilib exclude each other. The last line is "N passed, N failed, N skipped".
#
#   architectures.sh [ARCHITECTURE]...      as the first column below has it; else all
# shellcheck disable=SC2317 # check() calls what is defined here
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/tools.sh
. tests/ports/report.sh
. tests/ports/server.sh
unset LD_PRELOAD "${!REUSESHIM_@}"

# ARCHITECTURE, as qemu calls it | prefix of the compiler | Debian's architecture | what is special
architectures='
aarch64     | aarch64-linux-gnu         | arm64    | 64 bits, little-endian
arm         | arm-linux-gnueabihf       | armhf    | 32 bits, little-endian
i386        | i686-linux-gnu            | i386     | 32 bits, little-endian
riscv64     | riscv64-linux-gnu         | riscv64  | 64 bits, little-endian
ppc64le     | powerpc64le-linux-gnu     | ppc64el  | 64 bits, little-endian
s390x       | s390x-linux-gnu           | s390x    | 64 bits, big-endian
ppc64       | powerpc64-linux-gnu       | ppc64    | 64 bits, big-endian
mips64el    | mips64el-linux-gnuabi64   | mips64el | 64 bits, little-endian; numbers of its own for sockets
mips        | mips-linux-gnu            | mips     | 32 bits, big-endian; numbers of its own for sockets
sparc64     | sparc64-linux-gnu         | sparc64  | 64 bits, big-endian; numbers of its own for sockets
'

# Restarts need ports that nobody else has.
if [ "${1:-}" != inside ]; then
    tools_need cross || exit 1
    exec unshare --net -- "$0" inside "$@"
fi
shift
ip link set lo up
wanted=" $* "

# run LIBRARY VARIABLE=VALUE... -- PROGRAM ARG...: of the architecture at hand.
run() {
    local options=()
    [ -z "$1" ] || options=(-E "LD_PRELOAD=$1")
    shift
    while [ "$1" != -- ]; do
        options+=(-E "$1")
        shift
    done
    shift
    "qemu-$cpu" -L "/usr/$triple" "${options[@]}" "$@"
}

# Not "never", which tries all there is: minutes, and it takes nothing apart that has a byte order.
units=(text rules policy managers shipped)

build_all() {
    make -s -j2 BUILD="$build" CC="$triple-gcc" NM="$triple-nm" all "${units[@]/#/$build/unit/}" "$legacy"
}

unit() { run "" -- "$build/unit/$1"; }

# The command binds for real, and asks the kernel who is there.
why() {
    run "" -- "$build/reuseshim" why -t4 "$port"
    [ $? = 1 ]
}

rows=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while IFS="|" read -r cpu triple _ special; do
    cpu=${cpu// /} triple=${triple// /}
    [ -n "$cpu" ] || continue
    [[ $wanted == "  " || $wanted == *" $cpu "* ]] || continue
    build=$PWD/build/ports/$cpu
    legacy=$build/programs/legacy
    # qemu-user hands over /proc/net/tcp as the real kernel writes it, with addresses in the byte order of that one.
    mirrored=
    [[ $special != *big-endian* ]] || mirrored=1.0.0.127
    begin "$cpu"
    check "$cpu: builds" build_all
    for one in "${units[@]}"; do
        check "$cpu: unit $one" unit "$one"
    done
    check "$cpu: a server restarts" restarts "$build/libreuseshim.so"
    check "$cpu: a refusal is explained" explained "$build/libreuseshim.so"
    asked=$(source_of)
    check "$cpu: the command tells who has the port" why
    echo "$(result)${asked:+, sockets read from $asked}"
    rows+="| $cpu | ${special# } | $(result) | ${asked:--} |"$'\n'
done <<<"$architectures"
printf '| %s | %s | %s | %s |\n' architecture kind checks "sockets read from" --- --- --- ---
printf '%s' "$rows"
finish
