#!/usr/bin/env bats
# Each cause is named where it is the true one. The situations are in scenarios.bash; cures.bats takes their cures, conflict.bats
# and owners.bats look at the fields of a holder.
# bats file_tags=quick

load helper
load scenarios

# scenario NAME: makes it, and checks what every record of a refusal must say.
scenario() {
    local cause=cause_$1
    party_pids=() port=${port:-$(free_port)}
    "arrange_$1"
    "attempt_$1"
    [ "$status" = 1 ]
    expect_record ".cause == \"${!cause}\"" '.event == "conflict"' '.message | length > 10' '.diagnosis.complete' \
        '.outcome == "failed"'
}

# holder_is STATE [PID [PROGRAM]]: the one holder is in that state, on the port, refuses us, and is that process's.
holder_is() {
    expect_record ".holders[0].state == \"$1\"" '.holders[0].blocks' ".holders[0].local.port == $port" '.holders | length == 1'
    [ $# = 1 ] || owner_is "${@:2}"
}

@test "a socket that listens there has cause listener, and each process that holds it is named" {
    scenario listener
    holder_is LISTEN "${party_pids[0]}"
    port=$(free_port)
    scenario listener_two_processes
    holder_is LISTEN
    expect_record '[.holders[0].processes[].pid] | length == 2 and contains(['"${party_pids[0]}"'])'
}

@test "MPTCP and TCP refuse each other, with cause listener" {
    for one in listener_of_mptcp listener_for_mptcp; do
        port=$(free_port)
        scenario "$one"
        holder_is LISTEN "${party_pids[0]}"
    done
}

@test "a socket that is only bound there has cause bound" {
    scenario bound
    holder_is BOUND "${party_pids[0]}"
}

@test "a connection that a server accepted has cause connected, and its peer is named" {
    scenario connected
    holder_is ESTABLISHED "${party_pids[0]}" accept_one.py
    client=$(ns ss -Htan state established "dport = :$port" | awk '{sub(".*:", "", $3); print $3}')
    expect_record '.holders[0].local.address == "127.0.0.1"' \
        ".holders[0].remote == {address: \"127.0.0.1\", port: $client, device: null}"
}

@test "an outgoing connection from a port that its program had asked for has cause connected" {
    scenario client_with_port
    holder_is ESTABLISHED "${party_pids[0]}"
}

@test "an outgoing connection that only happened to get the port has cause ephemeral-client, and reserving it is offered" {
    port=40000
    scenario ephemeral_client
    holder_is ESTABLISHED "${party_pids[0]}"
    expect_record 'any(.cures[]; .text | test("ip_local_reserved_ports=40000"))' \
        'any(.cures[]; .rules | strings | test("on connect tcp force reuseaddr"))'
}

@test "a UDP socket whose connect took the port has cause ephemeral-client" {
    port=40000
    scenario udp_client
    holder_is ESTABLISHED
}

@test "a listener that a server left to a child by exec has cause inherited, and the child is named" {
    scenario inherited_exec
    holder_is LISTEN
    expect_record '.holders[0].processes[0].program == "sleep"'
}

@test "a listener that a server left to a forked child has cause inherited" {
    scenario inherited_fork
    holder_is LISTEN
}

@test "a helper that polls, and was left the listener of a server that goes on without it, has cause inherited" {
    for kind in poll select epoll; do
        port=$(free_port)
        # The server closes its listener and stays; its helper waits for other things.
        background ns "$SYSTEM_PYTHON" "$SCRIPTS/helper_that_polls.py" "$port" "$kind"
        run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/helper_that_polls.py" "$port"
        expect_record '.cause == "inherited"' '.holders[0].processes | length == 1' \
            '.holders[0].processes[0].program == "polls_elsewhere.py"' 'all(.cures[]; .policy != "handover")'
    done
}

@test "a helper that was left the listener and serves it, by whichever call, is a listener and not inherited" {
    for kind in accept poll select epoll; do
        port=$(free_port)
        background ns "$SYSTEM_PYTHON" "$SCRIPTS/helper_that_serves.py" "$port" "$kind"
        run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/helper_that_serves.py" "$port"
        expect_record '.cause == "listener"' '.holders[0].processes | length == 1' \
            '.holders[0].processes[0].program == "serves_inherited.py"'
    done
}

@test "a server whose starter is gone, but that serves, is a listener and not inherited" {
    port=$(free_port)
    background ns sh -c 'setsid -f "$@" >/dev/null 2>&1; echo started' sh "$SYSTEM_PYTHON" "$SCRIPTS/serve_quietly.py" "$port"
    until_true ns sh -c "ss -Htln 'sport = :$port' | grep -q ."
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].processes[0].program == "serve_quietly.py"'
}

