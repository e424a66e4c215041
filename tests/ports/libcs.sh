#!/usr/bin/env bash
# make check-libcs: the library, as it was built here, under other libcs: of each suite that the archives have, glibc and musl.
# That it runs with those that are older than what can be had (glibc from 2.17 on) follows from its names: none has a version,
# and each was in 2.17. The last line is "N passed, N failed, N skipped". x86-64 only.
#
#   ARCHIVE_SOURCES=FILE   more archives, as lines of sources.list(5)
# shellcheck disable=SC2317 # check() calls what is defined here
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/tools.sh
. tests/archive.sh
. tests/ports/report.sh
. tests/ports/server.sh
unset LD_PRELOAD "${!REUSESHIM_@}"
build=$(cd "${INSIDE:-${1:-build}}" && pwd)
library=$build/libreuseshim.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The ports are a network namespace's own; there the mirror cannot be reached any more, so all is fetched before.
if [ -z "${INSIDE:-}" ]; then
    tools_need quick libcs || exit 1
    place=$(mkdir -p "$build/libcs" && cd "$build/libcs" && pwd)
    archive_begin "$place/apt" || exit 1
    for package in libc6 musl; do
        apt-cache madison "$package" | awk '{ print $3 }' | sort -uV | while read -r version; do
            folder=$place/${package}_${version//[:\/]/_}
            [ -e "$folder/done" ] || { mkdir -p "$folder" && archive_download "$folder" "$package=$version" && touch "$folder/done"; }
        done
    done
    unset APT_CONFIG
    INSIDE=$build exec unshare --net -- "$0"
fi
place=$build/libcs
ip link set lo up

# A server that asks for no symbol that is younger than the oldest libc.
glibc_server() {
    cc -O1 -nostartfiles -no-pie -fno-stack-protector -o "$1" tests/programs/legacy.c tests/ports/start.c &&
        [ "$(objdump -T "$1" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)" = GLIBC_2.2.5 ]
}
musl_server() { musl-gcc -O1 -o "$1" tests/programs/legacy.c; }

has_no_versions() { ! objdump -T "$library" | grep -E 'GLIBC|VERS|MUSL'; }
needs_nothing() { ! objdump -p "$library" | grep NEEDED; }

# When glibc got what the library asks for: each of these names is in GLIBC_2.2.5 .. 2.17 of x86-64, by the libc that is here.
names_are_old() {
    local libc name bad=0
    libc=$(ldconfig -p | awk '/libc\.so\.6.*x86-64/ { print $NF; exit }')
    for name in $(nm -D --undefined-only "$library" | awk '$1 != "w" { print $NF }'); do
        # dlsym moved from libdl in 2.34, and there it was from the first.
        [ "$name" != dlsym ] || continue
        objdump -T "$libc" | awk -v name="$name" '$NF == name' | grep -oE 'GLIBC_[0-9.]+' |
            awk -F'[_.]' '{ if ($2 == 2 && $3 <= 17) good = 1 } END { exit !good }' || { echo "$name"; bad=1; }
    done
    return "$bad"
}

# run LIBRARY VARIABLE=VALUE... -- PROGRAM ARG...: by the loader of the libc at hand.
run() {
    local variables=()
    [ -z "$1" ] || variables=("LD_PRELOAD=$1")
    shift
    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    shift
    env "${variables[@]}" "$loader" --library-path "$path" "$@"
}

begin "the library"
check "no symbol has a version" has_no_versions
check "no library is needed" needs_nothing
check "each name was in glibc 2.17" names_are_old
check "a server for any glibc" glibc_server "$work/glibc"
check "a server for musl" musl_server "$work/musl"
rows="| the names that it asks for | $(result) |"$'\n'

for folder in "$place"/libc6_* "$place"/musl_*; do
    [ -e "$folder/done" ] || continue
    name=$(basename "$folder")
    loader=$(find "$folder" -name 'ld-linux-x86-64.so.2' -o -name 'ld-musl-x86_64.so.1' | head -n 1)
    # Links from the root folder lead out of this one.
    [ -e "$loader" ] || loader=$(find "$folder" -path '*x86_64-linux-musl/libc.so' | head -n 1)
    path=$(dirname "$(find "$folder" -name 'libc.so.6' -o -name libc.so | head -n 1)")
    legacy=$work/glibc
    [[ $name != musl* ]] || legacy=$work/musl
    begin "$name"
    check "$name: a server restarts" restarts "$library"
    check "$name: a refusal is explained" explained "$library"
    rows+="| $(sed -E 's/^libc6_/glibc /; s/^musl_/musl /; s/-[^-]*$//' <<<"$name") | $(result) |"$'\n'
done

printf '| %s | %s |\n' libc checks --- ---
printf '%s' "$rows"
finish
