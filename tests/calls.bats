#!/usr/bin/env bats
# The other calls and families that can be refused: connect, listen and bind without a port, bindresvport, AF_UNIX.
# bats file_tags=quick

load helper

# One port in the range, and it is taken.
one_port_left() {
    ns_sysctl net.ipv4.ip_local_port_range="40000 40000"
}

@test "connect along a 4-tuple that exists already is EADDRNOTAVAIL with cause same-tuple, and names the connection" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:0 listen
    peer=$(ns ss -Htln | awk '{print $4}')
    holder tcp set reuseaddr bind 127.0.0.1:"$port" connect "$peer"
    refused tcp set reuseaddr bind 127.0.0.1:"$port" connect "$peer"
    [ "$output" = "connect: EADDRNOTAVAIL" ]
    expect_record '.call == "connect"' '.errno == "EADDRNOTAVAIL"' '.cause == "same-tuple"' \
        ".local.port == $port" ".remote.port == ${peer##*:}" '.holders | length == 1' \
        ".holders[0].local.port == $port" ".holders[0].remote.port == ${peer##*:}" '.holders[0].blocks'
    owner_is "$holder_pid"
    run -1 shim REUSESHIM_FORMAT=text REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" connect "$peer"
    grep -q "connect([0-9]*, tcp 127.0.0.1:$port -> $peer) failed: EADDRNOTAVAIL" "$LOG"
}

@test "connect from a wildcard lists only what may be the same 4-tuple, and calls it uncertain if two may be" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:0 listen
    peer=$(ns ss -Htln | awk '{print $4}')
    holder tcp set reuseaddr bind 127.0.0.5:"$port" connect "$peer"
    holder tcp set reuseaddr bind 127.0.0.1:"$port" connect "$peer"
    run -1 shim "$PROGRAMS/sock" tcp set reuseaddr bind 0.0.0.0:"$port" connect "$peer"
    expect_record '.cause == "same-tuple"' '[.holders[].blocks] == [null, null]'
}

@test "connect to ::1 where IPv6 is off is not about ports, and the record says so" {
    ns_sysctl net.ipv6.conf.lo.disable_ipv6=1
    # Also where others have some ports of the range.
    holder tcp bind 127.0.0.1:0 listen
    run -1 shim "$PROGRAMS/sock" tcp6 connect [::1]:9
    [ "$output" = "connect: EADDRNOTAVAIL" ]
    expect_record '.event == "refused"' '.cause == "ipv6-off"' '.holders == []' 'any(.cures[].text; test("127.0.0.1"))'
}

@test "bind, listen, connect and UDP connect without a free port each get a record with their own errno" {
    one_port_left
    holder tcp bind 0.0.0.0:0 listen
    refused tcp bind 0.0.0.0:0
    expect_record '.call == "bind"' '.errno == "EADDRINUSE"' '.cause == "ports-exhausted"' '.message | test("40000-40000")'
    refused tcp listen
    expect_record '.call == "listen"' '.errno == "EADDRINUSE"' '.cause == "ports-exhausted"'
    refused tcp connect 127.0.0.1:40000
    expect_record '.call == "connect"' '.errno == "EADDRNOTAVAIL"' '.cause == "ports-exhausted"'
    holder udp bind 0.0.0.0:0
    refused udp connect 127.0.0.1:9
    expect_record '.call == "connect"' '.errno == "EAGAIN"' '.cause == "ports-exhausted"' '.protocol == "udp"'
}

@test "a socket's own range of ports counts only where it lies inside the system's" {
    one_port_left
    holder tcp bind 0.0.0.0:0 listen
    for range in "100 200" "40000 40000" "30000 50000"; do
        # shellcheck disable=SC2086
        run -1 shim "$SYSTEM_PYTHON" "$SCRIPTS/own_range.py" $range
        expect_record '.cause == "ports-exhausted"' '.message | contains("40000-40000")'
    done
}

@test "bindresvport without a port left has cause ports-exhausted and names its own range, 512 to 1023" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/hold_reserved.py" stream
    refused tcp resv
    [ "$output" = "bindresvport: EADDRINUSE" ]
    expect_record '.call == "bindresvport"' '.errno == "EADDRINUSE"' '.cause == "ports-exhausted"' \
        '.message | test("512-1023")'
}

@test "a refused bind of an AF_UNIX path or abstract name is recorded with it" {
    path=$BATS_TEST_TMPDIR/s
    holder unix bind "$path" listen
    refused unix bind "$path"
    expect_record '.protocol == "unix"' ".local == {path: \"$path\"}" '.errno == "EADDRINUSE"' '.cause == "unix-live"' \
        '.outcome == "failed"'
    run -1 shim "$SYSTEM_PYTHON" -c 'import socket
a, b = (socket.socket(socket.AF_UNIX) for _ in "ab")
a.bind("\0hidden name"); b.bind("\0hidden name")'
    expect_record '.local == {path: "@hidden name"}' '.cause == "unix-live"' '.holders[0].processes[0].relation == "self"'
}

@test "the bind of a server that never set sin_family is recorded as the IPv4 wildcard that it is to the kernel" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$SYSTEM_PYTHON" "$SCRIPTS/bind_raw.py" 2 1 "0000$(printf '%04x' "$port")000000000000000000000000"
    expect_record ".local == {address: \"0.0.0.0\", port: $port, device: null}" '.options.reuseaddr' '.cause == "listener"'
}

@test "a refused bind of AF_NETLINK is recorded with what is known, and nothing is guessed" {
    twice='import socket
a, b = (socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) for _ in "ab")
a.bind((77777, 0)); b.bind((77777, 0))'
    run -1 shim REUSESHIM_FORMAT=text "$SYSTEM_PYTHON" -c "$twice"
    grep -q "bind([0-9]*, netlink 77777 groups 0) failed: EADDRINUSE" "$LOG"
    run -1 shim "$SYSTEM_PYTHON" -c "$twice"
    expect_record '.protocol == "netlink"' '.local | keys == ["groups", "nl_pid"]' '.cause == null' '.holders == []' \
        '.diagnosis | .source == "none" and .complete == false and .reason == "family"'
}

@test "a refused bind of AF_PACKET, AF_VSOCK or a family without a name is recorded with what is known" {
    # None of them is easily refused with EADDRINUSE here; the door sees no difference.
    cat >"$BATS_TEST_TMPDIR/fail.c" <<'C'
#include <errno.h>
#include <sys/socket.h>
int bind(int fd, const struct sockaddr *address, socklen_t length)
{ (void)fd; (void)address; (void)length; errno = EADDRINUSE; return -1; }
C
    gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/fail.so" "$BATS_TEST_TMPDIR/fail.c"
    seen=0
    for family in 17:3:packet 40:1:vsock 16:3:netlink 38:5:"family 38"; do
        IFS=: read -r number type name <<<"$family"
        run ns env LD_PRELOAD="$LIB:$BATS_TEST_TMPDIR/fail.so" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
            "$SYSTEM_PYTHON" "$SCRIPTS/bind_raw.py" "$number" "$type" "$(printf '%02x%062x' "$number" 0)"
        [ "$status" != 2 ] || continue # not every kernel has them all
        [ "$status" = 1 ]
        expect_record ".protocol == \"$name\"" '.errno == "EADDRINUSE"' '.cause == null' '.holders == []' '.cures == []'
        seen=$((seen + 1))
    done
    [ "$seen" -ge 2 ]
}
