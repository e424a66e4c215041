#!/usr/bin/env bats
# However a program is linked, and by whatever way a call gets to the library or past it, the kernel's answer comes back.
# bats file_tags=quick

load helper

taken_port() {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
}

# linked HOW [FILE]: the answers are right, and there are so many records.
linked() {
    : >"$LOG"
    shim REUSESHIM_RULES=keep "$PROGRAMS/linking" "$1" "$port" "${@:2}"
    records=$(wc -l <"$LOG")
}

@test "a module that is opened at run time, and a call through dlsym, pass the library" {
    taken_port
    for how in "dlopen $PROGRAMS/lib/module.so" dlsym; do
        # shellcheck disable=SC2086
        linked $how
        [ "$records" = 1 ]
        expect_record '.cause == "listener"'
    done
}

@test "a module with RTLD_DEEPBIND or in a namespace of its own (dlmopen) passes by, and works" {
    taken_port
    for how in deepbind dlmopen; do
        linked $how "$PROGRAMS/lib/module.so"
        [ "$records" = 0 ]
    done
}

@test "the library may be opened and closed a hundred times in a program that was not preloaded" {
    taken_port
    ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json REUSESHIM_RULES=keep "$PROGRAMS/linking" library "$port" "$LIB"
    [ "$(wc -l <"$LOG")" = 100 ]
    holds '.errno == "EADDRINUSE"' "$LOG"
}

@test "an allocator that must not be called within a call is not" {
    taken_port
    shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/own_malloc" "$port"
    [ "$(wc -l <"$LOG")" = 100 ]
    expect_record '.cause == "listener"'
    run -0 shim REUSESHIM_POLICY=restart-now REUSESHIM_RULES="watch" "$PROGRAMS/own_malloc" "$port"
}

@test "a program that is linked as a static PIE runs as without the library" {
    taken_port
    for how in -static -static-pie; do
        cc -std=gnu11 $how -o "$BATS_TEST_TMPDIR/sock" "$TOP/tests/programs/sock.c" 2>/dev/null
        run -1 shim "$BATS_TEST_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
        [ "$output" = "bind: EADDRINUSE" ]
        [ ! -e "$LOG" ]
    done
}

@test "a program with a bind of its own, chosen by IFUNC, keeps it, and its modules too" {
    cat >"$BATS_TEST_TMPDIR/ifunc.c" <<'C'
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
static int no(int fd, const struct sockaddr *address, socklen_t length) { (void)fd, (void)address, (void)length; errno = EXDEV; return -1; }
static int (*choose(void))(int, const struct sockaddr *, socklen_t) { return no; }
int bind(int fd, const struct sockaddr *address, socklen_t length) __attribute__((ifunc("choose")));
int main(void) { struct sockaddr a = {0}; return bind(0, &a, sizeof a) == -1 && errno == EXDEV ? 0 : 1; }
C
    cc -D__CONST_SOCKADDR_ARG= -std=c11 -o "$BATS_TEST_TMPDIR/ifunc" "$BATS_TEST_TMPDIR/ifunc.c"
    run -0 shim "$BATS_TEST_TMPDIR/ifunc"
}
