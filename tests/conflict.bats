#!/usr/bin/env bats
# Every refused call is recorded with the 5-tuple, state and owner of what stands in its way.

load helper

# The record of a newcomer that does these socket words under the shim, with no rule in play.
refused() {
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" "$@"
}

owner_is() {
    expect_record '.holders[0].owner == "known"' ".holders[0].processes[0].pid == $1" \
        ".holders[0].processes[0].program == \"${2:-sock}\""
}

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
    port=$(free_port)
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].uid == 4711' '.holders[0].processes[0].uid == 4711' '.uid == 0'
    owner_is "$holder_pid"
}

@test "a listener of another user, seen by one who may not look: hidden, with its uid" {
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

# One port in the range, and it is taken.
one_port_left() {
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40000"
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
    expect_record '.protocol == "unix"' ".local == {path: \"$path\"}" '.errno == "EADDRINUSE"' '.cause == null' \
        '.message | test("a socket file stays")'
    run -1 shim "$SYSTEM_PYTHON" -c 'import socket
a, b = (socket.socket(socket.AF_UNIX) for _ in "ab")
a.bind("\0hidden name"); b.bind("\0hidden name")'
    expect_record '.local == {path: "@hidden name"}' '.message | test("abstract")'
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

@test "with several on the port, the listener comes first and makes the cause" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.2:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.cause == "listener"' '[.holders[].state] == ["LISTEN", "BOUND"]' 'all(.holders[]; .blocks)'
}

@test "more than 32 holders: 32 are listed, the others counted" {
    port=$(free_port)
    words=()
    for i in $(seq 40); do
        words+=(tcp bind 127.0.1."$i":"$port")
    done
    holder "${words[@]}"
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.holders | length == 32' '.holders_omitted == 8' 'all(.holders[]; .owner == "known")'
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

@test "without sock_diag the same comes from /proc" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    expect_record '.diagnosis.source == "proc"' '.cause == "listener"' '.holders[0].state == "LISTEN"' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders[0].uid == 0' \
        '.holders[0].blocks'
    owner_is "$holder_pid"
}

@test "TIME_WAIT from /proc: the timer too" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp6 bind [::1]:"$port" listen tcp6 connect [::1]:"$port" back accept close closeall
    run -1 shim REUSESHIM_DIAGNOSE=always REUSESHIM_RULES=keep "$PROGRAMS/filter" errno netlink \
        "$PROGRAMS/sock" tcp6 bind [::1]:"$port"
    expect_record '.diagnosis.source == "proc"' '.cause == "time-wait"' '.holders[0].local.address == "::1"' \
        '.holders[0].timer_ms > 55000' '.holders[0].timer_ms <= 60000' '.holders[0].owner == "none"'
}

@test "nothing visible holds the port: unseen" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port"
    # /proc does not show bound-only sockets, so this is what an old kernel or another namespace looks like.
    run -1 shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "unseen"' '.holders == []'
}

@test "a socket made in another network namespace: nobody here is accused" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen # innocent
    background unshare --net sh -c "ip link set lo up && exec $PROGRAMS/sock tcp bind 127.0.0.1:$port listen hold"
    cat >"$BATS_TEST_TMPDIR/setns.py" <<'PY'
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
home, other = os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/proc/%s/ns/net" % sys.argv[2], os.O_RDONLY)
assert libc.setns(other, 0) == 0
s = socket.socket()
assert libc.setns(home, 0) == 0
s.bind(("127.0.0.1", int(sys.argv[1])))
PY
    run -1 shim "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/setns.py" "$port" "$last_pid"
    stop
    expect_record '.cause == "unseen"' '.holders == []' '.diagnosis.complete == false'
}

@test "a user in many groups gets the same explanation" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim setpriv --groups "$(seq -s, 1000000 1000400)" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.diagnosis.complete'
}

@test "the budget is spent before the owner is found: owner null, not complete" {
    port=$(free_port)
    ulimit -n 8192
    holder repeat 4000 tcp # stands before the holder in /proc, and takes long to look through
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_BUDGET_MS=1 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].owner == null' '.diagnosis.complete == false' \
        'all(.cures[]; .needs != ["stop-holder"])'
}

@test "options of a holder are read from its own descriptor where that is permitted" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port"
    holder tcp set reuseaddr bind 127.0.0.1:"$port"
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp set reuseport bind 127.0.0.1:"$port"
    expect_record '.holders | length == 2' 'all(.holders[]; .reuseaddr and .reuseport == false and .blocks)'
}

@test "a newcomer with a reuseport program of its own: the holder's option is not denied" {
    port=$(free_port)
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c '
import ctypes, socket, struct, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
s.setsockopt(socket.SOL_SOCKET, 51, struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
s.bind(("127.0.0.1", int(sys.argv[1])))' "$port"
    expect_record '.errno == "EADDRINUSE"' '.holders[0].reuseport == true'
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

@test "the keys of a record stand in the order of the contract" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record 'keys_unsorted == ["time","event","call","errno","pid","tid","program","uid","fd","protocol",
        "local","remote","options","policy","rule","cause","holders","holders_omitted","outcome","waited_ms",
        "evicted","cures","diagnosis","lost","message"]'
    expect_record '.holders[0] | keys_unsorted == ["protocol","local","remote","state","timer_ms","inode","uid",
        "device","v6only","reuseaddr","reuseport","blocks","cgroup","owner","processes"]'
    expect_record '.holders[0].processes[0] | keys_unsorted == ["pid","program","command","uid","started","relation"]'
    expect_record '.cures[0] | keys_unsorted == ["text","rules","policy","apply_to","needs"]'
    expect_record '.time | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z$")' \
        '(.time | sub("\\.[0-9]+"; "") | fromdate) - now | fabs < 60'
    expect_record '.program == "sock"' '.tid == .pid' '.policy == "restart"' '.rule == "REUSESHIM_RULES:1"'
}

@test "text of another process is escaped before it is written" {
    port=$(free_port)
    evil=$'\e[31mred\n{"x":1}\xff'
    background ns bash -c 'exec -a "$0" "$@"' "$evil" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    refused tcp bind 127.0.0.1:"$port"
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.holders[0].processes[0].command | startswith("\u001b[31mred\n{\"x\":1}\ufffd tcp bind")'
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $output == *'\x1b[31mred\x0a{"x":1}\xff tcp bind'* ]]
    [[ $output != *$'\e'* ]]
}

@test "a record in text: one line that says it all, details under the same prefix" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    [[ ${lines[0]} =~ ^reuseshim\[([0-9]+)\]\ sock:\ bind\([0-9]+,\ tcp\ 0\.0\.0\.0:$port\)\ failed:\ EADDRINUSE$ ]]
    pid=${BASH_REMATCH[1]}
    [[ ${lines[1]} == "reuseshim[$pid]   held by  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock) of uid 0: "* ]]
    [[ ${lines[2]} == "reuseshim[$pid]   because  it listens there"* ]]
    [[ ${lines[3]} == "reuseshim[$pid]   cure     stop process $holder_pid (sock)"* ]]
}
