#!/usr/bin/env bash
# make check-compilers: builds the library, the command, the unit tests and the programs of the tests with each compiler that a
# Debian has, with all warnings as errors, and runs the unit tests. Started by tests/fresh_root.sh once in an older and once in
# a newer Debian. The last line is "N passed, N failed, N skipped".
# shellcheck disable=SC2317 # check() calls what is defined here
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/tools.sh
. tests/ports/report.sh
unset LD_PRELOAD "${!REUSESHIM_@}"

# Every gcc-N and clang-N of this suite, whatever N is.
apt-get update -qq
mapfile -t compilers < <(apt-cache pkgnames | grep -E '^(gcc|clang)-[0-9]+$' | sort -V)
tools_install "${compilers[@]}" tcc musl-tools libc6-dev make binutils || exit 1

# A library that is as it has to be: it needs no other, and each name it takes is one that every libc has.
builds() {
    make -s -j2 BUILD="build/ports/$1" "${@:2}" all units &&
        ! objdump -p "build/ports/$1/libreuseshim.so" | grep NEEDED
}

units() {
    local one
    for one in text rules policy never managers shipped; do
        "build/ports/$1/unit/$one" || return 1
    done
}

version() {
    "$1" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1
}

# tcc has no -Wconversion and no linker for a version script: each file by itself. It has no .incbin and no __builtin_ctzll, and to
# 0.9.27 no atomics: what uses them is left out.
tcc_compiles() {
    local file bad=0 atomics=yes
    local places=(-DPREFIX='""' -DBINDIR='""' -DLIBDIR='""' -DLIBDIR32='""' -DLIBSUB='""' -DLIBSUB32='""')
    echo '#include <stdatomic.h>' | tcc -c -o build/ports/tcc.o - 2>/dev/null || atomics=no
    for file in $(find shim -name '*.c' | sort); do
        [ "$atomics" = yes ] || ! "$newest" -M -D_DEFAULT_SOURCE -Iinclude -Ishim "$file" | grep -q 'stdatomic\.h' || continue
        ! grep -qE '\.incbin|__builtin_ctzll' "$file" || continue
        set --
        [[ $file != shim/command/* ]] || set -- "${places[@]}"
        tcc -Wall -Werror -std=c11 -D_DEFAULT_SOURCE -Iinclude -Ishim "$@" -c -o build/ports/tcc.o "$file" || bad=1
    done
    return "$bad"
}

rows=
row() { rows+="| $1 | $(result) |"$'\n'; }

# try NAME VERSION MAKE_ARGUMENT...
try() {
    local name=$1
    begin "$name"
    check "$name: builds without a warning" builds "${name// /-}" "${@:3}"
    check "$name: unit tests" units "${name// /-}"
    row "$name $2"
    rm -rf "build/ports/${name// /-}"
}

mkdir -p build/ports
for one in "${compilers[@]}"; do
    try "$one" "$(version "$one")" CC="$one"
done
newest=$(printf '%s\n' "${compilers[@]}" | grep ^gcc | tail -n 1)
try "$newest -O3 -flto" "" CC="$newest" CFLAGS="-O3 -flto"
try "$newest -O0" "" CC="$newest" CFLAGS=-O0 FRAME=
try musl-gcc "$(musl-gcc -dumpfullversion)" CC=musl-gcc
begin tcc
check "tcc: compiles each file" tcc_compiles
row "tcc $(tcc -v | grep -oE '[0-9.]+' | head -n 1)"

printf '| %s | %s |\n' compiler checks --- ---
printf '%s' "$rows"
finish
