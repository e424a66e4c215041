#!/usr/bin/env bats
# watch: after a success, who else is on the port, and who receives what.

load helper

# The socket words under the policy audit; what they print is on the program's standard output.
audited() {
    run -0 shim REUSESHIM_POLICY="${policy:-audit}" "$PROGRAMS/sock" "$@"
}

@test "nobody else is there: no record" {
    port=$(free_port udp)
    audited udp bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port" listen
    [ ! -s "$LOG" ]
}

@test "a UDP port taken over by another user through SO_REUSEADDR" {
    needs_root
    port=$(free_port udp)
    holder uid 4711 udp set reuseaddr bind 127.0.0.1:"$port"
    audited udp set reuseaddr bind 127.0.0.1:"$port"
    expect_record '.event == "shared"' '.call == "bind"' '.errno == null' '.cause == null' '.outcome == null' \
        '.holders | length == 1' '.holders[0].uid == 4711' '.holders[0].blocks == false' '.cures == []' \
        ".local == {address: \"127.0.0.1\", port: $port, device: null}" '.policy == "audit"' '.rule == "audit:7"' \
        '.holders[0].processes[0].relation == "same-program"' \
        '.message == "every datagram comes here, to the newest, and none to that one any more; that one belongs to another user, uid 4711"'
    owner_is "$holder_pid"
    # And it is so.
    background ns "$SYSTEM_PYTHON" -c '
import socket, sys
def receiver():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(sys.argv[1])))
    s.settimeout(0.2)
    return s
old, new = receiver(), receiver()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", old.getsockname())
print(new.recv(1))' "$port"
    grep -q "b'x'" "$last_out"
}

@test "a TCP port shared inside one user by SO_REUSEPORT: once, at listen, however often it listens" {
    port=$(free_port)
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    audited tcp set reuseport bind 127.0.0.1:"$port" listen listen
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.event == "shared"' '.call == "listen"' '.holders[0].state == "LISTEN"' \
        '.holders[0].reuseport' '.message | test("^each new connection goes to one of the two")'
    owner_is "$holder_pid"
}

@test "a more specific bind beside a wildcard, and a wildcard beside a more specific one" {
    port=$(free_port)
    holder tcp set reuseport bind 0.0.0.0:"$port" listen
    audited tcp set reuseport bind 127.0.0.1:"$port" listen
    expect_record '.holders[0].local.address == "0.0.0.0"' \
        '.message == "what is for this address comes here, and no longer to that one"'
    stop
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    audited tcp set reuseport bind 0.0.0.0:"$port" listen
    expect_record '.holders[0].local.address == "127.0.0.1"' \
        '.message == "what is for its address goes to that one, the rest comes here"'
}

@test "localhost split between 127.0.0.1 and ::1" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    audited tcp6 bind [::1]:"$port" listen
    expect_record '.event == "shared"' '.local.address == "::1"' '.holders[0].local.address == "127.0.0.1"' \
        '.message | test("each gets its own family; a client that says .localhost. may meet either")'
}

@test "[::] with v6only beside 0.0.0.0 of somebody else; one program's own two are no news" {
    port=$(free_port)
    audited tcp bind 0.0.0.0:"$port" listen tcp6 set v6only bind [::]:"$port" listen
    [ ! -s "$LOG" ]
    holder tcp bind 0.0.0.0:"$port" listen
    audited tcp6 set v6only bind [::]:"$port" listen
    expect_record '.event == "shared"' '.holders[0].local.address == "0.0.0.0"'
}

@test "another address, another device's socket: not on the same port" {
    port=$(free_port)
    holder tcp bind 127.0.0.2:"$port" listen
    audited tcp bind 127.0.0.1:"$port" listen
    [ ! -s "$LOG" ]
}

@test "multicast receivers each get everything" {
    port=$(free_port udp)
    holder udp set reuseaddr bind 239.1.2.3:"$port"
    audited udp set reuseaddr bind 239.1.2.3:"$port"
    expect_record '.message == "both receive every datagram of the group"'
}

@test "port 0: the port that it became is looked at" {
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40000"
    holder udp set reuseaddr bind 127.0.0.1:40000
    audited udp set reuseaddr bind 127.0.0.1:0
    expect_record '.local.port == 40000' '.event == "shared"'
}

@test "exclusive: strips, and names who is beside it" {
    needs_root
    port=$(free_port)
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    policy=exclusive audited tcp6 set v6only bind [::1]:"$port" listen
    expect_record '.event == "shared"' '.holders[0].uid == 4711' '.message | test("another user, uid 4711")'
}

@test "watch changes nothing: result, errno and options are the program's own" {
    port=$(free_port udp)
    holder udp set reuseaddr bind 127.0.0.1:"$port"
    audited udp set reuseaddr bind 127.0.0.1:"$port" errno get reuseaddr get reuseport
    [ "$output" = $'errno=0\nreuseaddr=1\nreuseport=0' ]
    run -1 shim REUSESHIM_POLICY=audit "$PROGRAMS/sock" udp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.event == "conflict"'
}

