#!/usr/bin/env bats
# The host program is sacred: whatever state it is in, it lives as it would without the shim.

load helper

# host STATE [ARGUMENT]: a refused bind in that state, explained into $LOG.
host() {
    [ -n "${port:-}" ] || taken_port
    shim "${settings[@]}" "$PROGRAMS/host" "$1" "$port" "${@:2}"
}

settings=(REUSESHIM_POLICY=restart)

taken_port() {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
}

@test "result and errno of every door are the kernel's, with good and bad arguments" {
    ns "$PROGRAMS/doors" >"$BATS_TEST_TMPDIR/plain"
    for setting in REUSESHIM_POLICY=restart REUSESHIM_POLICY=bogus REUSESHIM_POLICY=exclusive \
        REUSESHIM_RULES="on socket force reuseaddr;on connect force reuseaddr;force v6only,reuseaddr" \
        REUSESHIM_LEVEL=trace; do
        shim "$setting" "$PROGRAMS/doors" >"$BATS_TEST_TMPDIR/shim"
        diff "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/shim"
    done
    [ "$(wc -l <"$BATS_TEST_TMPDIR/plain")" -gt 50 ]
}

@test "errno is untouched at the start of main" {
    cat >"$BATS_TEST_TMPDIR/errno.c" <<'C'
#include <errno.h>
int main(void) { return errno; }
C
    cc -o "$BATS_TEST_TMPDIR/errno" "$BATS_TEST_TMPDIR/errno.c"
    LD_PRELOAD=$LIB REUSESHIM_POLICY=/nonexistent/policy REUSESHIM_LOG=fd:99 "$BATS_TEST_TMPDIR/errno"
}

@test "no descriptor and no mapping is left behind after 10,000 explained failures" {
    host leak
    [ "$(wc -l <"$LOG")" = 10001 ]
    expect_record '.cause == "listener"' '.diagnosis.source == "sock_diag"'
}

@test "100,000 refused binds from 8 processes of 4 threads: exactly 100,000 whole lines" {
    # The promise is whole lines; that each says all it could, on a busy machine too, takes time.
    settings+=(REUSESHIM_BUDGET_MS=60000)
    host storm 100000
    [ "$(wc -l <"$LOG")" = 100000 ]
    # jq stops at the first line that is not JSON.
    [ "$(jq -r 'select(.event == "conflict" and .errno == "EADDRINUSE" and .holders[0].blocks and .lost == 0) | .call' \
        "$LOG" | sort | uniq -c | xargs)" = "100000 bind" ]
    [ "$(jq -r '"\(.pid)"' "$LOG" | sort -u | wc -l)" = 8 ]
    [ "$(jq -r '"\(.tid)"' "$LOG" | sort -u | wc -l)" = 32 ]
}

@test "a refused bind takes at most 4 KB of stack" {
    run -0 host depth
    echo "$output bytes"
    [ "$output" -le 4096 ]
    [ "$output" -gt 500 ]
}

@test "a thread with the smallest stack" {
    host small-stack
    expect_record '.cause == "listener"'
}

@test "a daemon that closed everything and got 2 for its own file finds nothing in it" {
    settings+=(REUSESHIM_LOG=stderr)
    host closed "$BATS_TEST_TMPDIR/data"
    settings=(REUSESHIM_LOG=fd:2)
    host closed "$BATS_TEST_TMPDIR/data"
    [ ! -s "$BATS_TEST_TMPDIR/data" ]
}

