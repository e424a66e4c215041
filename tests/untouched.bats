#!/usr/bin/env bats
# What a program would have without the library, it has with it: errors, options, locks, time.

load helper

@test "an address that cannot be read is EFAULT, also where memory is that once could be" {
    cat >"$BATS_TEST_TMPDIR/fault.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
static char data[3 * 4096];
static int try(void *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), wrong = 0;
    wrong += !(bind(fd, address, 16) < 0 && errno == EFAULT);
    wrong += !(connect(fd, address, 16) < 0 && errno == EFAULT);
    return wrong;
}
int main(void)
{
    char stack[3 * 4096];
    char *in_data = (char *)(((unsigned long)data + 4095) & ~4095UL), *on_stack = (char *)(((unsigned long)stack + 4095) & ~4095UL);
    mprotect(in_data, 4096, PROT_NONE);
    mprotect(on_stack, 4096, PROT_NONE);
    int wrong = try(in_data) + try(on_stack) + try((void *)8);
    mprotect(on_stack, 4096, PROT_READ | PROT_WRITE);
    printf("wrong %d\n", wrong);
    return 0;
}
C
    gcc -O1 -w -o "$BATS_TEST_TMPDIR/fault" "$BATS_TEST_TMPDIR/fault.c"
    for policy in restart restart-now audit; do # no rule of which has to know the address before the call
        for log in "$LOG" none; do
            run -0 shim REUSESHIM_POLICY=$policy REUSESHIM_LOG="$log" "$BATS_TEST_TMPDIR/fault"
            [ "$output" = "wrong 0" ]
        done
    done
}

@test "a handler that leaves a refused bind leaves no option on that was only tried" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for log in "$LOG" none; do
        run -0 shim REUSESHIM_POLICY=restart REUSESHIM_LOG="$log" "$PROGRAMS/jump_out" "$port" 200
        [ "$output" = "left on 0" ]
    done
}

@test "a lock on the very log that is shared with another process is kept" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    touch "$LOG"
    run -0 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c 'import fcntl, os, socket, sys
def lock(kind):
    file = open(sys.argv[1], "r+")
    fcntl.lockf(file, kind | fcntl.LOCK_NB)
    return file
def ask(kind):
    child = os.fork()
    if child == 0:
        try: lock(kind)
        except OSError: os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]
there, told = os.pipe()
other = os.fork()
if other == 0:
    kept = lock(fcntl.LOCK_SH); os.write(told, b"."); os.read(0, 1); os._exit(0)
os.read(there, 1)
kept = lock(fcntl.LOCK_SH)
for _ in range(5):
    try: socket.socket().bind(("127.0.0.1", int(sys.argv[2])))
    except OSError: pass
os.kill(other, 9); os.waitpid(other, 0)
print("kept" if ask(fcntl.LOCK_EX) else "lost")' "$LOG" "$port" </dev/zero
    [ "$output" = kept ]
}

@test "restart-now does not wait for what it cannot look at: a taken port is refused at once under a filter, too" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    # Where it does wait, it is for 65 s, and this test takes longer than it may.
    run -1 timeout 50 "${enter[@]}" --target "$namespace_pid" -- env LD_PRELOAD="$LIB" REUSESHIM_POLICY=restart-now REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        "$PROGRAMS/filter" errno ptrace "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.diagnosis.reason == "seccomp"' '.waited_ms == 0'
}

@test "a log that takes nothing costs the budget once, and not for each refusal" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    mkfifo "$BATS_TEST_TMPDIR/full"
    exec 5<>"$BATS_TEST_TMPDIR/full"
    "$SYSTEM_PYTHON" -c 'import os
os.set_blocking(5, False)
try:
    while True: os.write(5, bytes(4096))
except BlockingIOError: pass'
    # Ten times the budget, if each waited for it.
    run -0 shim REUSESHIM_LOG=fd:5 REUSESHIM_RULES=keep REUSESHIM_BUDGET_MS=3000 "$SYSTEM_PYTHON" -c 'import socket, sys, time
began = time.monotonic()
for _ in range(10):
    try: socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
    except OSError: pass
print("once" if time.monotonic() - began < 15 else "each time")' "$port"
    exec 5>&-
    [ "${lines[-1]}" = once ] # behind the records, which go to standard error
}

@test "a path that is a symbolic link is not followed, as bind does not" {
    "$PROGRAMS/sock" unix bind "$BATS_TEST_TMPDIR/live" listen
    ln -s "$BATS_TEST_TMPDIR/live" "$BATS_TEST_TMPDIR/link"
    run -1 ns strace -f -o "$BATS_TEST_TMPDIR/calls" -e trace=%file env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        "$PROGRAMS/sock" unix bind "$BATS_TEST_TMPDIR/link"
    expect_record '.message | test("symbolic link; bind does not follow it")'
    run ! grep -vE "execve|SYMLINK_NOFOLLOW|readlink" <(grep -F "$BATS_TEST_TMPDIR/link" "$BATS_TEST_TMPDIR/calls")
}
