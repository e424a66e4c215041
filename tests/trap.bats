#!/usr/bin/env bats
# reuseshim run of programs that no preload reaches, and of others with --trap: each promise on a static program that sets no option.

load helper
load trap

setup_file() {
    build_static sock legacy many_binds filter
    musl-gcc -static -O1 -o "$BATS_FILE_TMPDIR/legacy-musl" "$TOP/tests/programs/legacy.c"
}

# serve_once PORT COMMAND...: the server serves one client, and leaves a TIME_WAIT.
serve_once() {
    background ns "${@:2}" "$1" 1
    ns "$SYSTEM_PYTHON" -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1]))).makefile().read()' "$1"
    wait "$last_pid"
}

# ---- what the library does for others ---------------------------------------------------------------------------

@test "a static server that sets no option is restarted at once under run, and not without; glibc and musl" {
    for program in legacy legacy-musl; do
        port=$(free_port)
        serve_once "$port" "$BATS_FILE_TMPDIR/$program"
        run -1 ns "$BATS_FILE_TMPDIR/$program" "$port" 0
        port=$(free_port)
        trapped=(env REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" run "$BATS_FILE_TMPDIR/$program")
        serve_once "$port" "${trapped[@]}"
        run -0 ns "${trapped[@]}" "$port" 0
        [ "$output" = listening ]
        [ ! -s "$LOG" ]
    done
}

@test "a refusal has the record that the library writes: who, why, of which program and descriptor" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 sock tcp6 tcp bind 127.0.0.1:"$port" errno
    [ "$output" = "bind: EADDRINUSE
errno=98" ]
    expect_record '.event == "conflict"' '.call == "bind"' '.errno == "EADDRINUSE"' '.cause == "listener"' '.program == "sock"' '.fd > 3' \
        '.pid == .tid' '.options.reuseaddr' '.options.cloexec == false' '.diagnosis.source == "sock_diag"' '.cures | length > 0'
    owner_is "$holder_pid"
    # By the program itself: its own socket is its own.
    run -1 sock tcp bind 127.0.0.2:"$port" tcp bind 127.0.0.2:"$port"
    expect_record '.cause == "bound"' '.holders[0].processes[0].relation == "self"' '.pid == .holders[0].processes[0].pid'
}

@test "with REUSESHIM_DIAGNOSE=never nobody is looked for, as under the library" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    export REUSESHIM_DIAGNOSE=never
    run -1 run_it -r keep "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.errno == "EADDRINUSE"' '.holders == []' '.diagnosis.source == "none"' '.diagnosis.reason | contains("never")'
}

@test "the same holders give the same record as under the library" {
    port=$(free_port)
    same() {
        rm -f "$LOG"
        shim "$PROGRAMS/sock" "$@" >/dev/null || true
        record '[.event, .call, .errno, .cause, .local, .options, .message, (.holders[0] | .local, .state, .uid, .reuseaddr, .reuseport, .blocks, .owner)]' >"$BATS_TEST_TMPDIR/one"
        rm -f "$LOG"
        sock "$@" >/dev/null || true
        record '[.event, .call, .errno, .cause, .local, .options, .message, (.holders[0] | .local, .state, .uid, .reuseaddr, .reuseport, .blocks, .owner)]' >"$BATS_TEST_TMPDIR/two"
        cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    }
    holder tcp bind 127.0.0.1:"$port" listen udp bind 127.0.0.1:"$port" tcp6 set v6only bind [::1]:"$port" tcp bind 127.0.0.3:"$port"
    same tcp bind 127.0.0.1:"$port"
    same tcp bind 0.0.0.0:"$port"
    same tcp set reuseport bind 127.0.0.1:"$port"
    same udp bind 127.0.0.1:"$port"
    same tcp6 bind [::]:"$port"
    same tcp bind 127.0.0.3:"$port"
    same tcp bind 192.0.2.1:80
    same tcp bind 127.0.0.4:"$port" bind 127.0.0.5:"$port"
    same tcp set reuseaddr bind 127.0.0.6:7 tcp set reuseaddr bind 127.0.0.6:7 listen back listen
}

@test "what listens gets reuseaddr, a change is recorded, and the program cannot undo it" {
    port=$(free_port)
    run -0 run_it -v "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" get reuseaddr listen get reuseaddr set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=0
reuseaddr=1
reuseaddr=1" ]
    holds '.event == "change"' "$LOG"
    jq -r .message "$LOG" | grep -q 'reuseaddr forced, by restart:'
    jq -r .message "$LOG" | grep -q 'reuseaddr=0 is answered with success but not carried out'
}

