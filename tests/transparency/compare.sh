# What differs between a run without the library and one under a policy, and whether it does so again. Sourced by run.sh, which
# has run_units; $results is the folder of the runs.
# shellcheck shell=bash disable=SC2154

# by_test: a line for each test, sorted; one that ran twice has both results.
by_test() {
    awk -F'\t' '!($1 in seen) {seen[$1] = $2; next} seen[$1] != $2 {seen[$1] = seen[$1] "+" $2}
        END {for (test in seen) print test "\t" seen[test]}' | sort
}

# differing BARE OTHER: the tests of two files whose results differ, or that only one of them has.
differing() {
    join -t $'\t' -a 1 -a 2 -e missing -o 0,1.2,2.2 "$1" "$2" | awk -F'\t' '$2 != $3'
}

# result_of FILE TEST
result_of() {
    awk -F'\t' -v test="$2" '$1 == test {found = $2} END {print found == "" ? "missing" : found}' "$1"
}

# why_expected SUITE TEST POLICY: the reason, if the file "expected" names it. (SUITE | TEST, a pattern | POLICIES | REASON)
why_expected() {
    local suite test policies reason
    while IFS='|' read -r suite test policies reason; do
        suite=${suite// /} test=${test# } test=${test% }
        # shellcheck disable=SC2053
        if [ "$suite" = "$1" ] && [[ $2 == $test ]] && [[ " $policies " == *" $3 "* ]]; then
            echo "${reason# }"
            return 0
        fi
    done < <(grep -v '^#' expected)
    return 1
}

# run_again SUITE POLICY TEST...: units of these tests alone, three times without the library and three times under the policy.
run_again() {
    local suite=$1 policy=$2 units round
    shift 2
    mapfile -t units < <(suite_do "$suite" units_of "$@" | sort -u)
    for round in 1 2 3; do
        run_units "$results/$suite.$policy.again.bare.$round" bare "$suite" "${units[@]}" &
        run_units "$results/$suite.$policy.again.$round" "$policy" "$suite" "${units[@]}" &
        wait
    done
}

# judge SUITE POLICY: prints the differences that stay, and counts in different, flaky and explained. A difference stays if one of
# the three runs under the policy says what no run without the library says.
judge() {
    local suite=$1 policy=$2 lines tests line test reason round bare under one stays
    mapfile -t lines < <(differing "$results/$suite.bare" "$results/$suite.$policy")
    [ "${#lines[@]}" != 0 ] || return 0
    mapfile -t tests < <(printf '%s\n' "${lines[@]}" | cut -f1)
    run_again "$suite" "$policy" "${tests[@]}"
    for line in "${lines[@]}"; do
        IFS=$'\t' read -r test bare under <<<"$line"
        bare=" $bare " under=''
        for round in 1 2 3; do
            bare+="$(result_of "$results/$suite.$policy.again.bare.$round" "$test") "
            under+="$(result_of "$results/$suite.$policy.again.$round" "$test") "
        done
        stays=''
        for one in $under; do
            [[ $bare == *" $one "* ]] || stays=1
        done
        if [ -z "$stays" ]; then
            flaky=$((flaky + 1))
            echo "  flaky      $suite, $policy: $test: without:$bare under: $under"
        elif reason=$(why_expected "$suite" "$test" "$policy"); then
            explained=$((explained + 1))
            echo "  expected   $suite, $policy: $test: $reason"
        else
            different=$((different + 1))
            echo "  DIFFERENT  $suite, $policy: $test: without:$bare under: $under"
        fi
    done
}