@test "a holder that only sleeps, but whose parent is there, is a listener and not inherited" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    # From another program: a holder of one's own kind is not suspected anyway.
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c 'import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))' "$port"
    expect_record '.cause == "listener"'
}

@test "a daemon that sleeps between looks at its socket is a listener and not inherited" {
    port=$(free_port)
    # The shell waits; what it started has left it.
    background ns sh -c '"$@"; exec sleep 1000' sh "$SYSTEM_PYTHON" "$SCRIPTS/sleepy_daemon.py" "$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"'
}

@test "a TIME_WAIT has cause time-wait" {
    scenario time_wait
    holder_is TIME_WAIT
}

@test "a FIN_WAIT2 without a process has cause time-wait, and a time at which it ends" {
    scenario fin_wait2
    holder_is FIN_WAIT2
    expect_record '.holders[0].timer_ms > 0' '.holders[0].owner == "none"' '.holders[0].uid == null'
}

@test "a connection that is still sending, but that no process has, has cause orphan" {
    scenario orphan
    holder_is FIN_WAIT1
    expect_record '.holders[0].owner == "none"' '.holders[0].inode == null'
}

@test "SO_REUSEPORT on both sockets of two users has cause other-user" {
    needs_root
    scenario other_user
    holder_is LISTEN
    expect_record '.holders[0].uid == 4711' '.options.reuseport'
}

@test "a newcomer with a reuseport program of its own has cause own-group, and the refusal proves the holder's option" {
    scenario own_group
    holder_is LISTEN
    expect_record '.holders[0].reuseport'
}

@test "connect from an address along a 4-tuple that exists has cause same-tuple" {
    scenario same_tuple
    expect_record '.errno == "EADDRNOTAVAIL"' '.call == "connect"' '.holders[0].blocks' '.holders[0].remote.port == 1'
    owner_is "${party_pids[0]}"
}

@test "connect from the wildcard has cause same-tuple, and the only candidate is certain" {
    scenario same_tuple_wildcard
    expect_record '.holders[0].blocks'
}

@test "bind, listen, connect and UDP without a free port have cause ports-exhausted, and the range and its holder are named" {
    port=40000
    for one in exhausted_bind exhausted_listen exhausted_connect exhausted_udp; do
        HOLDER_RULES='' scenario "$one"
        expect_record ".message | contains(\"40000-40000\") and test(\"1 by pid ${party_pids[0]} \")" \
            '.holders[0].local.port == 40000' ".holders[0].processes[0].pid == ${party_pids[0]}"
        stop "${party_pids[0]}"
    done
}

@test "of a range without a free port it is told who has how many: processes, TIME_WAIT, the reserved ones" {
    for port in 40004 40005; do arrange_time_wait; done
    ns_sysctl net.ipv4.ip_local_port_range="40000 40005"
    ns_sysctl net.ipv4.ip_local_reserved_ports="1-40000"
    holder tcp bind 0.0.0.0:40001 listen tcp bind 0.0.0.0:40002 listen
    one=$holder_pid
    holder tcp bind 0.0.0.0:40003 listen
    two=$holder_pid
    refused tcp bind 0.0.0.0:0
    expect_record '.cause == "ports-exhausted"' '.holders | length == 5' '.holders_omitted == 0' \
        ".message | test(\"2 by pid $one \") and test(\"1 by pid $two \") and test(\"2 in TIME_WAIT\") and test(\"reserved\")"
}

