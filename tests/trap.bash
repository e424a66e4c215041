# What the tests of `reuseshim run --trap` share. Loaded after helper.bash.
# shellcheck shell=bash

# build_static NAME...: programs of tests/programs that no preload reaches, in the folder of the file.
build_static() {
    local name
    for name; do
        gcc -static -O1 -I"$TOP/include" -o "$BATS_FILE_TMPDIR/$name" "$TOP/tests/programs/$name.c" -lpthread
    done
}

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

# tried_again PID: its bind has been refused, and is made once more after a wait; with -v -v, whose records are in $LOG.
tried_again() {
    [ "$(jq -c 'select(.event == "trace" and .call == "bind" and .pid == '"$1"' and (.message | test("decides")))' "$LOG" | wc -l)" -ge 2 ]
}

# resolved FILTER: the one record of a wait that was worth it.
resolved() {
    jq -c 'select(.event == "resolved")' "$LOG" | holds ".outcome == \"waited\" and .waited_ms > 0 and .holders[0].state == \"LISTEN\" and ($1)"
}

supervisors() {
    local pid
    for pid in $(namespace_processes); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != reuseshim-trap ] || echo "$pid"
    done
}
