# Checks that are counted, for the scripts of this folder. Sourced.
# shellcheck shell=bash

passed=0 failed=0

# begin NAME: from here on is one row of the table.
begin() {
    passed_before=$passed failed_before=$failed
    echo "== $1"
}

# check NAME COMMAND...: its output is shown only if it fails.
check() {
    local name=$1 out
    shift
    out=$(mktemp)
    if "$@" >"$out" 2>&1 </dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        tail -n 30 "$out"
    fi
    rm -f "$out"
}

# result: of the row at hand.
result() {
    local good=$((passed - passed_before)) bad=$((failed - failed_before))
    echo "$good of $((good + bad))"
}

finish() {
    printf '%s passed, %s failed, 0 skipped\n' "$passed" "$failed"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
    exit
}
