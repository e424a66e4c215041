#!/usr/bin/env bats
# Where records go, and what happens when they cannot. The logs "journal" and "syslog" are in system_log.bats.
# bats file_tags=quick

load helper

setup_conflict() {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
}

# With settings, a refused bind; what it writes is in $output (stdout) and $stderr.
refused() {
    run -1 --separate-stderr ns env LD_PRELOAD="$LIB" "$@" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
}

@test "auto, stderr and no setting lead to stderr, with the whole record" {
    setup_conflict
    for log in auto stderr ""; do
        refused REUSESHIM_LOG="$log"
        [[ ${stderr_lines[0]} == *"failed: EADDRINUSE" ]]
        grep -q "^reuseshim\[[0-9]*\]   cure " <<<"$stderr"
    done
}

@test "none writes nothing" {
    setup_conflict
    refused REUSESHIM_LOG=none
    [ -z "$stderr" ]
}

@test "an absolute path is a file that is made with mode 0600 and appended to" {
    setup_conflict
    refused REUSESHIM_LOG="$LOG"
    refused REUSESHIM_LOG="$LOG"
    [ -z "$stderr" ]
    [ "$(grep -c 'failed: EADDRINUSE' "$LOG")" = 2 ]
    [ "$(stat -c %a "$LOG")" = 600 ]
}

@test "fd:N is written for as long as it is the same file, and not once the program has another one there" {
    setup_conflict
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=fd:9 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" 9>"$LOG"
    grep -q 'failed: EADDRINUSE' "$LOG"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=fd:9 \
        "$SYSTEM_PYTHON" "$SCRIPTS/swap_descriptor.py" "$port" "$BATS_TEST_TMPDIR/own" 9>"$LOG"
    [ -e "$BATS_TEST_TMPDIR/own" ] && [ ! -s "$BATS_TEST_TMPDIR/own" ]
    [ ! -s "$LOG" ]
}

@test "where a symbolic link, a directory, a path that is not there or a full disk cannot be written, the record goes to stderr instead, and that is said" {
    setup_conflict
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/link"
    for log in "$BATS_TEST_TMPDIR/link" "$BATS_TEST_TMPDIR" /nonexistent/log /dev/full; do
        refused REUSESHIM_LOG="$log"
        [ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]
        [[ ${stderr_lines[0]} == *"REUSESHIM_LOG"*"cannot be written"* ]]
        [[ ${stderr_lines[1]} == *"failed: EADDRINUSE"* ]]
        [ "$(grep -c "cannot be written" <<<"$stderr")" = 1 ]
    done
}

@test "records that could not be written are counted, and the next one that can be tells how many" {
    setup_conflict
    run -0 shim "$SYSTEM_PYTHON" "$SCRIPTS/lose_three_records.py" "$port" "$LOG"
    [ "$(jq -r .lost "$LOG" | xargs)" = "3 0" ]
    rm "$LOG"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$SYSTEM_PYTHON" "$SCRIPTS/lose_three_records.py" "$port" "$LOG"
    grep -qE '^reuseshim\[[0-9]+\]   lost     3 ' "$LOG"
}

@test "a record to a pipe is never longer than the pipe takes whole: fewer holders are listed, the others counted" {
    port=$(free_port)
    words=()
    for i in $(seq 32); do
        words+=(tcp bind 127.0.1."$i":"$port")
    done
    holder "${words[@]}"
    for format in json text; do
        ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT="$format" REUSESHIM_LOG=fd:9 "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port" \
            9>&1 >/dev/null | cat >"$BATS_TEST_TMPDIR/record.$format" || true
        [ "$(stat -c %s "$BATS_TEST_TMPDIR/record.$format")" -le 4096 ]
    done
    holds '.holders_omitted > 0 and .holders_omitted + (.holders | length) == 32' "$BATS_TEST_TMPDIR/record.json"
    grep -qE '[0-9]+ more' "$BATS_TEST_TMPDIR/record.text"
    # A file takes all of it.
    run -1 shim "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    expect_record '.holders | length == 32'
}

@test "a policy with a very long path does not keep a record from fitting" {
    setup_conflict
    folder=$BATS_TEST_TMPDIR$(printf '/%0200d' $(seq 12))
    mkdir -p "$folder"
    echo "tcp keep" >"$folder/long.policy"
    ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=json REUSESHIM_POLICY="$folder/long.policy" \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" 2>&1 >/dev/null | cat >"$LOG"
    expect_record '.cause == "listener"' '.policy | endswith("/long.policy")' '.rule | endswith("/long.policy:1")'
}

@test "at level error no conflict is recorded, and an error in the settings is" {
    setup_conflict
    refused REUSESHIM_LEVEL=error
    [ -z "$stderr" ]
    refused REUSESHIM_LEVEL=error REUSESHIM_RULES=bogus
    [ "${#stderr_lines[@]}" = 1 ]
}

# strace is needed from here on.
# bats file_tags=

@test "a record is written by one write" {
    setup_conflict
    ns strace -f -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/err" || true
    [ "$(grep -cE 'write.*\(2,' "$BATS_TEST_TMPDIR/trace")" = 1 ]
}

@test "a log whose file system never answers holds a refusal up for the budget, once, and the records go to stderr" {
    may_skip no-fuse
    needs_root
    setup_conflict
    mkdir "$BATS_TEST_TMPDIR/silent"
    ln -s silent "$BATS_TEST_TMPDIR/link"
    for kind in mute deaf; do
        began=${EPOCHREALTIME/[.,]/}
        run -1 --separate-stderr ns "$SYSTEM_PYTHON" "$SCRIPTS/silent_filesystem.py" "$BATS_TEST_TMPDIR/silent" "$kind" \
            env LD_PRELOAD="$LIB" REUSESHIM_BUDGET_MS=500 REUSESHIM_LOG="$BATS_TEST_TMPDIR/link/log" \
            timeout 60 "$PROGRAMS/sock" tcp repeat 20 bind 127.0.0.1:"$port"
        took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
        echo "$kind: $took ms"
        ((took >= 500))
        # reuseshim run, which looks at a log before it starts the program, does not at such a one.
        ns timeout 60 "$SYSTEM_PYTHON" "$SCRIPTS/silent_filesystem.py" "$BATS_TEST_TMPDIR/silent" "$kind" \
            "$BUILD/reuseshim" run --log "$BATS_TEST_TMPDIR/silent/log" true
        [ "$(grep -c 'failed: EADDRINUSE' <<<"$stderr")" = 20 ]
        [ "$(grep -c 'cannot be written (ETIMEDOUT)' <<<"$stderr")" = 1 ]
    done
}

@test "a program that has locked the very log keeps its lock, and the log gets every record" {
    setup_conflict
    run -0 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/keep_lock.py" "$LOG" "$port" 30
    echo "$output"
    [ "$output" = "kept 1" ]
    [ "$(wc -l <"$LOG")" = 30 ]
}
