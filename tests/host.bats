#!/usr/bin/env bats
# The host program is sacred: whatever state it is in, it lives as it would without the library.

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

@test "errno is 0 at the start of main, also after errors in the settings" {
    cat >"$BATS_TEST_TMPDIR/errno.c" <<'C'
#include <errno.h>
int main(void) { return errno; }
C
    cc -o "$BATS_TEST_TMPDIR/errno" "$BATS_TEST_TMPDIR/errno.c"
    LD_PRELOAD=$LIB REUSESHIM_POLICY=/nonexistent/policy REUSESHIM_LOG=fd:99 "$BATS_TEST_TMPDIR/errno"
}

# refusals COUNT: so many in one process, which then waits; prints how many descriptors and mappings it has.
refusals() {
    background ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_RULES=keep "$PROGRAMS/sock" \
        tcp repeat "$1" bind 127.0.0.1:"$port" hold
    until_true grep -q ready "$last_out"
    echo "$(find "/proc/$last_pid/fd" -type l | wc -l) $(wc -l <"/proc/$last_pid/maps")"
    stop
}

@test "500 explained failures leave no descriptor and no mapping more behind than one" {
    taken_port
    [ "$(refusals 500)" = "$(refusals 1)" ]
    [ "$(grep -c 'failed: EADDRINUSE' "$LOG")" = 501 ]
}

# bats test_tags=long
@test "10,000 explained failures leave no descriptor and no mapping behind" {
    settings=(REUSESHIM_DIAGNOSE=always) # each in full
    host leak
    settings=(REUSESHIM_POLICY=restart)
    [ "$(wc -l <"$LOG")" = 10001 ]
    expect_record '.cause == "listener"' '.diagnosis.source == "sock_diag"'
}

@test "refused binds by the thousand from 8 processes of 4 threads at a time leave whole lines, one for each" {
    storm=${REUSESHIM_TEST_STORM:-8000}
    host storm "$storm"
    [ "$(wc -l <"$LOG")" = "$storm" ]
    # jq stops at the first line that is not JSON.
    # Who finds the memory of the process in use by another thread, and much time spent already, is brief.
    [ "$(jq -r 'select(.event == "conflict" and .errno == "EADDRINUSE" and .lost == 0 and
        (.holders[0].blocks or .diagnosis.reason == "busy")) | .call' "$LOG" | sort | uniq -c | xargs)" = "$storm bind" ]
    jq -c 'select(.diagnosis.reason != "busy")' "$LOG" | holds '.cause == "listener"'
    [ "$(jq -r '"\(.pid)"' "$LOG" | sort -u | wc -l)" = 8 ]
    [ "$(jq -r '"\(.tid)"' "$LOG" | sort -u | wc -l)" = 32 ]
}

@test "a refused bind takes at most 4 KB of stack" {
    run -0 host depth
    echo "$output bytes"
    [ "$output" -le 4096 ]
    [ "$output" -gt 500 ]
}

@test "a refused bind of a thread with the smallest stack is explained" {
    host small-stack
    expect_record '.cause == "listener"'
}

@test "a daemon that closed everything and got descriptor 2 for a file of its own finds nothing in it" {
    settings+=(REUSESHIM_LOG=stderr)
    host closed "$BATS_TEST_TMPDIR/data"
    settings=(REUSESHIM_LOG=fd:2)
    host closed "$BATS_TEST_TMPDIR/data"
    [ ! -s "$BATS_TEST_TMPDIR/data" ]
}

