#!/usr/bin/env bash
# tests/*.bats with sanitizers: sanitized_bats.sh [TAGS], without TAGS all that is not "long". Two rounds:
#
# All files, with the undefined behaviour sanitizer in the library. Its runtime would need a libc, so what is undefined traps: the
# host dies of SIGILL, and its test fails. The command has the address and undefined behaviour sanitizers.
#
# The files whose hosts are ordinary programs, with the address sanitizer in the library, which brings its runtime along. That sees
# stack and globals of the library; it comes too late to take over malloc, which the library does not use. It takes signals and
# terabytes of address space, so hosts that are in difficulties themselves cannot carry it; sanitized_host.sh has some of them.
#
# Not those that start a machine of their own: make install, which fills it, builds without sanitizers.
#
# Reports of the runtimes are files in the folder of the round. If there is one, or a test fails that is not below, this fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MFLAGS MAKELEVEL
folder=$PWD/build/sanitized
undefined="-O1 -g -fsanitize=undefined,bounds-strict -fsanitize-undefined-trap-on-error"
address="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
make -s -j2 BUILD=build/sanitized/trap CC=gcc FRAME= CFLAGS="$undefined" build/sanitized/trap/libreuseshim.so >/dev/null
make -s -j2 BUILD=build/sanitized/address CC=gcc FRAME= CFLAGS="$address" \
    build/sanitized/address/reuseshim build/sanitized/address/unit/shipped >/dev/null
make -s -j2 BUILD=build/sanitized programs
cp -r "$folder/trap/libreuseshim.so" "$folder/address/reuseshim" "$folder/address/unit" "$folder"
make -s -j2 BUILD=build/sanitized/carried CC=gcc FRAME= NM=true LINKSTRIP="-lasan -lc" CFLAGS="-O1 -g -fsanitize=address" \
    build/sanitized/carried/libreuseshim.so >/dev/null
ln -sfn ../programs "$folder/carried/programs"
cp -r build/sanitized/address/unit "$folder/address/reuseshim" "$folder/carried"
ordinary=(tests/{conflict,sharing,refused,calls,record}.bats)

# Tests that ask for what a sanitizer changes: the size, errno when main begins, and how much memory is enough.
by_nature() {
    cat <<'NAMES'
the file is at most 192 KB, and a process gets at most 16 KB of private dirty memory
watch changes nothing: result, errno and options are the program's own
what it keeps does not grow with the records: 300 MB of them are counted right in 32 MB
NAMES
}

# round BUILD TAGS FILE...
round() {
    local passed failed reports
    rm -rf "$1/reports" "$1"/*.tap
    mkdir -m 1777 "$1/reports"
    # Leaks are check-memory's: LeakSanitizer does not work under strace, which some tests use.
    export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:log_path=$1/reports/address
    export UBSAN_OPTIONS=log_path=$1/reports/undefined REUSESHIM_TEST_BUILD=$1 BATS_TEST_TIMEOUT=1800
    # shellcheck disable=SC2016
    printf '%s\n' "${@:3}" | xargs -P2 -n1 sh -c \
        'bats --tap --filter-tags "$2" "$3" >"$1/${3##*/}.tap" 2>&1' sh "$1" "$2" || true
    passed=$(cat "$1"/*.tap | grep -c '^ok ' || true)
    failed=$(cat "$1"/*.tap | sed -n 's/^not ok [0-9]* //p' | grep -vxF -f <(by_nature) || true)
    # The last of these leaves a report, of 32 MB that are not enough for the sanitizer.
    reports=$(find "$1/reports" -type f -exec grep -L 'internal allocator is out of memory' {} +)
    [ -z "$failed" ] || grep -h -A8 -F "$failed" "$1"/*.tap
    # shellcheck disable=SC2086
    [ -z "$reports" ] || head -n 20 $reports
    echo "$passed tests passed"
    [ "$passed" != 0 ] && [ -z "$failed$reports" ]
}

status=0
mapfile -t files < <(grep -L '^load machine' tests/*.bats)
round "$folder" "${1:-!long}" "${files[@]}" || status=1
round "$folder/carried" "${1:-!long}" "${ordinary[@]}" || status=1
exit $status
