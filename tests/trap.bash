# What the tests of `reuseshim run --trap` share. Loaded after helper.bash.
# shellcheck shell=bash

# Records as JSON in $LOG, as `shim` has them; words before the program are options of run.
run_it() {
    ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run "$@"
}

sock() {
    run_it "$BATS_FILE_TMPDIR/sock" "$@"
}

# trapped_background OPTION... -- PROGRAM: in the background, and waits for what it says.
trapped_background() {
    background ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run "$@"
}

# is_held PID: a call of one of its threads waits for the supervisor's answer.
is_held() {
    grep -qs seccomp /proc/"$1"/task/*/wchan
}

supervisors() {
    local pid
    for pid in $(namespace_processes); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != reuseshim-trap ] || echo "$pid"
    done
}
