#!/usr/bin/env bats
# Each cause is named where it is the true one. The situations are in scenarios.bash; cures.bats takes their cures.

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

holder_is() {
    expect_record ".holders[0].state == \"$1\"" '.holders[0].blocks' ".holders[0].local.port == $port" '.holders | length == 1'
}

@test "listener" {
    scenario listener
    holder_is LISTEN
    owner_is "${party_pids[0]}"
}

@test "listener, held by two processes: both are named" {
    scenario listener_two_processes
    holder_is LISTEN
    expect_record '[.holders[0].processes[].pid] | length == 2 and contains(['"${party_pids[0]}"'])'
}

@test "bound" {
    scenario bound
    holder_is BOUND
}

@test "connected: a connection that a server accepted" {
    scenario connected
    holder_is ESTABLISHED
    owner_is "${party_pids[0]}" "$(basename "$(readlink -f "$SYSTEM_PYTHON")")"
}

@test "connected: an outgoing connection from a port that its program had asked for" {
    scenario client_with_port
    holder_is ESTABLISHED
    owner_is "${party_pids[0]}"
}

@test "ephemeral-client: an outgoing connection that only happened to get the port" {
    port=40000
    scenario ephemeral_client
    holder_is ESTABLISHED
    owner_is "${party_pids[0]}"
    expect_record '.message | test("outgoing connection happened to get")' \
        'any(.cures[]; .text | test("ip_local_reserved_ports=40000"))' 'any(.cures[]; .text | test("policy client"))'
}

@test "ephemeral-client: a UDP socket whose connect took the port" {
    port=40000
    scenario udp_client
    holder_is ESTABLISHED
}

@test "inherited: a child that was started without close-on-exec outlived the server" {
    scenario inherited_exec
    holder_is LISTEN
    expect_record '.holders[0].processes[0].program == "sleep"' '.message | test("does not seem to serve it")'
}

@test "inherited: a forked child outlived the server" {
    scenario inherited_fork
    holder_is LISTEN
}

@test "not inherited: a server whose starter is gone, but that serves" {
    port=$(free_port)
    background ns sh -c 'setsid -f "$0" -c "
import socket, sys
s = socket.socket(); s.bind((\"127.0.0.1\", int(sys.argv[1]))); s.set_inheritable(True); s.listen(); s.accept()" "$1" >/dev/null 2>&1
        echo started' "$SYSTEM_PYTHON" "$port"
    until_true 5 ns sh -c "ss -Htln 'sport = :$port' | grep -q ."
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].processes[0].program | startswith("python3")'
}

@test "not inherited: a holder that only sleeps, whose parent is there" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c 'import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))' "$port"
    expect_record '.cause == "listener"'
}

@test "time-wait" {
    scenario time_wait
    holder_is TIME_WAIT
}

@test "time-wait: its FIN_WAIT2 form" {
    scenario fin_wait2
    holder_is FIN_WAIT2
    expect_record '.holders[0].timer_ms > 0' '.holders[0].owner == "none"' '.holders[0].uid == null'
}

@test "orphan" {
    scenario orphan
    holder_is FIN_WAIT1
}

@test "other-user" {
    needs_root
    scenario other_user
    holder_is LISTEN
}

@test "own-group: the refusal itself proves it" {
    scenario own_group
    holder_is LISTEN
    expect_record '.holders[0].reuseport' '.message | test("reuseport program")'
}

@test "same-tuple" {
    scenario same_tuple
    expect_record '.errno == "EADDRNOTAVAIL"' '.call == "connect"' '.holders[0].blocks' '.holders[0].remote.port == 1'
    owner_is "${party_pids[0]}"
}

@test "same-tuple: from the wildcard the only candidate is the one" {
    scenario same_tuple_wildcard
    expect_record '.holders[0].blocks'
}

@test "ports-exhausted: bind, listen, connect and UDP, with the range and who has it" {
    port=40000
    for one in exhausted_bind exhausted_listen exhausted_connect exhausted_udp; do
        HOLDER_RULES='' scenario "$one"
        expect_record '.message | test("\\(40000-40000\\): of 1 ports 1 are taken, 1 by pid '"${party_pids[0]}"' \\(sock\\)")' \
            '.holders[0].local.port == 40000' ".holders[0].processes[0].pid == ${party_pids[0]}"
        stop "${party_pids[0]}"
    done
}

@test "ports-exhausted: TIME_WAIT, several processes, reserved ports" {
    for port in 40004 40005; do arrange_time_wait; done
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40005"
    ns sysctl -qw net.ipv4.ip_local_reserved_ports="1-40000"
    holder tcp bind 0.0.0.0:40001 listen tcp bind 0.0.0.0:40002 listen
    one=$holder_pid
    holder tcp bind 0.0.0.0:40003 listen
    two=$holder_pid
    refused tcp bind 0.0.0.0:0
    expect_record '.message | test("of 6 ports 5 are taken, 2 by pid '"$one"' \\(sock\\), 1 by pid '"$two"' \\(sock\\), 2 in TIME_WAIT; 1 are reserved")' \
        '.holders | length == 5' '.holders_omitted == 0'
}


