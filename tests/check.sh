#!/usr/bin/env bash
# The tests. The last line is "N passed, N failed, N skipped".
#
#   check.sh quick    make check-quick: those tagged "quick", with no more than a compiler, bats, jq, iproute2 and python3
#   check.sh          make check: what is needed to trust a change, all but those tagged "long"
#   check.sh long     make check-long: those tagged "long", and the long walks through the kernel's rule
#   check.sh loop N [FILE.bats]...   by hand: all of tests/*.bats, or these, N times in random order, to find flakes
#
# Tools that are missing are installed where that is possible (Debian, as root), else named: tools.sh.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
unset LD_PRELOAD
for name in "${!REUSESHIM_@}"; do
    [[ $name == REUSESHIM_TEST_* ]] || unset "$name"
done
. tests/tools.sh
. tests/kernel/check.sh

passed=0 failed=0 skipped=0

finish() {
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
    exit
}

# ---- jobs -------------------------------------------------------------------------------------------------------

# Three at a time, since most of them wait for the kernel or a daemon. Each writes TAP to a file of $work.
set -m # a process group for each, so that all of it ends with us
at_once=3
work=$(mktemp -d)
jobs_started=() jobs_shown=0
trap 'for pid in $(jobs -p); do kill -TERM -- -"$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# job NAME COMMAND...: starts it as soon as there is a place.
job() {
    local out=$work/${#jobs_started[@]}
    jobs_started+=("$1")
    shift
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do
        wait -n
        show_jobs
    done
    { "$@" >"$out" 2>&1 </dev/null; echo $? >"$out.status"; } &
}

# Until all have ended.
join_jobs() {
    wait
    show_jobs
}

# In the order in which they were started.
show_jobs() {
    while [ "$jobs_shown" -lt "${#jobs_started[@]}" ] && [ -s "$work/$jobs_shown.status" ]; do
        show_tap "${jobs_started[jobs_shown]}" "$work/$jobs_shown" "$(cat "$work/$jobs_shown.status")"
        jobs_shown=$((jobs_shown + 1))
    done
}

# show_tap NAME FILE STATUS: shows what is not ok, and counts. A stream that ends before its plans is a failure.
show_tap() {
    local name=$1 file=$2 status=$3 good bad planned reason
    good=$(grep -c '^ok ' "$file")
    bad=$(grep -c '^not ok ' "$file")
    planned=$(awk -F'[.]' '/^1\.\.[0-9]+$/ {sum += $3} END {print sum + 0}' "$file")
    [ "$planned" != 0 ] || [ "$status" != 0 ] || return 0 # no test of the file has the tag
    printf '== %s\n' "$name"
    grep -vE '^ok [^#]*$|^[0-9]+\.\.[0-9]+$|^ok .*#[0-9]' "$file"
    sed -n "s|^not ok [0-9]* |$name: |p" "$file" >>"$work/failures"
    passed=$((passed + good)) failed=$((failed + bad))
    while read -r reason; do
        passed=$((passed - 1))
        if may_be_skipped "$reason"; then
            skipped=$((skipped + 1))
        else
            failed=$((failed + 1))
        fi
    done < <(sed -nE 's/^ok .*# [Ss][Kk][Ii][Pp] ?//p' "$file")
    if [ $((good + bad)) != "$planned" ] || { [ "$status" != 0 ] && [ "$bad" = 0 ]; }; then
        echo "$name: ended with status $status, $((good + bad)) of its $planned tests done"
        failed=$((failed + 1))
    fi
}

# may_be_skipped REASON: it is one of tests/skips (KEY | proof | reason), and its proof holds here and now.
may_be_skipped() {
    local proof reason
    while IFS='|' read -r _ proof reason; do
        [ "$reason" = " $1" ] || continue
        bash -c "$proof" >/dev/null 2>&1 </dev/null && return
        echo "not to be skipped: '$1' is not so on this machine:$proof"
        return 1
    done < <(grep -v '^#' tests/skips)
    echo "not to be skipped: '$1' is not in tests/skips"
    return 1
}

# ---- what there is ----------------------------------------------------------------------------------------------

build() {
    make -s -j2 all programs units >/dev/null || { failed=1; finish; }
}

# All but `shipped`, which a bats file asks.
mapfile -t units < <(basename -s .c tests/unit/*.c | grep -vx shipped)

unit_tests() {
    local unit
    for unit in "${units[@]}"; do
        job "unit $unit" "build/unit/$unit"
    done
}

unit_tests_sanitized() {
    local unit
    make -s -j2 BUILD=build/asan FRAME= CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" \
        units >/dev/null || { failed=1; finish; }
    for unit in "${units[@]}"; do
        job "unit $unit, with address and undefined behaviour sanitizers" "build/asan/unit/$unit"
    done
}

# For what hangs; a machine that is slow and busy is never so slow. (bats ends a test by pkill, which check-quick does without.)
limit_tests() {
    ! command -v pkill >/dev/null || export BATS_TEST_TIMEOUT=1800
}

# bats_tests TAGS [FILE]...: the files in the order given, then the others.
bats_tests() {
    local tags=$1 file files
    shift
    mapfile -t files < <(printf '%s\n' "$@" tests/*.bats | awk 'NF && !seen[$0]++')
    for file in "${files[@]}"; do
        job "$file" bats --tap ${tags:+--filter-tags "$tags"} "$file"
    done
}

# Those that take longest begin.
slow_first=(tests/{why,cures,persist,host,systemd,package}.bats)

# loop ROUNDS [FILE]...: what fails in some round only is a flake.
loop() {
    local rounds=$1 round file files=("${@:2}")
    [ "${#files[@]}" != 0 ] || files=(tests/*.bats)
    for round in $(seq "$rounds"); do
        echo "==== round $round of $rounds"
        while read -r file; do
            job "$file" bats --tap "$file"
        done < <(shuf -e "${files[@]}")
        join_jobs
    done
    [ ! -s "$work/failures" ] || { echo "==== failed, and in how many of $rounds rounds"; sort "$work/failures" | uniq -c | sort -rn; }
}

main() {
    local mode=${1:-check}
    case $mode in
    quick) tools_need quick || { failed=1; finish; } ;;
    check) tools_need quick check ;;
    long | loop) tools_need quick check deb long ;;
    *)
        sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac || echo "The tests of what is missing will fail."
    limit_tests
    build
    case $mode in
    quick)
        unit_tests
        bats_tests quick
        ;;
    check)
        bats_tests '!long' "${slow_first[@]}"
        unit_tests
        unit_tests_sanitized
        kernel_check
        ;;
    long)
        bats_tests long "${slow_first[@]}"
        kernel_check_long
        ;;
    loop)
        loop "${@:2}"
        ;;
    esac
    join_jobs
    finish
}

# Read as a whole before it runs: the file may change meanwhile.
main "$@"
