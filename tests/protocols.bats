#!/usr/bin/env bats
# Each policy on a real protocol: the problem without it, and the cure with it.

load helper

python() {
    ns env "${with[@]}" "$SYSTEM_PYTHON" "$SCRIPTS/$1.py" "${@:2}"
}

background_python() {
    background ns env "${with[@]}" "$SYSTEM_PYTHON" "$SCRIPTS/$1.py" "${@:2}"
}

# under POLICY [VARIABLE=value]...: what follows runs with the library, under that policy; without it at first.
under() {
    with=(LD_PRELOAD="$LIB" REUSESHIM_POLICY="$1" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "${@:2}")
}
with=(A=B)

@test "ftp-data: a server in active mode has 20 transfers at a time from its data port, and fewer without the policy" {
    needs_root
    background_python ftp_server 20 20
    [ "$(python ftp_transfers 20)" -lt 20 ]
    stop
    ns ss -K state time-wait || true
    under ftp-data REUSESHIM_RULES="tcp port 21 force reuseaddr"
    background_python ftp_server 20 20
    with=(A=B)
    [ "$(python ftp_transfers 20)" = 20 ]
    [ "$(python ftp_transfers 20)" = 20 ] # and once more, beside what the first left in TIME_WAIT
}

# A second namespace, at the other end of a cable.
far_namespace() {
    background unshare --net sh -c 'echo up; exec cat "$0/hold"' "$BATS_TEST_TMPDIR"
    far=$last_pid
    ns ip link add near type veth peer name far netns "$far"
    ns sh -c 'ip addr add 10.9.9.1/24 dev near && ip link set near up'
    nsenter --net --target "$far" sh -c 'ip link set lo up && ip addr add 10.9.9.2/24 dev far && ip link set far up'
}

# One side, in the namespace of a process; it begins when its input ends.
punch_side() {
    nsenter --net --target "$1" env "${with[@]}" "$SYSTEM_PYTHON" "$SCRIPTS/punch.py" "$3" "$4" \
        <"$BATS_TEST_TMPDIR/go.$2" >"$BATS_TEST_TMPDIR/$2" 2>&1 3>&- &
    started+=("$!")
    sides+=("$!")
}

# Both sides at a time; how that ended is in $result.
punch() {
    sides=() result=0
    mkfifo "$BATS_TEST_TMPDIR"/go.{one,two}
    punch_side "$namespace_pid" one 10.9.9.1 10.9.9.2
    punch_side "$far" two 10.9.9.2 10.9.9.1
    exec 8>"$BATS_TEST_TMPDIR/go.one" 9>"$BATS_TEST_TMPDIR/go.two"
    until_true grep -q ready "$BATS_TEST_TMPDIR/one" && until_true grep -q ready "$BATS_TEST_TMPDIR/two"
    exec 8>&- 9>&-
    rm "$BATS_TEST_TMPDIR"/go.{one,two}
    wait "${sides[0]}" || result=1
    wait "${sides[1]}" || result=1
}

@test "hole-punch: two hosts that listen and connect on one port meet, and cannot without the policy" {
    needs_root
    far_namespace
    punch
    [ "$result" = 1 ]
    grep -q "Address already in use" "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    under hole-punch
    punch
    cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    [ "$result" = 0 ]
    grep -qE "connected|accepted" "$BATS_TEST_TMPDIR/one"
}

@test "multicast: three receivers of a group each get every datagram; without the policy there is but one" {
    ns ip route add 224.0.0.0/4 dev lo
    ns ip link set lo multicast on
    background_python group_receiver 239.1.2.3 7100
    alone=$last_pid
    run -1 python group_receiver 239.1.2.3 7100
    stop "$alone"
    under multicast
    outs=()
    for _ in 1 2 3; do
        background_python group_receiver 239.1.2.3 7100
        outs+=("$last_out")
    done
    python group_sender 239.1.2.3 7100
    for out in "${outs[@]}"; do
        until_true grep -q "got True" "$out"
    done
}

@test "client: little servers inside ip_local_port_range never miss their port beside a busy client, and do without" {
    for policy in none client; do
        ns_sysctl net.ipv4.ip_local_port_range="40000 40399"
        holder tcp bind 127.0.0.1:1 listen
        with=(A=B)
        [ $policy = none ] || under client
        background_python busy_client 60
        under restart
        missed=$(python little_servers 40000 40399)
        [ $policy = client ] || [ "$missed" -gt 20 ]
        [ $policy = none ] || [ "$missed" = 0 ]
        namespace_renew
    done
}

# twenty_replacements: prints how many requests there were meanwhile, and how many were lost.
twenty_replacements() {
    background_python hello_server 7200
    local old=$last_pid load load_out
    with=(A=B) background_python hello_load 7200
    load=$last_pid load_out=$last_out
    for _ in $(seq 20); do
        background_python hello_server 7200
        stop "$old"
        old=$last_pid
    done
    stop "$load"
    stop "$old"
    tail -n 1 "$load_out"
}

@test "handover: of the requests during 20 replacements few are lost, and none with tcp_migrate_req" {
    # Without the policy the new instance cannot even start beside the old one.
    background_python hello_server 7200
    run -1 python hello_server 7200
    stop
    under handover
    for migrate in 0 1; do
        ns_sysctl net.ipv4.tcp_migrate_req=$migrate
        read -r requests lost < <(twenty_replacements)
        echo "tcp_migrate_req=$migrate: $requests requests, $lost lost"
        ((requests > 100 && lost * 10 < requests))
        [ $migrate = 0 ] || ((lost == 0))
    done
    [ ! -s "$LOG" ]
}

@test "share: each of four processes on one port serves, and a fifth without the policy is refused" {
    under share
    for _ in 1 2 3 4; do
        background_python pid_server 7300
    done
    run -0 ns "$SYSTEM_PYTHON" -c 'import socket
print(len({socket.create_connection(("127.0.0.1", 7300)).recv(9) for i in range(200)}))'
    [ "$output" = 4 ]
    with=(A=B)
    run -1 python pid_server 7300
}

@test "restart: a server that serves is restarted 1,000 times in a row without a failure, and not once without" {
    served=("$PROGRAMS/sock" tcp bind 0.0.0.0:7400 listen tcp connect 127.0.0.1:7400 back accept close closeall)
    under restart
    [ "$(python restart_often 1000 "${served[@]}")" = 0 ]
    [ ! -s "$LOG" ]
    with=(A=B)
    [ "$(python restart_often 1 "${served[@]/7400/7401}")" = 0 ]
    run -1 ns "$PROGRAMS/sock" tcp bind 0.0.0.0:7401
}

@test "cloexec: the children of a server that is gone do not keep its port, and do without" {
    port=$(free_port)
    background ns "$PROGRAMS/leave" "$port" sleep 1000
    run -1 ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    port=$(free_port)
    background ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="on socket tcp force cloexec" "$PROGRAMS/leave" "$port" sleep 1000
    until_true ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
}
