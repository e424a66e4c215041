#!/usr/bin/env bash
# Two more looks at the source than a build takes: gcc's -fanalyzer follows paths through a file, clang-tidy knows habits that
# go wrong (.clang-tidy says which, and why some are left out). At -O1, at which gcc also warns of other things than at -O2.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Its own BUILD and nothing that a caller's make has set.
unset MAKEFLAGS MFLAGS MAKELEVEL
status=0

rm -rf build/analyzer
make -s -k -j2 BUILD=build/analyzer CC=gcc CFLAGS="-O1 -fanalyzer" all >/dev/null || status=1

# tidy FLAGS FILE...
tidy() {
    printf '%s\n' "${@:2}" | xargs -P2 -n1 sh -c \
        'report=$(clang-tidy --quiet "$2" -- -std=c11 -D_DEFAULT_SOURCE -Iinclude $1 2>&1) || { echo "$report"; exit 1; }' sh "$1"
}

mapfile -t library < <(find shim -name '*.c' -not -path 'shim/command/*')
mapfile -t command < <(find shim/command -name '*.c')
tidy "" "${library[@]}" || status=1
# What the Makefile sets for the command, each its own name: only that they are there and differ matters.
tidy "$(printf -- '-D%s="/%s" ' {PREFIX,BINDIR,LIBDIR,LIBDIR32,LIBSUB,LIBSUB32}{,})" "${command[@]}" || status=1
exit $status