@test "stderr is a pipe that nobody reads any more: no SIGPIPE" {
    taken_port
    settings=(REUSESHIM_LOG=stderr)
    set +o pipefail
    { host broken-pipe "" 2>&1 1>&4; echo $? >"$BATS_TEST_TMPDIR/status"; } 4>/dev/null | :
    until_true 5 test -s "$BATS_TEST_TMPDIR/status"
    [ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
}

@test "stderr is a full pipe: the call is held up for the budget and no longer" {
    taken_port
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    settings=(REUSESHIM_LOG=stderr REUSESHIM_BUDGET_MS=100)
    exec 5<>"$BATS_TEST_TMPDIR/fifo"
    held=$(host full-pipe 2>&5)
    exec 5>&-
    echo "held up for $held ms"
    [ "$held" -le 400 ]
}

@test "the log file may not grow (RLIMIT_FSIZE): no SIGXFSZ" {
    host xfsz
    [ ! -s "$LOG" ]
}

@test "no memory for a diagnosis, no descriptor for one: the call is answered all the same" {
    host no-memory
    host no-descriptors
}

@test "a program that gave up its system calls before its first socket lives" {
    for setting in REUSESHIM_LEVEL=conflict REUSESHIM_POLICY=share REUSESHIM_POLICY=; do
        settings=("$setting")
        host sandboxed
    done
    ns env LD_PRELOAD="$LIB" "$PROGRAMS/host" sandboxed 0
}

@test "bad settings and no memory at the first door" {
    taken_port
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=bogus "$PROGRAMS/host" poor "$port"
    run -0 ns env LD_PRELOAD="$LIB" "$PROGRAMS/host" poor "$port"
}

@test "stderr is a terminal that is nearly full: the call is held up for the budget and no longer" {
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/terminal.py" <<'PY'
import os, pty, socket, subprocess, sys, time, tty
port, command = int(sys.argv[1]), sys.argv[2:]
held = []
for last in range(1, 40): # until the record is nearly as long as a terminal or a pipe is ever given
    listener = socket.socket()
    listener.bind(("127.0.1.%d" % last, port))
    held.append(listener)
    if len(subprocess.run(command, capture_output=True).stderr) > 3650: break
else: sys.exit("no long record")
for fill in range(16000, 16384, 32):
    master, slave = pty.openpty()
    tty.setraw(slave)
    again = os.open(os.ttyname(slave), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    filled = 0
    try:
        while filled < fill: filled += os.write(again, b"x" * min(80, fill - filled))
    except BlockingIOError: pass
    before = time.monotonic()
    try: subprocess.run(command, stderr=slave, stdout=subprocess.DEVNULL, timeout=3)
    except subprocess.TimeoutExpired: sys.exit("held up for ever with %d bytes in the terminal" % filled)
    if time.monotonic() - before > 1.5: sys.exit("held up for %.1f s" % (time.monotonic() - before))
    os.close(master); os.close(slave); os.close(again)
PY
    run -0 ns env LD_PRELOAD= REUSESHIM_BUDGET_MS=100 "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/terminal.py" "$port" \
        env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
}

@test "after vfork, in a signal handler, with the environment overwritten or gone" {
    host vfork
    [ "$(wc -l <"$LOG")" = 2 ]
    host signal
    [ "$(wc -l <"$LOG")" -ge 203 ]
    holds . "$LOG" >/dev/null
    rm "$LOG"
    settings=(REUSESHIM_RULES="port 1-65535 keep")
    host title
    expect_record '.rule == "REUSESHIM_RULES:1"'
    host cleared
    [ "$(wc -l <"$LOG")" = 2 ]
}

@test "bind is no cancellation point, explained or not" {
    host cancel
}

@test "under a seccomp filter nothing unusual is called, and the bare event is recorded" {
    taken_port
    calls=netlink,getdents64,prctl,statx,ioctl,uname,sendto,gettid,rt_sigpending,pwritev2,getsockopt,getsockname,clock_gettime,getuid,recvfrom
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/filter" kill "$calls" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.errno == "EADDRINUSE"' ".local.port == $port" '.cause == null' '.holders == []' \
        '.diagnosis.source == "none"' '.diagnosis.complete == false' '.options.reuseaddr == null' '.pid > 0'
    # Asked for, it is done, and dies of it: the filter is the program's own.
    run -159 shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" kill netlink \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    # stderr as well, a pipe here.
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep "$PROGRAMS/filter" kill "$calls" \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $output == *"failed: EADDRINUSE"* ]]
}

@test "REUSESHIM_DIAGNOSE=never records the bare event" {
    settings=(REUSESHIM_DIAGNOSE=never)
    host plain
    expect_record '.errno == "EADDRINUSE"' '.holders == []' '.diagnosis.source == "none"'
}

@test "a library whose constructor binds before ours ran, left and right of us" {
    early=$PROGRAMS/lib/early.so
    for list in "$LIB:$early" "$early:$LIB"; do
        ns env LD_PRELOAD="$list" EARLY_PORT="$(free_port)" true
    done
    run -99 ns env LD_PRELOAD="$early" EARLY_PORT="$(free_port)" true
}

@test "other preload libraries, before and after, keep working" {
    count=$PROGRAMS/lib/count.so
    port=$(free_port)
    for list in "$LIB:$count" "$count:$LIB"; do
        run -0 ns env LD_PRELOAD="$list" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" get reuseaddr
        [ "$output" = $'counted\nreuseaddr=1' ]
    done
}

@test "a setuid program trusts no variable: the default policy, no log file, no diagnosis" {
    needs_root
    taken_port
    open_folder
    # The loader preloads into a setuid program only what stands in a trusted folder with the s-bit.
    trusted=$(ldconfig -p | sed -n 's/.*x86-64.* => \(.*\)\/libc\.so\.6$/\1/p' | head -n 1)
    made+=("$trusted/libreuseshim-test.so")
    install -m 4755 "$LIB" "$trusted/libreuseshim-test.so"
    install -m 4755 "$PROGRAMS/sock" "$open/sock"
    run -1 --separate-stderr ns setpriv --reuid=4711 --regid=4711 --clear-groups env \
        LD_PRELOAD=libreuseshim-test.so REUSESHIM_LOG="$open/log" REUSESHIM_RULES="strip reuseaddr" \
        "$open/sock" tcp bind 127.0.0.1:"$port" get reuseaddr
    [ ! -e "$open/log" ]
    [ "$output" = $'bind: EADDRINUSE\nreuseaddr=1' ]
    [[ $stderr == *"failed: EADDRINUSE"* ]]
    [[ $stderr != *"held by"* ]]
}

@test "a program built with AddressSanitizer runs under the shim" {
    port=$(free_port)
    cc -std=gnu11 -fsanitize=address -o "$BATS_TEST_TMPDIR/sock" "$TOP/tests/programs/sock.c"
    run -0 ns env LD_PRELOAD="$LIB" ASAN_OPTIONS=verify_asan_link_order=0 "$BATS_TEST_TMPDIR/sock" \
        tcp bind 127.0.0.1:"$port" get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    run -1 shim ASAN_OPTIONS=verify_asan_link_order=0 "$BATS_TEST_TMPDIR/sock" \
        tcp bind 127.0.0.1:"$port" listen tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"'
}