@test "share, wait, evict and watch do what they say" {
    port=$(free_port)
    trapped_background -p share "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" listen hold
    run -0 run_it -p share "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" listen
    stop
    holder tcp bind 127.0.0.1:"$port" listen
    spawn ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run -v -v -r 'tcp wait 600s' "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" errno
    waiter=$last_pid
    until_true tried_again "$waiter"
    stop "$holder_pid"
    wait "$waiter"
    [ "$(cat "$last_out")" = "errno=0" ]
    resolved ".pid == $waiter"
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 run_it -r 'tcp wait 300ms' "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.event == "conflict"' '.waited_ms >= 250' '.cause == "listener"'
    stop "$holder_pid"
    background ns "$PROGRAMS/legacy" "$port"
    run -1 run_it -p restart-now "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" # a stranger's listener: at once
    expect_record '.waited_ms == 0'
    port=$(free_port udp)
    holder udp set reuseaddr bind 127.0.0.1:"$port"
    run -0 run_it -p audit "$BATS_FILE_TMPDIR/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    expect_record '.event == "shared"' '.message | test("newest")'
    owner_is "$holder_pid"
}

@test "leftovers are evicted, with the program's own rights" {
    needs_root
    port=$(free_port)
    ns "$SYSTEM_PYTHON" "$SCRIPTS/leave_time_wait.py" 127.0.0.1:"$port":1
    open_folder
    install -m 755 "$BUILD/reuseshim" "$BATS_FILE_TMPDIR/sock" "$open"
    run -1 ns env REUSESHIM_LOG=none "$BUILD/reuseshim" run -r 'tcp evict' "$BATS_FILE_TMPDIR/sock" uid 4711 tcp bind 127.0.0.1:"$port" listen
    run -0 run_it -r 'tcp evict' "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" listen
    expect_record '.event == "resolved"' '.outcome == "evicted"' '.evicted == 1'
}

@test "a signal ends a wait, and its handler has run" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -143 ns env REUSESHIM_LOG="$LOG" timeout --preserve-status 1 "$BUILD/reuseshim" run -r 'tcp wait 600s' "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
}

