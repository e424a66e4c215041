#!/usr/bin/env bats
# Where records go, and what happens when they cannot.

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

@test "auto and stderr: to stderr, in one write" {
    setup_conflict
    for log in auto stderr ""; do
        refused REUSESHIM_LOG="$log"
        [[ ${stderr_lines[0]} == *"failed: EADDRINUSE" ]]
        # Only root has seen every process, and so is advised to stop the holder as well.
        [ "${#stderr_lines[@]}" = $((4 + ($(id -u) == 0))) ]
    done
    ns strace -f -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/err" || true
    [ "$(grep -cE 'write.*\(2,' "$BATS_TEST_TMPDIR/trace")" = 1 ]
}

@test "none: nothing" {
    setup_conflict
    refused REUSESHIM_LOG=none
    [ -z "$stderr" ]
}

@test "an absolute path: appended to, made with mode 0600" {
    setup_conflict
    refused REUSESHIM_LOG="$LOG"
    refused REUSESHIM_LOG="$LOG"
    [ -z "$stderr" ]
    [ "$(grep -c 'failed: EADDRINUSE' "$LOG")" = 2 ]
    [ "$(stat -c %a "$LOG")" = 600 ]
}

@test "fd:N, for as long as it is the same file" {
    setup_conflict
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=fd:9 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" 9>"$LOG"
    grep -q 'failed: EADDRINUSE' "$LOG"
    cat >"$BATS_TEST_TMPDIR/swap.py" <<'PY'
import os, socket, sys
file = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY)
os.dup2(file, 9)
s = socket.socket()
try:
    s.bind(("127.0.0.1", int(sys.argv[1])))
except OSError:
    sys.exit(0)
PY
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=fd:9 \
        "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/swap.py" "$port" "$BATS_TEST_TMPDIR/own" 9>"$LOG"
    [ ! -s "$BATS_TEST_TMPDIR/own" ]
    [ ! -s "$LOG" ]
}

@test "a symbolic link, a directory and a path that is not there are not written; the program goes on" {
    setup_conflict
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/link"
    for log in "$BATS_TEST_TMPDIR/link" "$BATS_TEST_TMPDIR" /nonexistent/log; do
        refused REUSESHIM_LOG="$log"
        [ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]
        [[ $stderr == *"REUSESHIM_LOG"*"cannot be written"* ]]
        [ "${#stderr_lines[@]}" = 1 ]
    done
}

@test "records that could not be written are counted and reported with the next one that can" {
    setup_conflict
    cat >"$BATS_TEST_TMPDIR/lost.py" <<'PY'
import os, socket, sys
port, path = int(sys.argv[1]), sys.argv[2]
def refused():
    s = socket.socket()
    try: s.bind(("127.0.0.1", port))
    except OSError: pass
os.mkdir(path)
for i in range(3): refused()
os.rmdir(path)
for i in range(2): refused()
PY
    run -0 shim "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/lost.py" "$port" "$LOG"
    [ "$(jq -r .lost "$LOG" | xargs)" = "3 0" ]
    rm "$LOG"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/lost.py" "$port" "$LOG"
    grep -q '  lost     3 records before this one could not be written' "$LOG"
}

@test "to a pipe a record is never longer than the pipe takes whole; rather fewer holders are listed" {
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
    grep -qE 'and +[0-9]+ more' "$BATS_TEST_TMPDIR/record.text"
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

@test "level error: no conflict is recorded, an error in the settings is" {
    setup_conflict
    refused REUSESHIM_LEVEL=error
    [ -z "$stderr" ]
    refused REUSESHIM_LEVEL=error REUSESHIM_RULES=bogus
    [ "${#stderr_lines[@]}" = 1 ]
}
