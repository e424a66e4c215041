#!/usr/bin/env bats
# Who else looks into a process, or gets to bind another way: gdb, valgrind, a foreign function interface, C++ before main.

load helper

taken_port() {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
}

@test "an interpreter that calls bind through a foreign function interface passes the library" {
    taken_port
    run -1 shim REUSESHIM_POLICY=restart "$SYSTEM_PYTHON" "$SCRIPTS/bind_by_ffi.py" "$port"
    [ "$output" = "EADDRINUSE" ]
    expect_record '.cause == "listener"'
}

@test "C++ objects that bind before main find the library ready, and errno as they left it" {
    cat >"$BATS_TEST_TMPDIR/early.cpp" <<'CPP'
#include <arpa/inet.h>
#include <cerrno>
#include <sys/socket.h>
struct Early {
    int value = 0;
    Early()
    {
        socklen_t length = sizeof value;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        errno = 77;
        if (bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 && listen(fd, 1) == 0 && errno == 77)
            getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &length);
    }
} early;
int main() { return early.value; }
CPP
    g++ -o "$BATS_TEST_TMPDIR/early" "$BATS_TEST_TMPDIR/early.cpp"
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=restart "$BATS_TEST_TMPDIR/early"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=audit "$BATS_TEST_TMPDIR/early"
}

# bats test_tags=long
@test "under gdb a breakpoint in bind is hit, the call can be finished, and the refusal is explained" {
    taken_port
    run -0 ns gdb -q -nx -batch -iex "set debuginfod enabled off" -ex "set breakpoint pending on" -ex "set environment LD_PRELOAD $LIB" \
        -ex "set environment REUSESHIM_LOG $LOG" -ex "break bind" -ex run -ex "backtrace 2" -ex "delete" -ex finish -ex continue \
        --args "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $output == *"in bind"*"exited with code 01"* ]]
    grep -q 'failed: EADDRINUSE' "$LOG"
}

# bats test_tags=long
@test "valgrind finds nothing to complain of in a program with the library, refused or not" {
    taken_port
    for at in "$port" "$(free_port)"; do
        run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_BUDGET_MS=10000 \
            valgrind -q --error-exitcode=99 --leak-check=full --track-fds=no "$PROGRAMS/sock" tcp bind 127.0.0.1:"$at" listen get reuseaddr
        [ "$status" -lt 2 ]
        [[ $output != *==* ]]
    done
    grep -q 'held by' "$LOG"
}