@test "before Linux 5.19 options are set and nothing is explained: a restart works, and what is refused for good stays as it was" {
    port=$(free_port)
    old=("$BATS_FILE_TMPDIR/filter" errno killable env REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" run)
    serve_once "$port" "${old[@]}" "$BATS_FILE_TMPDIR/legacy"
    run -1 ns "$BATS_FILE_TMPDIR/legacy" "$port" 0
    run -0 --separate-stderr ns "${old[@]}" "$BATS_FILE_TMPDIR/legacy" "$port" 0
    [ "$output" = listening ]
    [[ $stderr == *" lets it set options only: refusals are not explained, and wait, evict and watch do nothing"* ]]
    # Where the option would not help, and where nothing is in the way, it is not set; share is.
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns "${old[@]}" "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" get reuseaddr errno
    run -0 ns "${old[@]}" "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.2:"$port" get reuseaddr
    [[ $output == *"reuseaddr=0"* ]]
    run -0 ns "${old[@]}" -p share "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.3:"$port" get reuseport
    [[ $output == *"reuseport=1"* ]]
    [ ! -s "$LOG" ]
}

@test "rules about socket act on the first call of a socket that has no port" {
    run -0 run_it -r 'on socket tcp force reuseaddr' "$BATS_FILE_TMPDIR/sock" tcp get reuseaddr bind 127.0.0.1:0 get reuseaddr tcp listen get reuseaddr
    [ "$output" = "reuseaddr=0
reuseaddr=1
reuseaddr=1" ]
}

@test "a preload that a rule cannot come through says so before anything runs" {
    run -100 run_it -r 'on socket tcp force cloexec' "$BATS_FILE_TMPDIR/sock"
    [[ $output == "reuseshim: REUSESHIM_RULES:1: --trap cannot do this: cloexec"* ]]
    run -100 run_it -p as-macos "$BATS_FILE_TMPDIR/sock"
    [[ $output == *"'emulate'" ]]
    run -100 run_it --trap=nonsense true
    [[ $output == "reuseshim: run: --trap: 'nonsense': expected "* ]]
}

# ---- as if nothing were there -----------------------------------------------------------------------------------

@test "the program keeps its pid, its exit code and its children: no wait(2) sees the supervisor, and nothing is left" {
    run -0 run_it --trap sh -c 'echo $$; exec "$0" -c "import os
print(os.getpid())
try: os.wait()
except ChildProcessError: print(\"no child\")
print(sorted(os.listdir(\"/proc/self/fd\")))"' "$SYSTEM_PYTHON"
    [ "${lines[0]}" = "${lines[1]}" ]
    [ "${lines[2]}" = "no child" ]
    [ "${lines[3]}" = "$(ns "$SYSTEM_PYTHON" -c 'import os; print(sorted(os.listdir("/proc/self/fd")))')" ]
    for code in 0 1 126 137; do
        run -$code run_it --trap sh -c "[ $code = 137 ] && kill -9 \$\$; exit $code"
    done
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "a command substitution ends with the program, though a daemon of it lives on under the trap" {
    start=$SECONDS
    answer=$(ns "$BUILD/reuseshim" run --trap sh -c 'sleep 1000 >/dev/null 2>&1 & echo done' 2>&1)
    [ "$answer" = "done" ]
    [ $((SECONDS - start)) -lt 100 ]
    [ -n "$(supervisors)" ]
}

@test "eight threads and a signal every millisecond: every result is right, and every refusal has its record" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 run_it -r keep "$BATS_FILE_TMPDIR/many_binds" 8 25 "$port"
    [ "$output" = "refused 200, bound 200, wrong 0, ticks many" ]
    [ "$(wc -l <"$LOG")" = 200 ]
    holds '.cause == "listener" and .errno == "EADDRINUSE" and .program == "many_binds"' "$LOG"
}

@test "a record goes to the program's own descriptor, whatever its number" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for number in 1 3 7 9; do
        rm -f "$LOG"
        run ns env REUSESHIM_LOG="fd:$number" REUSESHIM_FORMAT=json sh -c '"$@" '"$number"'>"$0"' "$LOG" "$BUILD/reuseshim" run -r keep \
            "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
        [ "$(grep -c '^{' "$LOG")" = 1 ]
        grep '^{' "$LOG" | holds '.cause == "listener"'
    done
}

@test "a program with few descriptors is explained its refusals, too" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for limit in 14 20 64; do
        rm -f "$LOG"
        # shellcheck disable=SC2016
        run -1 ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json sh -c 'ulimit -n "$0"; exec "$@"' "$limit" "$BUILD/reuseshim" run -r keep \
            "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
        expect_record '.cause == "listener"' ".holders[0].processes[0].pid == $holder_pid"
    done
}

@test "with too few descriptors for the trap nothing is started, and the limit is what is named" {
    for limit in 8 9 11; do
        # shellcheck disable=SC2016
        run -126 sh -c 'ulimit -n "$0"; exec "$@"' "$limit" "$BUILD/reuseshim" run --trap -- "$BATS_FILE_TMPDIR/sock" tcp
        [[ $output == *"12 file descriptors"*"is $limit" ]]
    done
}

@test "calls are received while another is explained: signals that interrupt what they can do not interrupt them" {
    background ns "$SYSTEM_PYTHON" "$TOP/tests/programs/many_listeners.py" 200
    run -0 run_it -r keep "$BATS_FILE_TMPDIR/many_binds" 8 50 1000 200
    read -r _ times _ calls <<<"$output"
    echo "$output"
    # Between the call and its receipt a signal can: that is a matter of microseconds, an explanation one of milliseconds.
    [ "$calls" = 800 ] && [ "$times" -lt 200 ]
}

@test "when the supervisor dies there is a new one: idle, and with a call in its hands" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    spawn ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run --trap -r 'port 1-65535 wait 600s' "$SYSTEM_PYTHON" -c '
import socket, sys
s = socket.socket()
try: s.bind(("127.0.0.1", int(sys.argv[1])))
except OSError as error: print(error.errno, flush=True)
s.bind(("127.0.0.2", int(sys.argv[1])))
print("bound", flush=True)' "$port"
    until_true eval '[ "$(supervisors | wc -l)" = 2 ]'
    until_true is_held "$last_pid" # in the wait, or on the way to it
    for _ in 1 2 3; do
        kill -KILL "$(supervisors | tail -n 1)" 2>/dev/null || true
        until_true eval '[ -s "$last_out" ] || [ "$(supervisors | wc -l)" = 2 ]'
    done
    until_true grep -qx bound "$last_out"
    [ "$(head -n 1 "$last_out")" = 98 ]
    wait "$last_pid"
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "when supervisors die and die, as a filter may have it, calls go their way" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    spawn ns env REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" run --trap sh -c 'read -r _ <"$1"; exec "$0" tcp bind 127.0.0.1:0 listen' \
        "$BATS_FILE_TMPDIR/sock" "$BATS_TEST_TMPDIR/go"
    until_true eval '[ "$(supervisors | wc -l)" = 2 ]'
    minder=$(supervisors | head -n 1) looks=0
    kill_its_child() {
        xargs -r kill -KILL <"/proc/$minder/task/$minder/children" || true
        [ $((looks++)) -gt 200 ] && [ -z "$(cat "/proc/$minder/task/$minder/children")" ]
    }
    until_true kill_its_child
    echo >"$BATS_TEST_TMPDIR/go"
    wait "$last_pid"
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "the same refusal again is one line that says as found when; TCP after MPTCP, as Go tries, has no record of its own" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 sock tcp repeat 20 bind 127.0.0.1:"$port"
    [ "$(wc -l <"$LOG")" = 20 ]
    expect_record '.repeated == 19' '.diagnosis.source == "earlier"' '.cause == "listener"' ".holders[0].processes[0].pid == $holder_pid"
    rm "$LOG"
    run -1 sock mptcp bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port"
    [ "$(jq -r .protocol "$LOG")" = mptcp ]
}

@test "a path of AF_UNIX that is taken is explained, a relative one from the program's own folder" {
    cd "$BATS_TEST_TMPDIR"
    holder unix bind ./x.sock listen
    run -1 sock unix bind ./x.sock
    expect_record '.cause == "unix-live"' '.local.path == "./x.sock"' ".holders[0].processes[0].pid == $holder_pid"
    kill -KILL "$holder_pid"
    until_true eval '! kill -0 $holder_pid'
    run -1 sock unix bind ./x.sock
    expect_record '.cause == "unix-stale"'
}

@test "io_uring passes the filter by, which is said once, and can be denied" {
    cat >"$BATS_TEST_TMPDIR/ring.c" <<'C'
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    char room[512] = {0};
    for (int i = 0; i < 2; i++)
        printf("%s\n", syscall(425, 1, room) < 0 && errno == ENOSYS ? "none" : "there");
}
C
    gcc -static -o "$BATS_TEST_TMPDIR/ring" "$BATS_TEST_TMPDIR/ring.c"
    bare=$("$BATS_TEST_TMPDIR/ring")
    run -0 run_it "$BATS_TEST_TMPDIR/ring"
    [ "$output" = "$bare" ]
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.event == "error"' '.program == "ring"' '.message | test("io_uring: what is bound by it is not seen")'
    run -0 run_it --no-io-uring "$BATS_TEST_TMPDIR/ring"
    [ "$output" = $'none\nnone' ]
}

@test "a program that is killed in a refused call is gone at once: its parent has it, and is not left with a zombie" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 run_it --trap "$SYSTEM_PYTHON" -c '
import subprocess, sys, time
for i in range(40):
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    time.sleep(i % 8 / 1000)
    child.kill()
    assert child.wait() == -9
print("gone")' "$BATS_FILE_TMPDIR/sock" tcp repeat 1000 bind 127.0.0.1:"$port"
    [ "$output" = gone ]
}

@test "close closes at once: no duplicate of the supervisor keeps the port" {
    run -0 run_it --trap "$SYSTEM_PYTHON" -c '
import socket
late = 0
for _ in range(300):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    address = listener.getsockname()
    listener.close()
    client = socket.socket()
    late += client.connect_ex(address) == 0
    client.close()
print(late)'
    [ "$output" = 0 ]
}

@test "signals to the whole service are the program's; SIGCHLD may be ignored, and standard error closed" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    spawn ns bash -c 'trap "" CHLD; exec "$0" run --trap "$1" -c "
import socket, sys
print(\"ready\", flush=True)
sys.stdin.readline()
socket.socket().bind((\"127.0.0.1\", 0))
print(\"bound\", flush=True)" <"$2"' "$BUILD/reuseshim" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/go"
    exec {go}<>"$BATS_TEST_TMPDIR/go"
    until_true grep -qx ready "$last_out"
    for pid in $(supervisors); do kill -USR1 "$pid"; done
    kill -KILL "$(supervisors | tail -n 1)"
    echo >&"$go"
    until_true grep -qx bound "$last_out"
    needs_root
    open_folder
    install -m 755 "$BUILD/reuseshim" "$BATS_FILE_TMPDIR/sock" "$open"
    ns setpriv --reuid=4711 --regid=4711 --clear-groups "$open/reuseshim" run "$open/sock" tcp bind 127.0.0.1:0 2>&-
}
