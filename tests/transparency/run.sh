#!/usr/bin/env bash
# Test suites that others wrote, without the library and under each of three policies: each test has to end in the same way.
#
#   run.sh [SUITE]...   all of suites/, or these; make check-transparency
#   run.sh --sample     four modules of CPython under "restart"
#   run.sh --table      the table of the last results, for tests/README.md
#
# A difference is run again alone, three times each, before it counts (compare.sh). What the policy is meant to change stands in
# the file "expected". The suites are fetched as Debian's source packages into build/transparency; the results stay in
# build/transparency-results.
# The last line is "N passed, N failed, N skipped": each suite under each policy is one.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
unset LD_PRELOAD
for name in "${!REUSESHIM_@}"; do
    [[ $name == REUSESHIM_TEST_* ]] || unset "$name"
done
set -m # a process group for each run, so that all of it ends with us
work=$(mktemp -d /tmp/tXXXX) # a short name: it becomes part of the paths of sockets
trap 'for pid in $(jobs -p); do kill -KILL -- -"$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# shellcheck source=tests/transparency/fetch.sh
. ./fetch.sh
# shellcheck source=tests/transparency/compare.sh
. ./compare.sh
# shellcheck source=tests/tools.sh
. ../tools.sh

build=$(realpath "../../${REUSESHIM_TEST_BUILD:-build}")
library=$build/libreuseshim.so
export store=$build/transparency
results=$build/transparency-results # not in the store, of which a run sees a copy
policies=(audit restart restart-now)
passed=0 failed=0 skipped=0

# suite_do SUITE COMMAND...: with the functions of the suite's file.
suite_do() (
    # shellcheck source=tests/transparency/suites/cpython.sh
    . "suites/$1.sh"
    shift
    "$@"
)

units_of() {
    local test
    for test; do
        unit_of "$test"
    done
}

missing_of() {
    local program
    for program in "${needs[@]}"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || echo "$program"
    done
}

# run_units OUT POLICY SUITE [UNIT]...: in a network of its own. The records are in OUT.records.
run_units() {
    local out=$1 policy=$2 environment
    shift 2
    environment=(scratch="$(mktemp -d "$work/XXX")" "PATH=$PATH:/usr/sbin:/sbin")
    if [ "$policy" != bare ]; then
        rm -f "$out.records"
        environment+=(LD_PRELOAD="$library" REUSESHIM_POLICY="$policy" REUSESHIM_LEVEL=change REUSESHIM_FORMAT=json
            REUSESHIM_LOG="$out.records")
    fi
    unshare --net --mount --pid --fork --kill-child --mount-proc env "${environment[@]}" ./one.sh "$@" \
        </dev/null >"$out.raw" 2>"$out.stderr"
    by_test <"$out.raw" >"$out"
    rm -rf "${environment[0]#scratch=}"
}

count() {
    grep -c $'\t'"$2\$" "$results/$1.bare"
}

# skip SUITE REASON
skip() {
    echo "  skipped    $1: $2"
    skipped=$((skipped + ${#policies[@]}))
}

run_suite() {
    local suite=$1 policy missing cells=() began=$SECONDS
    missing=$(suite_do "$suite" missing_of | xargs)
    [ -z "$missing" ] || { skip "$suite" "needs $missing"; return; }
    suite_do "$suite" fetch >"$results/$suite.fetch" 2>&1 </dev/null || { skip "$suite" "no source: $(tail -n 1 "$results/$suite.fetch")"; return; }
    # Two at a time.
    for policy in bare "${policies[@]}"; do
        [ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n
        run_units "$results/$suite.$policy" "$policy" "$suite" &
    done
    wait
    for policy in "${policies[@]}"; do
        different=0 flaky=0 explained=0
        if ! grep -q $'\tok$' "$results/$suite.bare" || [ ! -s "$results/$suite.$policy" ]; then
            echo "  FAILED     $suite, $policy: nothing ran: $(tail -n 1 "$results/$suite.$policy.stderr")"
            failed=$((failed + 1))
        else
            judge "$suite" "$policy"
            if [ "$different" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
        fi
        cells+=("$different$([ "$explained" = 0 ] || echo " ($explained expected)")$([ "$flaky" = 0 ] || echo " ($flaky flaky)")")
    done
    cells=("$suite" "$(wc -l <"$results/$suite.bare")" "$(count "$suite" ok)"
        "$(grep -cvE $'\t(ok|skip)$' "$results/$suite.bare")" "$(count "$suite" skip)" "${cells[@]}")
    (IFS='|'; echo "${cells[*]}") >"$results/$suite.row${sample:+.sample}"
    echo "$suite took $((SECONDS - began)) s"
}

# show_table SUITE...
show_table() {
    local suite
    {
        echo "suite|tests|passed|failed|skipped$(printf '|differ: %s' "${policies[@]}")"
        for suite; do
            cat "$results/$suite.row${sample:+.sample}" 2>/dev/null || echo "$suite|-"
        done
    } | column -t -s '|'
}

all_suites() { basename -s .sh suites/*.sh; }

main() {
    local suites=() suite IFS=$' \t\n'
    export sample=''
    [ "${1:-}" != --sample ] || { sample=1 policies=(restart); set -- cpython; }
    # shellcheck disable=SC2046
    [ "${1:-}" != --table ] || { show_table $(all_suites); return; }
    [ "$(id -u)" = 0 ] || { echo "needs root, for namespaces"; exit 1; }
    make -s -C ../.. -j2 "BUILD=${REUSESHIM_TEST_BUILD:-build}" all >/dev/null || exit 1
    [ -n "$sample" ] || tools_need suites || echo "The suites of what is missing are skipped."
    mkdir -p "$results"
    suites=("$@")
    [ $# != 0 ] || mapfile -t suites < <(all_suites)
    for suite in "${suites[@]}"; do
        run_suite "$suite"
    done
    show_table "${suites[@]}"
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
}

main "$@"