@test "udp: bound, connected, multicast" {
    scenario udp_bound
    holder_is UNCONNECTED
    port=$(free_port udp)
    scenario udp_connected
    holder_is ESTABLISHED
    port=$(free_port udp)
    scenario udp_multicast
}

@test "dual stack, both ways" {
    scenario dual_stack_ours
    expect_record '.message | test("also takes IPv4")'
    port=$(free_port)
    scenario dual_stack_theirs
    expect_record '.message | test("also takes IPv4")' '.holders[0].v6only == false'
}

@test "the accepted IPv6 connection of a dual-stack server blocks 0.0.0.0" {
    scenario accepted_ipv6
    expect_record '.holders[0].local.address == "::1"' '.message | test("accepted by a dual-stack server")'
}

@test "unix-live: a path and an abstract name" {
    scenario unix_live
    expect_record '.protocol == "unix"' ".holders[0].local == {path: \"$BATS_TEST_TMPDIR/s.$port\"}" \
        '.holders[0].state == "LISTEN"' '.holders[0].protocol == "unix"'
    owner_is "${party_pids[0]}"
    scenario unix_abstract
    expect_record ".holders[0].local == {path: \"@/$port\"}"
    owner_is "${party_pids[0]}"
}

@test "unix-live: bound and not listening, a datagram socket, one of another network namespace" {
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

@test "unix-stale, and a path that is no socket: two different things" {
    scenario unix_stale
    expect_record '.holders == []' '.message | test("left behind")'
    echo precious >"$BATS_TEST_TMPDIR/file"
    refused unix bind "$BATS_TEST_TMPDIR/file"
    expect_record '.cause == null' '.cures == []' '.message | test("no socket")'
}

@test "AF_PACKET, AF_VSOCK and families without a name: a record with what is known" {
    # None of them is easily refused with EADDRINUSE here; the door sees no difference.
    cat >"$BATS_TEST_TMPDIR/fail.c" <<'C'
#include <errno.h>
#include <sys/socket.h>
int bind(int fd, const struct sockaddr *address, socklen_t length)
{ (void)fd; (void)address; (void)length; errno = EADDRINUSE; return -1; }
C
    gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/fail.so" "$BATS_TEST_TMPDIR/fail.c"
    for family in 17:packet 40:vsock 16:netlink 38:"family 38"; do
        ns env LD_PRELOAD="$LIB:$BATS_TEST_TMPDIR/fail.so" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$SYSTEM_PYTHON" -c '
import ctypes, socket, sys
family = int(sys.argv[1])
kind = socket.SOCK_RAW if family in (16, 17) else 5 if family == 38 else socket.SOCK_STREAM
s = socket.socket(family, kind)
libc = ctypes.CDLL(None, use_errno=True)
address = family.to_bytes(2, sys.byteorder) + bytes(30)
assert libc.bind(s.fileno(), address, len(address)) == -1 and ctypes.get_errno() == 98' "${family%%:*}" || continue
        expect_record ".protocol == \"${family#*:}\"" '.errno == "EADDRINUSE"' '.cause == null' '.holders == []' '.cures == []'
        seen+=("$family")
    done
    [ "${#seen[@]}" -ge 2 ]
}

@test "a socket that no process shows: by permission, elsewhere, or the kernel's own, each said" {
    needs_root
    port=$(free_port udp)
    # WireGuard, VXLAN, ...: a socket that the kernel made for itself.
    ns ip link add rs0 type vxlan id 7 dstport "$port" dev lo || ns ip link add rs0 type geneve id 7 remote 127.0.0.1 dstport "$port" || made_none=1
    if [ -z "${made_none:-}" ]; then
        ns ip link set rs0 up
        refused udp bind 0.0.0.0:"$port"
        expect_record '.holders[0].owner == "hidden"' '.message | test("service of the kernel")'
    fi
    # On its way: a descriptor that sits in a UNIX socket's queue.
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" -c '
import signal, socket, sys
a, b = socket.socketpair(socket.AF_UNIX)
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
socket.send_fds(a, [b"x"], [s.fileno()]); s.close()
print("ready", flush=True); signal.pause()' "$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden"' '.holders[0].processes == []' '.message | test("a descriptor on its way")'
    # In another PID namespace: everybody that we see is looked at, and has it not.
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env REUSESHIM_RULES=keep REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        unshare --pid --fork --mount-proc env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden"' '.message | test("another PID namespace")'
    # Not shown to this user.
    open_folder 777
    run -1 ns env REUSESHIM_RULES=keep REUSESHIM_LOG="$open/log" REUSESHIM_FORMAT=json LD_PRELOAD="$LIB" \
        "$PROGRAMS/sock" uid 4711 tcp bind 127.0.0.1:"$port"
    LOG=$open/log
    expect_record '.holders[0].owner == "hidden"' '.message | test("not every process shows what it has open")'
}

@test "not inherited: a daemon that sleeps between looks at its socket" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" -c '
import os, socket, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); s.setblocking(False)
for _ in range(60): time.sleep(0.002)
print("ready", flush=True)
while True:
    try: s.accept()
    except OSError: time.sleep(0.02)' "$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"'
}
