#!/usr/bin/env bats
# The other calls and families that can be refused: connect, listen and bind without a port, bindresvport, AF_UNIX.

load helper

# One port in the range, and it is taken.
one_port_left() {
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40000"
}

@test "connect: the 4-tuple exists already" {
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
}

@test "no free port: bind, listen, connect and UDP connect" {
    one_port_left
    holder tcp bind 0.0.0.0:0 listen
    refused tcp bind 0.0.0.0:0
    expect_record '.call == "bind"' '.cause == "ports-exhausted"' '.message | test("40000-40000")'
    refused tcp listen
    expect_record '.call == "listen"' '.errno == "EADDRINUSE"' '.cause == "ports-exhausted"'
    refused tcp connect 127.0.0.1:40000
    expect_record '.call == "connect"' '.errno == "EADDRNOTAVAIL"' '.cause == "ports-exhausted"'
    holder udp bind 0.0.0.0:0
    refused udp connect 127.0.0.1:9
    expect_record '.call == "connect"' '.errno == "EAGAIN"' '.cause == "ports-exhausted"' '.protocol == "udp"'
}

@test "a socket's own range counts only where it lies inside the system's" {
    one_port_left
    holder tcp bind 0.0.0.0:0 listen
    for range in 100-200 40000-40000 30000-50000; do
        run -1 shim "$SYSTEM_PYTHON" -c '
import socket, sys
first, last = map(int, sys.argv[1].split("-"))
s = socket.socket()
s.setsockopt(socket.IPPROTO_IP, 51, first | last << 16)
s.bind(("0.0.0.0", 0))' "$range"
        expect_record '.cause == "ports-exhausted"' '.message | contains("(40000-40000")'
    done
}

@test "connect to a peer that no local address reaches is not about ports: no record" {
    ns sysctl -qw net.ipv6.conf.lo.disable_ipv6=1
    run -1 shim "$PROGRAMS/sock" tcp6 connect [::1]:9
    [ "$output" = "connect: EADDRNOTAVAIL" ]
    [ ! -s "$LOG" ]
}

@test "bindresvport: no port left" {
    # glibc tries 512 to 1023: one holder that has them all.
    cat >"$BATS_TEST_TMPDIR/all.py" <<'PY'
import socket, signal
kept = []
for port in range(512, 1024):
    s = socket.socket(); s.bind(("0.0.0.0", port)); kept.append(s)
print("ready", flush=True)
signal.pause()
PY
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/all.py"
    refused tcp resv
    [ "$output" = "bindresvport: EADDRINUSE" ]
    expect_record '.call == "bindresvport"' '.errno == "EADDRINUSE"' '.cause == "ports-exhausted"' \
        '.message | test("512-1023")'
}

@test "AF_UNIX: a record with the path" {
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

@test "the bind of a server that never set sin_family is recorded as what it is" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$SYSTEM_PYTHON" -c '
import ctypes, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
address = bytes(2) + int(sys.argv[1]).to_bytes(2, "big") + bytes(12)
s = socket.socket()
sys.exit(1 if libc.bind(s.fileno(), address, 16) == -1 and ctypes.get_errno() == 98 else 0)' "$port"
    expect_record ".local == {address: \"0.0.0.0\", port: $port, device: null}" '.options.reuseaddr' '.cause == "listener"'
}

@test "AF_NETLINK: a record with what is known" {
    cat >"$BATS_TEST_TMPDIR/netlink.py" <<'PY'
import socket
a = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); a.bind((77777, 0))
b = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); b.bind((77777, 0))
PY
    run -1 shim "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/netlink.py"
    expect_record '.protocol == "netlink"' '.local == null' '.cause == null' '.holders == []' \
        '.diagnosis == {source: "none", complete: false, elapsed_us: .diagnosis.elapsed_us}'
}

@test "connect from a wildcard address: only what may be the same 4-tuple is listed, and called uncertain if two may be" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:0 listen
    peer=$(ns ss -Htln | awk '{print $4}')
    holder tcp set reuseaddr bind 127.0.0.5:"$port" connect "$peer"
    holder tcp set reuseaddr bind 127.0.0.1:"$port" connect "$peer"
    run -1 shim "$PROGRAMS/sock" tcp set reuseaddr bind 0.0.0.0:"$port" connect "$peer"
    expect_record '.cause == "same-tuple"' '[.holders[].blocks] == [null, null]'
}

@test "connect to a peer that no local address reaches is not about ports, even where others have some of the range" {
    ns sysctl -qw net.ipv6.conf.lo.disable_ipv6=1
    holder tcp bind 127.0.0.1:0 listen
    run -1 shim "$PROGRAMS/sock" tcp6 connect [::1]:9
    [ "$output" = "connect: EADDRNOTAVAIL" ]
    [ ! -s "$LOG" ]
}
