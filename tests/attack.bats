#!/usr/bin/env bats
# What somebody on the same machine may try: to make a program with more rights do his work through the library, to forge or hide
# a record, to make another user's program fail, to learn what is not his to know.

load helper

# as_other COMMAND...: as an ordinary user, in the test's namespace.
other=(setpriv --reuid=4711 --regid=4711 --clear-groups)

# holder_of_other WORD...: as holder, by that user.
holder_of_other() {
    background ns "${other[@]}" "$open/sock" "$@" hold
    holder_pid=$last_pid
}

# Programs where that user reaches them.
open_programs() {
    local name
    open_folder
    for name; do
        install -m 755 "$PROGRAMS/$name" "$open/$name"
    done
}

# The library where the loader takes it into set-user-ID programs, too, as it does what stands in /etc/ld.so.preload.
trust_library() {
    trusted=$(ldconfig -p | sed -n 's/.*x86-64.* => \(.*\)\/libc\.so\.6$/\1/p' | head -n 1)
    library=libreuseshim-attack-$$.so
    made+=("$trusted/$library")
    install -m 4755 "$LIB" "$trusted/$library"
}

# ---- rights -----------------------------------------------------------------------------------------------------

@test "what a set-user-ID program starts as root takes no variable from who called that program" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    trust_library
    open_programs
    install -m 4755 "$PROGRAMS/become" "$open/become"
    install -m 600 /dev/null "$BATS_TEST_TMPDIR/secret"
    echo hunter2 >"$BATS_TEST_TMPDIR/secret"
    for setting in REUSESHIM_LOG="$BATS_TEST_TMPDIR/log" REUSESHIM_POLICY="$BATS_TEST_TMPDIR/secret" REUSESHIM_RULES='tcp strip reuseaddr' REUSESHIM_TEST_=1; do
        run -1 ns "${other[@]}" env LD_PRELOAD="$library" "$setting" KEPT=1 "$open/become" \
            sh -c 'env; exec env LD_PRELOAD="$@"' sh "$library" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
        [[ $output == *KEPT=1*"failed: EADDRINUSE"* ]]
        [[ $output != *REUSESHIM_TEST_* && $output != *hunter2* && $output != *"$setting"* ]]
        [ ! -e "$BATS_TEST_TMPDIR/log" ]
    done
}

@test "a holder that changes its descriptor in time for a look at it takes no lock from who looks" {
    needs_root
    port=$(free_port)
    open_programs switch_descriptor
    echo >"$open/pid"
    background ns "${other[@]}" "$open/switch_descriptor" "$port" "$open/pid"
    run -0 shim REUSESHIM_DIAGNOSE=always "$SYSTEM_PYTHON" "$SCRIPTS/keep_lock.py" "$open/pid" "$port" 300
    [[ $output == "kept "[01] ]]
    holds '.cause == "listener"' "$LOG"
}

@test "a holder in a table of descriptors of one of its threads is not called nobody" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/own_table.py" "$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].owner != "none"'
}

@test "a record is not added to a file by a second name that somebody has given it" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    open_folder 777
    echo root:x:0 >"$BATS_TEST_TMPDIR/passwd"
    ln "$BATS_TEST_TMPDIR/passwd" "$open/log"
    run -1 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$open/log" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$(cat "$BATS_TEST_TMPDIR/passwd")" = root:x:0 ]
    [[ $stderr == *"cannot be written (EMLINK)"*"failed: EADDRINUSE"* ]]
}

@test "a log that its owner makes a FIFO which nobody reads, or fills, delays nobody" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    open_folder 777
    ns "${other[@]}" mkfifo -m 666 "$open/log"
    run -1 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$open/log" REUSESHIM_BUDGET_MS=100 \
        timeout 20 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $stderr == *"cannot be written (ENXIO)"*"failed: EADDRINUSE"* ]]
    exec 7<>"$open/log"
    dd if=/dev/zero of="$open/log" bs=4096 oflag=nonblock 2>/dev/null || true
    run -1 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$open/log" REUSESHIM_BUDGET_MS=100 \
        timeout 20 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    exec 7>&-
    [[ $stderr == *"cannot be written (EAGAIN)"*"failed: EADDRINUSE"* ]]
}

@test "a supervisor of another user does not have root stop a service of the same name" {
    needs_root
    port=$(free_port)
    open_programs sock
    mkdir "$open/ssh"
    printf '#!/bin/sh\nexec %s tcp bind 127.0.0.1:%s listen hold >/dev/null\n' "$open/sock" "$port" >"$open/ssh/run"
    chmod 755 "$open/ssh/run"
    chown -R 4711:4711 "$open/ssh"
    spawn ns "${other[@]}" sh -c 'cd "$0" && exec runsv ssh' "$open"
    until_true bash -c '! "$@"' bash "${enter[@]}" --target "$namespace_pid" -- "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].uid == 4711' '.cures[0].text | startswith("as uid 4711: sv stop '"$open"'/ssh, ")'
}

