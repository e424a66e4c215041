#!/usr/bin/env bash
# Which lines and branches of shim/ the tests reach, room by room: coverage.sh [FILE.bats]..., without one all but those that start
# a machine of their own and the tests tagged "long". In build/coverage: `lines` is the source with its counts, `missed` the lines
# that none reached, FILE.bats.tap what failed.
#
# The counters lie in a file that each process maps (clang's continuous mode), so they stay whole when it is killed, execs or
# ends by _exit, as tests do. Its runtime needs a libc: this library is not the one that is shipped, and the tests of what the
# shipped one needs and exports, of its size and of musl fail here. That is no matter: what counts is what is reached.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
folder=$PWD/build/coverage
rm -rf "$folder"
mkdir -p "$folder" && mkdir -m 1777 "$folder/raw" || exit 1

counted=(-O1 -g -fcoverage-mapping "-fprofile-instr-generate=$folder/raw/%c%m.profraw" -mllvm -runtime-counter-relocation
    -Qunused-arguments)
# The runtime comes first, or the library's own constructor would run before there is a file to count in; and before it an
# object that is counted, or the runtime would think that none is. crtbegin has __dso_handle, which atexit of libc wants.
# NM=true: the names that the library needs are not looked at.
echo 'void counted_first(void); void counted_first(void) {}' >"$folder/first.c"
clang "${counted[@]}" -fPIC -fvisibility=hidden -c -o "$folder/first.o" "$folder/first.c" || exit 1
# The runtime leaves an errno; what comes last clears it, as it is without a runtime.
echo '#include <errno.h>
__attribute__((constructor)) static void cleared_last(void) { errno = 0; }' >"$folder/last.c"
clang -fPIC -c -o "$folder/last.o" "$folder/last.c" || exit 1
runtime=$(clang --print-runtime-dir)/libclang_rt.profile-$(uname -m).a
crt=$(clang -print-file-name=crtbeginS.o)
make -s -j2 BUILD=build/coverage CC=clang FRAME= NM=true CFLAGS="${counted[*]}" \
    LDFLAGS="$folder/first.o -Wl,-u,__llvm_profile_runtime $runtime" \
    LINKSTRIP="$folder/last.o $crt ${crt/begin/end} -Wl,-u,atexit -lc" all units programs >/dev/null || exit 1

# Each file of counters is made now, so that processes of other users may write to it, too.
(umask 0 && "$folder/reuseshim" --version && LD_PRELOAD=$folder/libreuseshim.so /bin/true) >/dev/null
for unit in tests/unit/*.c; do
    unit=$(basename -s .c "$unit")
    (umask 0 && "$folder/unit/$unit") >"$folder/$unit.tap"
done

# make install, which fills a machine, would build without counters, and a machine's root has no place for them.
if [ $# = 0 ]; then
    mapfile -t files < <(grep -L '^load machine' tests/*.bats)
    set -- "${files[@]}"
fi
export REUSESHIM_TEST_BUILD=$folder BATS_TEST_TIMEOUT=300
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P2 -n1 sh -c 'bats --tap --filter-tags "!long" "$2" >"$1/${2##*/}.tap" 2>&1' sh "$folder"
echo "$(cat "$folder"/*.tap | grep -c '^ok ') tests passed, $(cat "$folder"/*.tap | grep -c '^not ok ') failed"

llvm-profdata merge -o "$folder/counts" "$folder"/raw/*.profraw || exit 1
cov() {
    llvm-cov "$1" "$folder/reuseshim" -object "$folder/libreuseshim.so" -instr-profile="$folder/counts" "${@:2}"
}
cov show >"$folder/lines"
cov export -format=lcov >"$folder/lcov"
awk -F'[:,]' -v top="$PWD/" '/^SF:/ { file = substr($0, 4); sub(top, "", file) } /^DA:/ && $3 == 0 { print file ":" $2 }' \
    "$folder/lcov" >"$folder/missed"

printf '%-10s %8s %8s %8s %10s %8s\n' room lines reached % branches %
cov export -summary-only | jq -r --arg top "$PWD/shim/" '
    [.data[0].files[] | select(.filename | startswith($top)) | . + {room: (.filename[($top | length):] | split("/")[0])}]
    | (group_by(.room)[], [.[] + {room: "all"}]) | [.[0].room, ([.[].summary.lines.count] | add), ([.[].summary.lines.covered] | add),
        ([.[].summary.branches.count] | add), ([.[].summary.branches.covered] | add)] | @tsv' |
    awk -F'\t' '{ printf "%-10s %8d %8d %8.1f %10d %8.1f\n", $1, $2, $3, 100 * $3 / $2, $4, $4 ? 100 * $5 / $4 : 100 }'