@test "watch in text: who, and what follows" {
    port=$(free_port udp)
    holder udp set reuseaddr bind 127.0.0.1:"$port"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="udp watch" "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    [[ ${lines[0]} == "reuseshim["*"] sock: bind("*", udp 127.0.0.1:$port) shares its port" ]]
    [[ ${lines[1]} == *"  with     udp 127.0.0.1:$port  UNCONNECTED, pid $holder_pid (sock) of uid "* ]]
    [[ ${lines[2]} == *"  so       every datagram comes here, to the newest, and none to that one any more" ]]
}

@test "a stranger is not missed among dozens of the program's own sockets" {
    needs_root
    port=$(free_port udp)
    holder uid 4711 udp set reuseaddr bind 127.0.0.1:"$port"
    words=()
    for _ in $(seq 40); do
        words+=(udp set reuseaddr bind 127.0.0.1:"$port")
    done
    audited "${words[@]}"
    [ "$(jq -c 'select(.event == "shared" and .holders[0].uid == 4711)' "$LOG" | wc -l)" = 40 ]
}

# receives OLD NEW TARGET [COUNT]: binds two receivers as the words say and counts what each gets.
receives() {
    ns "$SYSTEM_PYTHON" - "$@" <<'PY'
import os, socket, struct, sys
def receiver(words):
    address, uid, *options = words.split(",")
    if int(uid): os.setegid(int(uid)); os.seteuid(int(uid))
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    os.seteuid(0); os.setegid(0)
    for o in options:
        s.setsockopt(socket.SOL_SOCKET, {"a": socket.SO_REUSEADDR, "p": socket.SO_REUSEPORT}[o], 1)
    s.bind((address, 5353))
    s.settimeout(0.2)
    if sys.argv[3].startswith("224."):
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(sys.argv[3]) + socket.inet_aton("127.0.0.1"))
    return s
both = [receiver(w) for w in sys.argv[1:3]]
for i in range(32):
    s = socket.socket(both[0].family if ":" in sys.argv[3] else socket.AF_INET, socket.SOCK_DGRAM)
    if sys.argv[3].startswith("224."):
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    s.sendto(b"x", (sys.argv[3], 5353))
counts = []
for s in both:
    n = 0
    try:
        while s.recv(1): n += 1
    except OSError: pass
    counts.append(n)
print(*counts)
PY
}

@test "who receives, as the kernel has it: newest, hash, users, multicast, the end of the row" {
    needs_root
    ns ip route add 224.0.0.0/4 dev lo
    ns ip link set lo multicast on
    # Two wildcards: unicast to the newest, multicast to both.
    [ "$(receives 0.0.0.0,0,a 0.0.0.0,0,a 127.0.0.1)" = "0 32" ]
    [ "$(receives 0.0.0.0,0,a 0.0.0.0,0,a 224.0.0.251)" = "32 32" ]
    holder udp set reuseaddr bind 0.0.0.0:5353
    audited udp set reuseaddr bind 0.0.0.0:5353
    expect_record '.message == "every datagram comes here, to the newest, and none to that one any more; multicast and broadcast reach both"'
    stop
    # Another user is no part of the group, whatever the options: the newest has all.
    [ "$(receives 127.0.0.1,4711,a,p 127.0.0.1,0,a,p 127.0.0.1)" = "0 32" ]
    holder uid 4711 udp set reuseaddr set reuseport bind 127.0.0.1:5353
    audited udp set reuseaddr set reuseport bind 127.0.0.1:5353
    expect_record '.message | test("^every datagram comes here, to the newest.*another user")'
    stop
    # One user: a hash.
    read -r old new < <(receives 127.0.0.1,0,p 127.0.0.1,0,p 127.0.0.1)
    ((old > 0 && new > 0 && old + new == 32))
    holder udp set reuseport bind 127.0.0.1:5353
    audited udp set reuseport bind 127.0.0.1:5353
    expect_record '.message | test("by a hash")'
    stop
    # An IPv6 newcomer with SO_REUSEPORT stands behind: nothing is claimed.
    [ "$(receives ::1,0,a ::1,0,a,p ::1)" = "32 0" ]
    holder udp6 set reuseaddr bind [::1]:5353
    audited udp6 set reuseaddr set reuseport bind [::1]:5353
    expect_record '.message | test("^only one of the two receives")'
    stop
    # A group's address beside the wildcard.
    [ "$(receives 0.0.0.0,0,a 224.0.0.251,0,a 224.0.0.251)" = "32 32" ]
    holder udp set reuseaddr bind 0.0.0.0:5353
    audited udp set reuseaddr bind 224.0.0.251:5353
    expect_record '.message == "both receive every datagram of the group"'
}

@test "sockets of another network namespace are not on this port" {
    cat >"$BATS_TEST_TMPDIR/other.py" <<'PY'
import ctypes, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
ctypes.CDLL(None).unshare(0x40000000)
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.bind(("0.0.0.0", 8102))
s.bind(("0.0.0.0", 8102))
PY
    run -0 shim REUSESHIM_POLICY=audit "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/other.py"
    [ ! -s "$LOG" ]
}

@test "watch after bindresvport" {
    background ns "$SYSTEM_PYTHON" -c '
import signal, socket
kept = []
for port in range(512, 1024):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", port)); kept.append(s)
print("ready", flush=True); signal.pause()'
    audited udp set reuseaddr resv
    expect_record '.event == "shared"' '.call == "bindresvport"' ".holders[0].processes[0].pid == $last_pid"
}
