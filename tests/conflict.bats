#!/usr/bin/env bats
# Every refused call is recorded with the 5-tuple, state and owner of what stands in its way.

load helper

@test "a listener of another process" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.event == "conflict"' '.call == "bind"' '.errno == "EADDRINUSE"' '.cause == "listener"' \
        '.protocol == "tcp"' ".local == {address: \"0.0.0.0\", port: $port, device: null}" '.remote == null' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders[0].remote == null' \
        '.holders[0].state == "LISTEN"' '.holders[0].blocks == true' '.holders[0].uid == 0' \
        '.holders[0].timer_ms == null' '.diagnosis.source == "sock_diag"' '.diagnosis.complete'
    owner_is "$holder_pid"
    expect_record '.holders[0].processes[0].command | test("sock tcp bind 127.0.0.1:[0-9]+ listen hold$")'
    expect_record '.holders[0].processes[0].relation == "same-program"'
    expect_record "(.holders[0].processes[0].started | fromdate) - now | fabs < 60"
    expect_record ".holders[0].inode == $(readlink /proc/"$holder_pid"/fd/* | sed -n 's/socket:\[\(.*\)\]/\1/p')"
}

@test "a listener of another user" {
    needs_root
    port=$(free_port)
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].uid == 4711' '.holders[0].processes[0].uid == 4711' '.uid == 0'
    owner_is "$holder_pid"
}

@test "a listener of another user, seen by one who may not look: hidden, with its uid" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    chmod 777 "$BATS_TEST_TMPDIR"
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=json REUSESHIM_LOG=fd:7 \
        "$PROGRAMS/sock" uid 4711 tcp bind 127.0.0.1:"$port" 7>>"$LOG"
    expect_record '.cause == "listener"' '.uid == 4711' '.holders[0].owner == "hidden"' '.holders[0].uid == 0' \
        '.holders[0].processes == []'
}

@test "a listener of the process itself" {
    port=$(free_port)
    refused tcp bind 127.0.0.1:"$port" listen tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].processes | length == 1' \
        '.holders[0].processes[0].relation == "self"' '.holders[0].processes[0].pid == .pid'
}

@test "a listener of the parent process" {
    port=$(free_port)
    refused tcp bind 127.0.0.1:"$port" listen fork closeall tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '[.holders[0].processes[].relation] == ["ancestor"]'
}

@test "a listener that two processes hold: both are named" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen fork
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders | length == 1' '.holders[0].processes | length == 2'
}

@test "listen is refused when another one has come first" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port" listen
    run -1 shim "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    # Both bind while neither listens; then the second to listen is refused.
    stop
    run -1 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port" listen back listen
    [ "$output" = "listen: EADDRINUSE" ]
    expect_record '.call == "listen"' '.errno == "EADDRINUSE"' '.cause == "listener"' \
        ".local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders | length == 1' \
        '.holders[0].state == "LISTEN"' '.holders[0].blocks'
}

@test "a bound-only socket" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "bound"' '.holders[0].state == "BOUND"' '.holders[0].blocks' \
        ".holders[0].local.port == $port"
    owner_is "$holder_pid"
}

@test "a connected socket whose listener has gone" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept back close
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "connected"' '.holders[0].state == "ESTABLISHED"' '.holders[0].blocks' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" \
        '.holders[0].remote.address == "127.0.0.1"'
    owner_is "$holder_pid"
    client=$(ns ss -Htan state established "dport = :$port" | awk '{sub(".*:", "", $3); print $3}')
    expect_record ".holders[0].remote.port == $client"
}

@test "an outgoing connection that has the port" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:0 listen
    peer=$(ns ss -Htln | awk '{print $4}')
    holder tcp bind 127.0.0.1:"$port" connect "$peer"
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.cause == "connected"' '.holders[0].state == "ESTABLISHED"' '.holders[0].blocks'
    owner_is "$holder_pid"
}

