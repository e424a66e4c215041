#!/usr/bin/env bats
# One file for glibc and musl, which needs nothing and shows nothing but its doors.

load helper

@test "the library exports its doors and nothing else" {
    run -0 nm -D --defined-only "$LIB"
    [ "$(awk '{print $3}' <<<"$output" | sort | xargs)" = \
        "__connect bind bindresvport connect listen reuseshim_version setsockopt socket" ]
}

@test "it leaves undefined only names that every libc has, those of libdl weakly" {
    allowed="__errno_location environ memchr memcmp memcpy memmove memset strchr strcmp strcspn strlen strncmp strnlen strrchr strspn strstr syscall"
    weak="clock_gettime dlsym getauxval"
    for name in $(nm -D --undefined-only "$LIB" | awk '$1 == "U" {print $2}'); do
        [[ " $allowed " == *" $name "* ]] || { echo "not allowed: $name"; return 1; }
    done
    for name in $(nm -D --undefined-only "$LIB" | awk '$1 == "w" {print $2}'); do
        [[ " $weak " == *" $name "* ]] || { echo "not allowed: $name"; return 1; }
    done
}

@test "no needed library, no versioned symbol, no text relocation, no lazy binding, no executable stack" {
    run -0 readelf -dW "$LIB"
    [[ $output != *NEEDED* ]]
    [[ $output != *TEXTREL* ]]
    [[ $output == *BIND_NOW* ]]
    run -0 readelf -VW "$LIB"
    [[ $output == *"No version information"* ]]
    run -0 readelf -lW "$LIB"
    [[ $output =~ GNU_STACK.*RW\  ]]
    [[ $output != *TLS* ]]
}

@test "the file is at most 128 KB, and a process gets at most 16 KB of private dirty memory" {
    [ "$(stat -c %s "$LIB")" -le 131072 ]
    port=$(free_port)
    background ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" hold
    # Its own file and the .bss behind it, which is a mapping without a name. (Anonymous, because Private_Dirty also
    # counts pages of a file that was just built and not written back.)
    dirty=$(awk -v lib="$LIB" '
        /^[0-9a-f]+-/ {split($1, range, "-"); mine = index($0, lib) > 0 || (NF == 5 && range[1] == last)
                       if (mine) last = range[2]}
        mine && /^Anonymous/ {sum += $2}
        END {print sum}' "/proc/$last_pid/smaps")
    echo "$dirty KB"
    [ "$dirty" -ge 8 ]
    [ "$dirty" -le 16 ]
}

@test "the same file runs in a musl program: restart cured, conflict explained" {
    musl=$BATS_TEST_TMPDIR/sock
    musl-gcc -std=gnu11 -include stddef.h -Dbindresvport\(a,b\)=-1 -idirafter /usr/include -o "$musl" \
        "$TOP/tests/programs/sock.c"
    readelf -lW "$musl" | grep -q ld-musl
    port=$(free_port)
    run -0 ns env LD_PRELOAD="$LIB" "$musl" tcp bind 127.0.0.1:"$port" get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$musl" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.cause == "listener"' '.program == "sock"' '.holders[0].blocks' '.options.reuseaddr'
    run -78 ns env LD_PRELOAD="$LIB" REUSESHIM_ON_ERROR=exit REUSESHIM_POLICY=bogus "$musl" tcp
}

@test "a 32-bit build runs in a 32-bit program: restart cured, conflict explained" {
    make -s -C "$TOP" BUILD="$BUILD" lib32
    file32=$BATS_TEST_TMPDIR/sock
    cc -std=gnu11 -m32 -o "$file32" "$TOP/tests/programs/sock.c"
    LIB=$BUILD/32/libreuseshim.so
    port=$(free_port)
    run -0 ns env LD_PRELOAD="$LIB" "$file32" tcp bind 127.0.0.1:"$port" get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$file32" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].blocks' ".holders[0].processes[0].pid == $holder_pid" \
        "(.holders[0].processes[0].started | fromdate) - now | fabs < 60" \
        '(.time | sub("\\.[0-9]+"; "") | fromdate) - now | fabs < 60'
    run -0 readelf -dW "$LIB"
    [[ $output != *NEEDED* ]]
    cc -std=gnu11 -m32 -o "$BATS_TEST_TMPDIR/doors" "$TOP/tests/programs/doors.c"
    ns "$BATS_TEST_TMPDIR/doors" >"$BATS_TEST_TMPDIR/plain"
    shim "$BATS_TEST_TMPDIR/doors" >"$BATS_TEST_TMPDIR/shim"
    diff "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/shim"
}

@test "a call of __connect, which glibc exports too, passes through us" {
    run -1 shim "$SYSTEM_PYTHON" -c '
import ctypes, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
def bound():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return s
one = bound(); one.bind(("127.0.0.1", 0)); one.connect(("127.0.0.1", port))
two = bound(); two.bind(("127.0.0.1", one.getsockname()[1]))
address = (2).to_bytes(2, "little") + port.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
result = libc.__getattr__("__connect")(two.fileno(), address, 16)
sys.exit(1 if result == -1 and ctypes.get_errno() == 99 else 0)'
    expect_record '.call == "connect"' '.cause == "same-tuple"'
}
