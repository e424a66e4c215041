#!/usr/bin/env bats
# Where a program stands under the trap of reuseshim run: its shell, its children, PID 1, and with the supervisor above it.

load helper
load trap

setup_file() {
    build_static legacy sock
}

run_trapped() {
    ns env REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" run "$@"
}

# A shell that waits for a program in vfork(2) would not stop.
@test "^Z, fg and ^C do what they do in a shell, with the supervisor below and above the program" {
    for trap in --trap --trap=parent; do
        run -0 ns "$SYSTEM_PYTHON" "$SCRIPTS/job_control.py" "$BUILD/reuseshim" run "$trap" \
            "$SYSTEM_PYTHON" -c 'import signal
signal.signal(signal.SIGCONT, lambda *_: print("went on", flush=True))
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("ready", flush=True)
while True: signal.pause()'
        [ "${lines[-1]}" = "code=130" ]
    done
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "as PID 1 the program waits for its own children alone, and orphans are reaped as bare" {
    needs_root
    for trap in "" --trap --trap=parent; do
        # shellcheck disable=SC2086
        run -0 ns unshare --pid --fork --mount-proc ${trap:+"$BUILD/reuseshim" run $trap} sh -c '
            sh -c "sleep 0.2 & exit 0"
            wait; echo "waited $?"
            n=0; while [ -n "$(ps -e -o comm= | grep -x sleep)" ] && [ $((n += 1)) -lt 600 ]; do sleep 0.05; done
            ps -e -o stat=,comm= | grep -c "^Z.*sleep"; exit 0'
        # A shell as PID 1 reaps orphans in its next wait.
        [ "${lines[0]}" = "waited 0" ]
        [ "${#lines[@]}" = 2 ]
    done
}

@test "with --trap=parent exit codes, signals that end it, and signals to it are the program's" {
    run -7 run_trapped --trap=parent sh -c 'exit 7'
    run -143 run_trapped --trap=parent sh -c 'kill -TERM $$'
    run -127 run_trapped --trap=parent /nonexistent
    run -1 run_trapped --trap=parent -r 'port 1-65535 keep' "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:0 bind 127.0.0.1:0
    for signal in TERM INT HUP QUIT USR1 USR2 WINCH; do
        # What a script starts in the background ignores two of them.
        background ns env --default-signal=INT,QUIT "$BUILD/reuseshim" run --trap=parent sh -c "trap 'exit 9' $signal; echo ready; while :; do sleep 0.05; done"
        kill "-$signal" "$last_pid"
        code=0
        wait "$last_pid" || code=$?
        [ "$code" = 9 ]
    done
    # `wait` in a script.
    run -0 run_trapped --trap=parent sh -c 'true & false & wait; echo "$?"'
    [ "$output" = 0 ]
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "with --trap=parent a server is restarted, a refusal explained, and a daemon that outlives the program goes on under the trap" {
    port=$(free_port)
    background run_trapped --trap=parent "$BATS_FILE_TMPDIR/legacy" "$port" 1
    ns "$SYSTEM_PYTHON" -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1]))).makefile().read()' "$port"
    wait "$last_pid"
    run -1 ns "$BATS_FILE_TMPDIR/legacy" "$port" 0
    run -0 run_trapped --trap=parent "$BATS_FILE_TMPDIR/legacy" "$port" 0
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    mkfifo "$BATS_TEST_TMPDIR/go"
    run -0 run_it --trap=parent sh -c '(read -r _ <"$0"; "$1" tcp bind 127.0.0.1:"$2"; echo over >"$0.over") >/dev/null 2>&1 &' \
        "$BATS_TEST_TMPDIR/go" "$BATS_FILE_TMPDIR/sock" "$port"
    echo >"$BATS_TEST_TMPDIR/go"
    until_true [ -e "$BATS_TEST_TMPDIR/go.over" ]
    expect_record '.event == "conflict"' '.cause == "listener"' ".holders[0].processes[0].pid == $holder_pid"
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "with --trap=parent the program goes on when its supervisor is killed" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    exec {go}<>"$BATS_TEST_TMPDIR/go"
    background ns "$BUILD/reuseshim" run --trap=parent sh -c 'echo ready; read -r _ <"$0"; "$1" tcp bind 127.0.0.1:0 listen && echo over >"$0.over"' \
        "$BATS_TEST_TMPDIR/go" "$BATS_FILE_TMPDIR/sock"
    kill -KILL "$last_pid"
    echo >&"$go"
    until_true [ -e "$BATS_TEST_TMPDIR/go.over" ]
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "a program that waits until it has no child at all does not wait for the supervisor" {
    # As strace and gdb do.
    run -0 ns timeout 60 "$BUILD/reuseshim" run --trap "$SYSTEM_PYTHON" -c 'import ctypes, os
libc, status, waited = ctypes.CDLL(None), ctypes.c_int(), 0
if os.fork() == 0: os._exit(3)
while libc.waitpid(-1, ctypes.byref(status), 0x40000000) > 0: waited += 1
print(waited, os.WEXITSTATUS(status.value))'
    [ "$output" = "1 3" ]
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "with --trap=parent a program that is stopped and continued by its number goes on, and is answered" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    background ns "$BUILD/reuseshim" run --trap=parent "$SYSTEM_PYTHON" -c 'import os, signal, socket, sys
continued = 0
def count(*_):
    global continued
    continued += 1
signal.signal(signal.SIGCONT, count)
print(os.getpid(), flush=True)
open(sys.argv[1]).read()
socket.create_server(("127.0.0.1", 0))
print(continued, flush=True)' "$BATS_TEST_TMPDIR/go"
    program=$(cat "$last_out")
    state() { sed 's/.*) //; s/ .*//' "/proc/$1/stat"; }
    kill -STOP "$program"
    until_true eval '[ "$(state "$last_pid")" = T ]'
    kill -CONT "$program"
    until_true eval '[ "$(state "$last_pid")" != T ]'
    echo >"$BATS_TEST_TMPDIR/go"
    wait "$last_pid"
    [ "$(tail -n 1 "$last_out")" = 1 ]
}

@test "a static program that its file gives rights is not put under a trap that takes them away, and is told so" {
    needs_root
    open_folder
    cp "$BATS_FILE_TMPDIR/sock" "$open/sock"
    setcap cap_net_bind_service+ep "$open/sock"
    as_user=(ns setpriv --reuid 54321 --regid 54321 --clear-groups)
    "${as_user[@]}" "$open/sock" tcp bind 127.0.0.1:80
    run -126 "${as_user[@]}" "$BUILD/reuseshim" run "$open/sock" tcp bind 127.0.0.1:80
    [[ $output == *"only a trap reaches it"*"CAP_SYS_ADMIN"* ]]
    run -0 "${as_user[@]}" "$BUILD/reuseshim" run --trap=try "$open/sock" tcp bind 127.0.0.1:80
    run -0 ns "$BUILD/reuseshim" run "$open/sock" tcp bind 127.0.0.1:80
}

@test "where the library is preloaded already a refusal under the trap has one record" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run --trap "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.cause == "listener"'
}
