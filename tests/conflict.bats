#!/usr/bin/env bats
# Every refused call is recorded with what the kernel says of the socket that stands in its way. Which cause it has is for
# causes.bats, whose process it is for owners.bats.
# bats file_tags=quick

load helper

@test "the record of a refused bind names the call, the address, and the holder's address, state, uid, inode and process" {
    port=$(free_port)
    before=$(date +%s)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.event == "conflict"' '.call == "bind"' '.errno == "EADDRINUSE"' '.protocol == "tcp"' \
        ".local == {address: \"0.0.0.0\", port: $port, device: null}" '.remote == null' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders[0].remote == null' \
        '.holders[0].state == "LISTEN"' '.holders[0].blocks == true' '.holders[0].uid == 0' \
        '.holders[0].timer_ms == null' '.diagnosis.source == "sock_diag"' '.diagnosis.complete' \
        ".holders[0].inode == $(readlink /proc/"$holder_pid"/fd/* | sed -n 's/socket:\[\(.*\)\]/\1/p')" \
        '.holders[0].processes[0].command | test("sock tcp bind 127.0.0.1:[0-9]+ listen hold$")'
    owner_is "$holder_pid"
    expect_times "$before"
}

@test "a refused listen, where another socket has come first, is recorded as one" {
    port=$(free_port)
    # Both bind while neither listens; then the second to listen is refused.
    run -1 shim "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.1:"$port" listen back listen
    [ "$output" = "listen: EADDRINUSE" ]
    expect_record '.call == "listen"' '.errno == "EADDRINUSE"' '.cause == "listener"' \
        ".local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders | length == 1' \
        '.holders[0].state == "LISTEN"' '.holders[0].blocks'
}

# The seconds that ss gives the TIME_WAIT on the port.
left_by_ss() {
    ns ss -Htano state time-wait "sport = :$port" | sed -nE 's/.*timewait,1min.*/60/p; s/.*timewait,([0-9]+).*sec.*/\1/p'
}

@test "a TIME_WAIT has no owner, inode or uid, and the time that ss gives it, in JSON and in text" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    most=$(left_by_ss)
    refused tcp bind 0.0.0.0:"$port"
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    least=$(left_by_ss)
    expect_record '.holders | length == 1' '.holders[0].state == "TIME_WAIT"' '.holders[0].blocks' \
        '.holders[0].owner == "none"' '.holders[0].inode == null' '.holders[0].uid == null' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" \
        ".holders[0].timer_ms / 1000 | $least - 1 <= . and . <= $most + 1"
    [[ $output =~ TIME_WAIT,\ [^0-9]*([0-9]+)\.[0-9]\ s ]]
    ((BASH_REMATCH[1] >= least - 1 && BASH_REMATCH[1] <= most + 1))
}

@test "a [::] with v6only does not stand in the way of 0.0.0.0, and is not listed" {
    port=$(free_port)
    holder tcp6 set v6only bind [::]:"$port" listen
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.holders | length == 1' '.holders[0].local.address == "127.0.0.1"'
}

@test "a v4-mapped address meets the IPv4 one, on either side" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp6 bind [::ffff:127.0.0.1]:"$port"
    expect_record '.local.address == "::ffff:127.0.0.1"' '.holders[0].local.address == "127.0.0.1"' '.holders[0].blocks'
    stop
    holder tcp6 bind [::ffff:127.0.0.1]:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].local.address == "::ffff:127.0.0.1"' '.holders[0].blocks'
}

@test "a connected UDP socket that has the port is recorded with its peer" {
    port=$(free_port udp)
    holder udp bind 127.0.0.1:"$port" connect 127.0.0.1:9
    refused udp bind 127.0.0.1:"$port"
    expect_record '.protocol == "udp"' '.holders[0].state == "ESTABLISHED"' '.holders[0].remote.port == 9'
}

@test "a socket bound to another device is not listed; one bound to the same device is, with its name" {
    port=$(free_port)
    ns ip link add one type veth peer name two
    ns ip link set one up
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/listen_on_device.py" "$port" lo
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/listen_on_device.py" "$port" one
    run -1 shim "$SYSTEM_PYTHON" "$SCRIPTS/listen_on_device.py" "$port" one
    expect_record '.local.device == "one"' '.holders | length == 1' '.holders[0].device == "one"' '.holders[0].blocks'
}
