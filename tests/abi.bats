#!/usr/bin/env bats
# One file for glibc and musl, which needs nothing and shows nothing but its doors.

load helper

@test "the library exports its doors and nothing else" {
    run -0 nm -D --defined-only "$LIB"
    [ "$(awk '{print $3}' <<<"$output" | sort | xargs)" = \
        "__connect bind bindresvport connect listen reuseshim_version setsockopt socket" ]
}

@test "the library leaves only names undefined that glibc and musl have, those of libdl weakly" {
    imports=$(cat "$TOP/shim/hooks/imports")
    for libc in "$(ldd /bin/true | grep -o '/.*/libc.so.6')" /lib/ld-musl-*.so.1; do
        exported=$(nm -D --defined-only "$libc" | awk '{sub("@.*", "", $3); print $3}')
        for name in $imports; do
            grep -qx "$name" <<<"$exported" || { echo "$libc has no $name"; return 1; }
        done
    done
    for name in $(nm -D --undefined-only "$LIB" | awk '{print $2}'); do
        grep -qx "$name" <<<"$imports" || { echo "not allowed: $name"; return 1; }
    done
    for name in dlsym getauxval clock_gettime; do
        run ! grep " U $name$" <<<"$(nm -D --undefined-only "$LIB")"
    done
}

@test "the library has no needed library, versioned symbol, text relocation, lazy binding, TLS or executable stack" {
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

@test "the file is at most 192 KB, and a process gets at most 16 KB of private dirty memory" {
    [ "$(stat -c %s "$LIB")" -le 196608 ]
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

@test "in a musl program the very same file cures a restart and explains a conflict" {
    musl=$BATS_TEST_TMPDIR/sock
    musl-gcc -std=gnu11 -include stddef.h -Dbindresvport\(a,b\)=-1 -idirafter /usr/include -o "$musl" \
        "$TOP/tests/programs/sock.c"
    readelf -lW "$musl" | grep -q ld-musl
    port=$(free_port)
    run -0 ns env LD_PRELOAD="$LIB" "$musl" tcp bind 127.0.0.1:"$port" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$musl" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.cause == "listener"' '.program == "sock"' '.holders[0].blocks' '.options.reuseaddr'
    run -78 ns env LD_PRELOAD="$LIB" REUSESHIM_ON_ERROR=exit REUSESHIM_POLICY=bogus "$musl" tcp
}

@test "where no libc is behind the library its doors ask the kernel, bindresvport included, with the errno of the real calls" {
    musl=$BATS_TEST_TMPDIR/no_libc_behind
    musl-gcc -std=gnu11 -idirafter /usr/include -o "$musl" "$TOP/tests/programs/no_libc_behind.c"
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json REUSESHIM_RULES=keep "$musl" "$LIB" "$port"
    # EAFNOSUPPORT, EINVAL, EADDRINUSE, EAFNOSUPPORT, EBADF, EBADF
    expected="socket 0,socket -97,setsockopt 0,setsockopt -22,bind -98,bindresvport -97,bindresvport 0,listen 0,listen -9,"
    expected+="connect 0,connect -9,reserved"
    [ "$(paste -sd, <<<"$output")" = "$expected" ]
    expect_record '.call == "bind"' '.cause == "listener"'
}

# build_32 PROGRAM: tests/programs/PROGRAM.c and the library, both for i386.
build_32() {
    make -s -C "$TOP" BUILD="$BATS_FILE_TMPDIR" lib32 >/dev/null
    LIB=$BATS_FILE_TMPDIR/32/libreuseshim.so
    cc -std=gnu11 -m32 -o "$BATS_TEST_TMPDIR/$1" "$TOP/tests/programs/$1.c"
}

@test "a 32-bit build of the library needs no other library" {
    build_32 sock
    run -0 readelf -dW "$LIB"
    [[ $output != *NEEDED* ]]
}

@test "in a 32-bit program the 32-bit library cures a restart and explains a conflict, with right times" {
    may_skip no-i386
    build_32 sock
    port=$(free_port)
    run -0 i386 LD_PRELOAD="$LIB" "$BATS_TEST_TMPDIR/sock" tcp bind 127.0.0.1:"$port" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    before=$(date +%s)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 i386 LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BATS_TEST_TMPDIR/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].blocks' ".holders[0].processes[0].pid == $holder_pid"
    expect_times "$before"
}

@test "in a 32-bit program result and errno of every door are the kernel's" {
    may_skip no-i386
    build_32 doors
    i386 A=B "$BATS_TEST_TMPDIR/doors" >"$BATS_TEST_TMPDIR/plain"
    i386 LD_PRELOAD="$LIB" REUSESHIM_LOG=none "$BATS_TEST_TMPDIR/doors" >"$BATS_TEST_TMPDIR/with"
    diff "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/with"
}

@test "a call of __connect, which glibc exports as well, passes through the library" {
    run -1 shim "$SYSTEM_PYTHON" "$SCRIPTS/dunder_connect.py"
    expect_record '.call == "connect"' '.cause == "same-tuple"'
}