@test "TIME_WAIT, with the seconds left within 1 s" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.cause == "time-wait"' '.holders | length == 1' '.holders[0].state == "TIME_WAIT"' \
        '.holders[0].blocks' '.holders[0].owner == "none"' '.holders[0].inode == null' '.holders[0].uid == null' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}"
    left=$(ns ss -Htano state time-wait "sport = :$port" | grep -o 'timewait,[0-9]*')
    expect_record "(.holders[0].timer_ms / 1000 - ${left#*,} | fabs) <= 1"
    # The text says the same.
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    [[ $output =~ TIME_WAIT,\ gone\ in\ ([0-9]+)\.[0-9]\ s,\ no\ process ]]
    ((BASH_REMATCH[1] >= ${left#*,} - 1 && BASH_REMATCH[1] <= ${left#*,} + 1))
}

@test "a FIN_WAIT1 orphan: unsent data, no process" {
    port=$(free_port)
    # A client that does not read; the server sends what it can and goes, the listener as well.
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept send close close
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "orphan"' '.holders | length == 1' '.holders[0].state == "FIN_WAIT1"' \
        '.holders[0].owner == "none"' '.holders[0].blocks' '.holders[0].inode == null' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}"
}

@test "a UDP socket" {
    port=$(free_port udp)
    holder udp bind 127.0.0.1:"$port"
    refused udp bind 0.0.0.0:"$port"
    expect_record '.protocol == "udp"' '.cause == "bound"' '.holders[0].state == "UNCONNECTED"' \
        '.holders[0].protocol == "udp"' '.holders[0].blocks'
    owner_is "$holder_pid"
}

@test "a connected UDP socket" {
    port=$(free_port udp)
    holder udp bind 127.0.0.1:"$port" connect 127.0.0.1:9
    refused udp bind 127.0.0.1:"$port"
    expect_record '.cause == "connected"' '.holders[0].state == "ESTABLISHED"' '.holders[0].remote.port == 9'
}

@test "[::] against a 0.0.0.0 holder" {
    port=$(free_port)
    holder tcp bind 0.0.0.0:"$port" listen
    refused tcp6 bind [::]:"$port"
    expect_record '.local.address == "::"' '.options.v6only == false' '.holders[0].local.address == "0.0.0.0"' \
        '.holders[0].blocks' '.cause == "listener"'
    [[ $(record .message) == *"[::]:$port also takes IPv4"*v6only* ]]
    owner_is "$holder_pid"
}

@test "0.0.0.0 against a [::] holder" {
    port=$(free_port)
    holder tcp6 bind [::]:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.holders[0].local.address == "::"' '.holders[0].v6only == false' '.holders[0].blocks'
    [[ $(record .message) == *"[::]:$port also takes IPv4"* ]]
}

@test "a v6only [::] does not stand in the way of 0.0.0.0, and is not listed" {
    port=$(free_port)
    holder tcp6 set v6only bind [::]:"$port" listen
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.holders | length == 1' '.holders[0].local.address == "127.0.0.1"'
}

@test "a v4-mapped address" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp6 bind [::ffff:127.0.0.1]:"$port"
    expect_record '.local.address == "::ffff:127.0.0.1"' '.holders[0].local.address == "127.0.0.1"' '.holders[0].blocks'
    stop
    holder tcp6 bind [::ffff:127.0.0.1]:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].local.address == "::ffff:127.0.0.1"' '.holders[0].blocks'
}

@test "an accepted IPv6 connection of a dual-stack server blocks 0.0.0.0" {
    port=$(free_port)
    holder tcp6 bind [::]:"$port" listen tcp6 connect [::1]:"$port" back accept back close
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.cause == "connected"' '.holders[0].local.address == "::1"' '.holders[0].blocks' \
        '.holders[0].state == "ESTABLISHED"'
}

@test "SO_REUSEPORT on both, but another user" {
    needs_root
    port=$(free_port)
    holder uid 4711 tcp set reuseport bind 127.0.0.1:"$port" listen
    refused tcp set reuseport bind 127.0.0.1:"$port"
    expect_record '.cause == "other-user"' '.holders[0].uid == 4711' '.holders[0].blocks' '.options.reuseport'
}

@test "an MPTCP listener blocks TCP" {
    port=$(free_port)
    holder mptcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].state == "LISTEN"'
    owner_is "$holder_pid"
}

@test "a socket bound to another device does not count; to the same one it does, by name" {
    port=$(free_port)
    ns ip link add one type veth peer name two
    ns ip link set one up
    cat >"$BATS_TEST_TMPDIR/device.py" <<'PY'
import socket, sys, signal
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[2].encode())
s.bind(("0.0.0.0", int(sys.argv[1])))
s.listen()
print("ready", flush=True)
signal.pause()
PY
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/device.py" "$port" lo
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/device.py" "$port" one
    run -1 shim "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/device.py" "$port" one
    expect_record '.local.device == "one"' '.holders | length == 1' '.holders[0].device == "one"' '.holders[0].blocks'
}