@test "UDP sockets that are bound, connected or members of a group have cause bound, connected, bound" {
    for one in udp_bound:UNCONNECTED udp_connected:ESTABLISHED udp_multicast:UNCONNECTED; do
        port=$(free_port udp)
        scenario "${one%:*}"
        holder_is "${one#*:}" "${party_pids[0]}"
        expect_record '.protocol == "udp"' '.holders[0].protocol == "udp"'
    done
}

@test "a dual-stack [::] and an IPv4 wildcard refuse each other, with cause listener, and v6only is offered" {
    for one in dual_stack_ours dual_stack_theirs; do
        port=$(free_port)
        scenario "$one"
        holder_is LISTEN "${party_pids[0]}"
        expect_record ".message | contains(\"[::]:$port\") and contains(\"IPv4\")" \
            'any(.cures[]; .rules | strings | test("ipv6 .*force (reuseaddr,)?v6only"))'
    done
    expect_record '.holders[0].v6only == false'
}

@test "an IPv6 connection that a dual-stack server accepted refuses the IPv4 wildcard, with cause connected" {
    scenario accepted_ipv6
    holder_is ESTABLISHED
    expect_record '.holders[0].local.address == "::1"' '.message | contains("IPv4")'
}

@test "an AF_UNIX path or abstract name of a live socket has cause unix-live" {
    scenario unix_live
    expect_record '.protocol == "unix"' ".holders[0].local == {path: \"$BATS_TEST_TMPDIR/s.$port\"}" \
        '.holders[0].state == "LISTEN"' '.holders[0].protocol == "unix"'
    owner_is "${party_pids[0]}"
    scenario unix_abstract
    expect_record ".holders[0].local == {path: \"@/$port\"}"
    owner_is "${party_pids[0]}"
}

@test "unix-live holds for a socket that is only bound, a datagram socket, and one of another network namespace" {
    path=$BATS_TEST_TMPDIR/u
    holder unix bind "$path"
    refused unix bind "$path"
    expect_record '.cause == "unix-live"' '.holders[0].state == "BOUND"'
    stop
    rm "$path"
    background ns "$SYSTEM_PYTHON" -c 'import signal, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("ready", flush=True); signal.pause()' "$path"
    refused unix bind "$path"
    expect_record '.cause == "unix-live"' '.holders[0].state == "UNCONNECTED"'
    expect_record ".holders[0].processes[0].pid == $last_pid"
    stop
    rm "$path"
    # Made outside of the test's namespace: sock_diag does not show it, the kernel knows it all the same.
    background "$PROGRAMS/sock" unix bind "$path" listen hold
    refused unix bind "$path"
    expect_record '.cause == "unix-live"' '.holders == []'
}

@test "a socket file that nobody is bound to has cause unix-stale; a file that is no socket has no cause and no cure" {
    scenario unix_stale
    expect_record '.holders == []' '.cures | length == 1'
    echo precious >"$BATS_TEST_TMPDIR/file"
    refused unix bind "$BATS_TEST_TMPDIR/file"
    expect_record '.cause == null' '.cures == []' '.message | length > 10'
}

@test "every situation of scenarios.bash is tried here, and every cause has one" {
    for one in "${scenarios[@]}"; do
        grep -qE "(scenario|in) .*\b$one\b" "$BATS_TEST_FILENAME" || [[ $one == listener_wide ]]
    done
    [ "$(words_of causes.h | wc -l)" -gt 10 ]
    for cause in $(words_of causes.h); do
        [ "$cause" = unseen ] || grep -qE "^cause_[a-z0-9_]+=$cause$" "$BATS_TEST_DIRNAME/scenarios.bash" ||
            grep -q "refused_for $cause" "$BATS_TEST_DIRNAME/refused.bats" ||
            { echo "no situation has the cause $cause" >&2; false; }
    done
}