@test "a record to a stderr that nobody reads any more raises no SIGPIPE" {
    taken_port
    settings=(REUSESHIM_LOG=stderr)
    set +o pipefail
    { host broken-pipe "" 2>&1 1>&4; echo $? >"$BATS_TEST_TMPDIR/status"; } 4>/dev/null | :
    until_true test -s "$BATS_TEST_TMPDIR/status"
    [ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
}

@test "a stderr that is a full pipe holds the call up for the budget, and not for ever" {
    taken_port
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    budget=200
    settings=(REUSESHIM_LOG=stderr "REUSESHIM_BUDGET_MS=$budget")
    exec 5<>"$BATS_TEST_TMPDIR/fifo"
    held=$(host full-pipe 2>&5)
    exec 5>&-
    echo "held up for $held ms"
    # One that is held up for longer is held up for ever.
    ((held >= budget - 1 && held < 100 * budget))
}

@test "a record to a log that may not grow (RLIMIT_FSIZE) raises no SIGXFSZ" {
    host xfsz
    [ ! -s "$LOG" ]
}

@test "without memory or a descriptor for a diagnosis the call is answered as ever" {
    host no-memory
    host no-descriptors
}

@test "a program that gave up its system calls before its first socket lives on, whatever the policy" {
    for setting in REUSESHIM_LEVEL=conflict REUSESHIM_POLICY=share REUSESHIM_POLICY=; do
        settings=("$setting")
        host sandboxed
    done
    ns env LD_PRELOAD="$LIB" "$PROGRAMS/host" sandboxed 0
}

@test "bad settings, and no memory when the first call is made, do not harm the program" {
    taken_port
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=bogus "$PROGRAMS/host" poor "$port"
    run -0 ns env LD_PRELOAD="$LIB" "$PROGRAMS/host" poor "$port"
}

@test "a stderr that is a nearly full terminal does not hold the call up for ever" {
    port=$(free_port)
    run -0 ns env REUSESHIM_BUDGET_MS=100 "$SYSTEM_PYTHON" "$SCRIPTS/full_terminal.py" "$port" 100 \
        env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
}

@test "a refusal is explained after vfork, in a signal handler, and with the environment overwritten or gone" {
    host vfork
    [ "$(wc -l <"$LOG")" = 2 ]
    settings=(REUSESHIM_DIAGNOSE=always) # each in full, which takes its time
    host signal
    settings=(REUSESHIM_POLICY=restart)
    [ "$(wc -l <"$LOG")" -ge 203 ]
    holds . "$LOG" >/dev/null
    rm "$LOG"
    settings=(REUSESHIM_RULES="port 1-65535 keep")
    host title
    expect_record '.rule == "REUSESHIM_RULES:1"'
    host cleared
    [ "$(wc -l <"$LOG")" = 2 ]
}

@test "bind does not become a cancellation point by being explained" {
    host cancel
}

@test "under a seccomp filter nothing unusual is called and the bare event is recorded, unless a diagnosis is asked for" {
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

@test "REUSESHIM_DIAGNOSE=never records the bare event and looks for nobody" {
    settings=(REUSESHIM_DIAGNOSE=never)
    host plain
    expect_record '.errno == "EADDRINUSE"' '.holders == []' '.diagnosis.source == "none"'
}

@test "a library whose constructor binds before ours has run is served, whichever is named first" {
    early=$PROGRAMS/lib/early.so
    for list in "$LIB:$early" "$early:$LIB"; do
        ns env LD_PRELOAD="$list" EARLY_PORT="$(free_port)" true
    done
    run -99 ns env LD_PRELOAD="$early" EARLY_PORT="$(free_port)" true
}

@test "another preload library keeps working, whichever is named first" {
    count=$PROGRAMS/lib/count.so
    port=$(free_port)
    for list in "$LIB:$count" "$count:$LIB"; do
        run -0 ns env LD_PRELOAD="$list" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen get reuseaddr
        [ "$output" = $'counted\nreuseaddr=1' ]
    done
}

@test "in a set-user-ID program no variable counts: the default policy, no log file, no diagnosis" {
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
    [ "$output" = $'bind: EADDRINUSE\nreuseaddr=0' ]
    [[ $stderr == *"failed: EADDRINUSE"* ]]
    [[ $stderr != *"held by"* ]]
}

@test "a program built with AddressSanitizer runs under the library, and is explained its refusals" {
    port=$(free_port)
    cc -std=gnu11 -fsanitize=address -o "$BATS_TEST_TMPDIR/sock" "$TOP/tests/programs/sock.c"
    run -0 ns env LD_PRELOAD="$LIB" ASAN_OPTIONS=verify_asan_link_order=0 "$BATS_TEST_TMPDIR/sock" \
        tcp bind 127.0.0.1:"$port" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    run -1 shim ASAN_OPTIONS=verify_asan_link_order=0 "$BATS_TEST_TMPDIR/sock" \
        tcp bind 127.0.0.1:"$port" listen tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"'
}
