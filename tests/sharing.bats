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
        '.message | test("IPv6 comes here, IPv4 goes to that one; a client that says .localhost. may meet either")'
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
