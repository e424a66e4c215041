#!/usr/bin/env bash
# make check-quick, check, check-long: check.sh quick|check|long. What each needs is installed where that can be done
# (Debian, as root), else named. check.sh loop N runs all bats files N times in random order.
# The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mode=${1:-check}
unset LD_PRELOAD
for name in "${!REUSESHIM_@}"; do
    [[ $name == REUSESHIM_TEST_* ]] || unset "$name"
done
. tests/tools.sh

passed=0 failed=0 skipped=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Long enough for a machine that is slow and busy; what hangs for good is ended.
export BATS_TEST_TIMEOUT=1800

# ---- TAP ---------------------------------------------------------------------------------------------------------

# is_allowed REASON: it stands in tests/skips, and its proof holds on this machine.
is_allowed() {
    local key proof reason
    while IFS='|' read -r key proof reason; do
        [ "${reason# }" = "$1" ] || continue
        bash -c "$proof" >/dev/null 2>&1 && return 0
    done < <(grep -v '^#' tests/skips)
    return 1
}

count_skips() {
    local line reason
    while read -r line; do
        reason=${line##*# skip }
        if is_allowed "$reason"; then
            skipped=$((skipped + 1))
        else
            echo "not allowed to be skipped: $line"
            failed=$((failed + 1))
        fi
    done < <(grep -iE '^ok .*# skip' "$1")
}

# report NAME STATUS FILE: shows what is not ok, counts. A stream that ends without its plan is a failure.
report() {
    local plan results
    printf '== %s\n' "$1"
    grep -vE '^ok [^#]*$|^[0-9]+\.\.[0-9]+$|^ok .*#[0-9]' "$3"
    count_skips "$3"
    passed=$((passed + $(grep '^ok ' "$3" | grep -vciE '# skip')))
    failed=$((failed + $(grep -c '^not ok ' "$3")))
    plan=$(sed -n 's/^1\.\.\([0-9]*\).*$/\1/p' "$3")
    results=$(grep -cE '^(not )?ok ' "$3")
    if [ "$results" != "$plan" ] || { [ "$2" != 0 ] && ! grep -q '^not ok ' "$3"; }; then
        echo "$1 ended with status $2 after $results of ${plan:-an unknown number of} tests"
        failed=$((failed + 1))
    fi
}

# run_tap NAME COMMAND...
run_tap() {
    local name=$1
    shift
    "$@" >"$out/tap" 2>&1
    report "$name" $? "$out/tap"
}

# ---- bats --------------------------------------------------------------------------------------------------------

# run_files TAGS FILE...: the tests with these tags, two files at a time: one of them mostly waits.
run_files() {
    local tags=$1 file
    shift
    local files=()
    for file in "$@"; do
        [ "$(bats --count ${tags:+--filter-tags "$tags"} "$file")" = 0 ] || files+=("$file")
    done
    mkdir -p "$out/row"
    printf '%s\0' "${files[@]}" | xargs -0 -r -P 2 -I{} bash -c '
        name=$(basename "$2" .bats)
        bats --tap ${1:+--filter-tags "$1"} "$2" >"$0/$name" 2>&1 </dev/null
        echo $? >"$0/$name.status"' "$out/row" "$tags" {}
    for file in "${files[@]}"; do
        report "$file" "$(cat "$out/row/$(basename "$file" .bats).status")" "$out/row/$(basename "$file" .bats)"
    done
}

run_units() {
    local unit sanitize="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    for unit in text rules policy; do
        run_tap "unit $unit" "build/unit/$unit"
    done
    [ "$mode" != quick ] || return
    make --no-print-directory -s -j2 BUILD=build/asan FRAME= CFLAGS="$sanitize" units || { failed=$((failed + 1)); return; }
    for unit in text rules policy; do
        run_tap "unit $unit, with address and undefined behaviour sanitizers" "build/asan/unit/$unit"
    done
}

# The longest first, so that both rows end at about the same time.
by_size() {
    ls -S tests/*.bats
}

run_kernel() {
    if [ "$(id -u)" = 0 ]; then
        . tests/kernel/check.sh
    else
        printf 'ok 1 - the rule against the kernel # skip needs root: users, cgroups or mounts are set up\n1..1\n' >"$out/tap"
        report "the rule against the kernel" 0 "$out/tap"
    fi
}

finish() {
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ]
    exit
}

case $mode in quick | check | long) tools_need "$mode" || failed=$((failed + 1)) ;; *) tools_need long ;; esac
make --no-print-directory -j2 all programs units || { failed=$((failed + 1)); finish; }
mapfile -t suites < <(by_size)
case $mode in
quick)
    run_units
    run_files quick "${suites[@]}"
    ;;
check)
    run_units
    STEP=64 HISTORIES=100 SOCKETS=10000 run_kernel
    run_files '!long' "${suites[@]}"
    ;;
long)
    STEP=16 HISTORIES=300 SOCKETS=40000 run_kernel
    run_files long "${suites[@]}"
    ;;
loop)
    for ((round = 1; round <= ${2:-5}; round++)); do
        mapfile -t suites < <(printf '%s\n' "${suites[@]}" | shuf)
        echo "==== round $round"
        run_files '' "${suites[@]}"
        echo "==== after round $round: $passed passed, $failed failed, $skipped skipped"
    done
    ;;
*)
    echo "check.sh: expected quick, check, long or loop N" >&2
    failed=1
    ;;
esac
finish