@test "evict removes no socket file of another folder than the one it has looked at" {
    needs_root
    open_folder 777
    mkdir "$BATS_TEST_TMPDIR/precious" "$open/folder"
    chown 4711:4711 "$open/folder"
    background "$PROGRAMS/sock" unix bind "$BATS_TEST_TMPDIR/precious/s" listen hold # of another network namespace
    ln -s "$BATS_TEST_TMPDIR/precious" "$open/other"
    background "${other[@]}" "$PROGRAMS/exchange" "$open/folder" "$open/other"
    for _ in {1..100}; do
        shim REUSESHIM_RULES="unix evict" "$PROGRAMS/sock" unix bind "$open/folder/s" >/dev/null || true
    done
    run -0 "$PROGRAMS/sock" unix connect "$BATS_TEST_TMPDIR/precious/s" # it is still the one that listens
}

@test "a process whose command line comes slowly holds nobody up for long, and is named" {
    port=$(free_port)
    words=()
    for _ in {1..32}; do
        words+=(tcp set reuseport bind 127.0.0.1:"$port" listen)
    done
    holder "${words[@]}"
    # As if it held the lock of its memory map, which the kernel takes for cmdline.
    calls=$BATS_TEST_TMPDIR/calls
    run -1 ns strace -qf -o "$calls" -P "/proc/$holder_pid/cmdline" -e trace=read -e inject=read:delay_exit=500000 \
        -E LD_PRELOAD="$LIB" -E REUSESHIM_LOG="$LOG" -E REUSESHIM_FORMAT=json -E REUSESHIM_BUDGET_MS=2000 \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    looks=$(grep -c DELAYED "$calls")
    ((looks <= 3))
    expect_record '.diagnosis.complete'
    owner_is "$holder_pid"
}

# What lies in a file, or is left to userfaultfd(2), the kernel does not wait for since 4.17 (CVE-2018-1120).
@test "nor one whose command line nobody brings, and no process that has nothing to do with the port is asked for its own" {
    needs_root
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/arguments_that_never_come.py" 127.0.0.1 "$port" 65534
    until_true grep -q ready "$last_out"
    run -1 shim timeout -s KILL 60 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.diagnosis.complete' ".holders[0].processes[0].pid == $last_pid" '.holders[0].processes[0].uid == 65534'
    # As a user who may not look at its descriptors. Under a filter there is no child, of which strace(1) would be told nothing.
    looks=$BATS_TEST_TMPDIR/looks
    open_programs sock filter
    run -1 ns strace -f -qq -o "$looks" -e trace=openat "${other[@]}" env LD_PRELOAD="$LIB" REUSESHIM_DIAGNOSE=always \
        "$open/filter" errno ptrace "$open/sock" tcp bind 127.0.0.1:"$port"
    run -0 sed -nE 's,.*"/proc/([0-9]+)/cmdline".*,\1,p' "$looks"
    # It and its parent, which may supervise it.
    [ "$(sort -u <<<"$output")" = "$(printf '%s\n' "$last_pid" "$((0 + $(ps -o ppid= -p "$last_pid")))" | sort)" ]
}

@test "nor one whose memory map is locked for ever, by a page that its own file system never brings" {
    needs_root
    port=$(free_port)
    open_folder
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/held_memory_map.py" "$open" "$port"
    run -1 shim REUSESHIM_BUDGET_MS=300 timeout -s KILL 60 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.diagnosis.complete | not' '.holders[0].uid == 65534' '.holders[0].owner == "not-searched" or .holders[0].processes == []'
    # A child of such a process takes too long to be made: it looks itself, and not into memory.
    run -1 shim timeout -s KILL 60 "$SYSTEM_PYTHON" -c 'import socket, sys
large = bytes(1) * (600 << 20)
try: socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
except OSError: sys.exit(1)' "$port"
    expect_record '.cause == "listener"' '.holders[0].processes[0].uid == 65534' '.holders[0].processes[0].command == null'
    run -1 ns timeout -s KILL 60 env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json REUSESHIM_BUDGET_MS=300 "$BUILD/reuseshim" run --trap "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.diagnosis.complete | not'
}

@test "of several that start at once, and evict what was left behind, one has the path, also where somebody keeps the folder locked" {
    path=$BATS_TEST_TMPDIR/here/s
    mkdir "${path%/*}"
    for round in {1..8}; do
        if [ "$round" = 8 ]; then
            exec 7<"${path%/*}"
            flock 7
        fi
        rm -f "$path"
        ns "$PROGRAMS/sock" unix bind "$path"
        newcomers=()
        for _ in 1 2 3; do
            [ "$round" != 8 ] || [ "${#newcomers[@]}" = 0 ] || continue
            spawn shim REUSESHIM_RULES="unix evict" "$PROGRAMS/sock" unix bind "$path" listen errno hold
            newcomers+=("$last_out:$last_pid")
        done
        for newcomer in "${newcomers[@]}"; do
            until_true grep -q '^ready' "${newcomer%:*}"
        done
        [ "$(cat "${newcomers[@]%:*}" | grep -c errno=0)" = 1 ]
        for newcomer in "${newcomers[@]}"; do
            stop "${newcomer#*:}"
        done
    done
    exec 7<&-
}
