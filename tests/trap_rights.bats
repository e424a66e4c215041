#!/usr/bin/env bats
# Whose rights count under the trap of reuseshim run, and where it cannot work: users, namespaces, filters.

load helper
load trap

setup_file() {
    build_static sock legacy filter
}

@test "the supervisor lends no right: who may not bind port 80 may not under the trap" {
    needs_root
    ns_sysctl net.ipv4.ip_unprivileged_port_start=1024
    run -1 sock uid 4711 tcp bind 127.0.0.1:80
    [ "$output" = "bind: EACCES" ]
    expect_record '.event == "refused"' '.cause == "privileged-port"'
}

@test "a supervisor that sees more than the program does not tell it on the program's standard error" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env REUSESHIM_LOG=stderr REUSESHIM_FORMAT=json "$BUILD/reuseshim" run "$BATS_FILE_TMPDIR/sock" uid 4711 tcp bind 127.0.0.1:"$port"
    grep '^{' <<<"$output" | holds '.cause == null and (.holders | length) == 0 and .diagnosis.reason == "privileges"'
}

@test "an ordinary user's static program is reached, and told that nothing gains rights" {
    needs_root
    port=$(free_port)
    open_folder 777
    install -m 755 "$BUILD/reuseshim" "$BATS_FILE_TMPDIR/sock" "$open"
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns setpriv --reuid=4711 --regid=4711 --clear-groups env REUSESHIM_LOG=stderr "$open/reuseshim" run "$open/sock" tcp bind 127.0.0.1:"$port"
    [[ ${lines[0]} == "reuseshim: run: --trap: without CAP_SYS_ADMIN "*no_new_privs* ]]
    [[ $output == *", tcp 127.0.0.1:$port) failed: EADDRINUSE"* ]]
}

@test "where it cannot work it says why and runs nothing; with --trap=try it runs the program as it is" {
    run -126 ns "$BATS_FILE_TMPDIR/filter" errno ptrace "$BUILD/reuseshim" run "$BATS_FILE_TMPDIR/legacy" 0 0
    [[ $output == "reuseshim: $BATS_FILE_TMPDIR/legacy: only a trap reaches it: ptrace(2) is forbidden by a seccomp filter; allow it: in a unit SystemCallFilter="* ]]
    run -0 ns "$BATS_FILE_TMPDIR/filter" errno ptrace "$BUILD/reuseshim" run --trap=try "$BATS_FILE_TMPDIR/legacy" 0 0
    [[ $output == *"; it runs without"*"listening" ]]
    run -126 ns "$BATS_FILE_TMPDIR/filter" kill pidfd_getfd "$BUILD/reuseshim" run "$BATS_FILE_TMPDIR/legacy" 0 0
    [[ $output == *"pidfd_getfd(2) or process_vm_readv(2) is forbidden by a seccomp filter; allow it: "*"in Docker --cap-add SYS_PTRACE"* ]]
    run -126 ns "$BATS_FILE_TMPDIR/filter" kill seccomp "$BUILD/reuseshim" run "$BATS_FILE_TMPDIR/legacy" 0 0
    [[ $output == *": seccomp(2) is forbidden by a seccomp filter; allow it: "* ]]
    # A listener is one to a chain of filters.
    run -126 run_it --trap "$BUILD/reuseshim" run --trap true
    [[ $output == *"another supervisor has the calls already"* ]]
    run -126 ns strace -f -o /dev/null "$BUILD/reuseshim" run "$BATS_FILE_TMPDIR/legacy" 0 0
    [[ $output == *"it is traced already (strace -f, a debugger)"* ]]
}

@test "a program in a network namespace of its own is explained there" {
    needs_root
    run -0 run_it --trap unshare --net sh -c 'ip link set lo up; "$0" tcp bind 127.0.0.1:5000 listen fork tcp bind 127.0.0.1:5000' "$BATS_FILE_TMPDIR/sock" || true
    expect_record '.cause == "listener"' '.holders[0].local.port == 5000' '.holders[0].owner == "known"'
}

@test "evict does nothing in a network that the supervisor is not in" {
    needs_root
    ns "$SYSTEM_PYTHON" "$SCRIPTS/leave_time_wait.py" 127.0.0.1:5003:1
    run -1 run_it --trap -r 'tcp evict' unshare --net sh -c 'ip link set lo up; "$1" "$2" 127.0.0.1:5003:1; exec "$0" tcp bind 127.0.0.1:5003' \
        "$BATS_FILE_TMPDIR/sock" "$SYSTEM_PYTHON" "$SCRIPTS/leave_time_wait.py"
    expect_record '.cause == "time-wait"' '.evicted == 0'
    [ "$(ns ss -Htan state time-wait 'sport = :5003' | wc -l)" = 1 ]
}

@test "what the supervisor keeps does not grow with the calls, in whatever network" {
    needs_root
    mkfifo "$BATS_TEST_TMPDIR/go"
    spawn ns env REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" run -p audit --trap unshare --net sh -c 'ip link set lo up
        "$0" udp repeat 50 bind 127.0.0.1:0; echo warm; read -r _ <"$1"
        for _ in 1 2 3 4 5 6 7 8 9 10; do "$0" udp set reuseaddr bind 127.0.0.1:5000 udp set reuseaddr bind 127.0.0.1:5000; done; echo done; read -r _ <"$1"' \
        "$BATS_FILE_TMPDIR/sock" "$BATS_TEST_TMPDIR/go"
    exec {go}<>"$BATS_TEST_TMPDIR/go"
    size() { awk '/^VmSize/ {print $2}' "/proc/$(supervisors | tail -n 1)/status"; }
    until_true grep -qx warm "$last_out"
    before=$(size)
    echo >&"$go"
    until_true grep -qx "done" "$last_out"
    [ "$(size)" -le $((before + 64)) ]
    [ "$(find "/proc/$(supervisors | tail -n 1)/fd" -type l | wc -l)" = 20 ] # the listener, the receiver's pipe, and 17 that are nothing
}
