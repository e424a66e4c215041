#!/usr/bin/env bats
# watch: after a success, who else is on the port, and who receives what.
# bats file_tags=quick

load helper

# The socket words under the policy audit; what they print is on the program's standard output.
audited() {
    run -0 shim REUSESHIM_POLICY="${policy:-audit}" "$PROGRAMS/sock" "$@"
}

@test "where nobody else is on the port watch writes no record" {
    port=$(free_port udp)
    audited udp bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port" listen
    [ ! -s "$LOG" ]
}

@test "a UDP bind beside another user's socket is recorded as shared, with that socket, its user, and who receives" {
    needs_root
    port=$(free_port udp)
    holder uid 4711 udp set reuseaddr bind 127.0.0.1:"$port"
    audited udp set reuseaddr bind 127.0.0.1:"$port"
    expect_record '.event == "shared"' '.call == "bind"' '.errno == null' '.cause == null' '.outcome == null' \
        '.holders | length == 1' '.holders[0].uid == 4711' '.holders[0].blocks == false' '.cures == []' \
        ".local == {address: \"127.0.0.1\", port: $port, device: null}" '.policy == "audit"' '.rule | startswith("audit:")' \
        '.holders[0].processes[0].relation == "same-program"' \
        '.message | test("newest.*4711")'
    owner_is "$holder_pid"
}

@test "another user's socket is not lost among forty others, whichever came first; nor is one of the same address" {
    needs_root
    port=$(free_port udp)
    mapfile -t many < <(for _ in {1..40}; do printf '%s\n' udp set reuseaddr bind "0.0.0.0:$port"; done)
    for stranger in "uid 4711 udp set reuseaddr bind 0.0.0.0:$port" "udp set reuseaddr bind 127.0.0.1:$port"; do
        for first in stranger many; do
            # shellcheck disable=SC2086
            [ $first = many ] || holder $stranger
            holder "${many[@]}"
            # shellcheck disable=SC2086
            [ $first = stranger ] || holder $stranger
            audited udp set reuseaddr bind 127.0.0.1:"$port"
            expect_record '.event == "shared"' '.holders | length == 32' '.holders_omitted == 9' \
                'any(.holders[]; .uid == 4711 or .local.address == "127.0.0.1")'
            namespace_renew
        done
    done
}

@test "a TCP port shared by SO_REUSEPORT is recorded once, at listen, however often the program listens" {
    port=$(free_port)
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    audited tcp set reuseport bind 127.0.0.1:"$port" listen listen
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.event == "shared"' '.call == "listen"' '.holders[0].state == "LISTEN"' \
        '.holders[0].reuseport' '.message | test("connection.*hash")'
    owner_is "$holder_pid"
}

@test "a narrower address beside a wildcard, and the reverse, are recorded, each with its own words for who receives" {
    port=$(free_port)
    holder tcp set reuseport bind 0.0.0.0:"$port" listen
    audited tcp set reuseport bind 127.0.0.1:"$port" listen
    expect_record '.event == "shared"' '.holders[0].local.address == "0.0.0.0"' '.message | test("address")'
    narrower=$(record .message)
    stop
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    audited tcp set reuseport bind 0.0.0.0:"$port" listen
    expect_record '.event == "shared"' '.holders[0].local.address == "127.0.0.1"' '.message | test("address")'
    [ "$(record .message)" != "$narrower" ]
}

@test "an ::1 beside another program's 127.0.0.1 is recorded: clients that say localhost meet either" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    audited tcp6 bind [::1]:"$port" listen
    expect_record '.event == "shared"' '.local.address == "::1"' '.holders[0].local.address == "127.0.0.1"' \
        '.message | test("localhost")'
}

@test "a [::] with v6only beside somebody else's 0.0.0.0 is recorded, beside one's own it is not" {
    port=$(free_port)
    audited tcp bind 0.0.0.0:"$port" listen tcp6 set v6only bind [::]:"$port" listen
    [ ! -s "$LOG" ]
    holder tcp bind 0.0.0.0:"$port" listen
    audited tcp6 set v6only bind [::]:"$port" listen
    expect_record '.event == "shared"' '.holders[0].local.address == "0.0.0.0"'
}

@test "a socket of another address is not on the same port" {
    port=$(free_port)
    holder tcp bind 127.0.0.2:"$port" listen
    audited tcp bind 127.0.0.1:"$port" listen
    [ ! -s "$LOG" ]
}

@test "a second receiver of a multicast group is recorded: both get every datagram" {
    port=$(free_port udp)
    holder udp set reuseaddr bind 239.1.2.3:"$port"
    audited udp set reuseaddr bind 239.1.2.3:"$port"
    expect_record '.event == "shared"' '.message | test("both")'
}

@test "of a bind to port 0 the port that it became is looked at" {
    ns_sysctl net.ipv4.ip_local_port_range="40000 40000"
    holder udp set reuseaddr bind 127.0.0.1:40000
    audited udp set reuseaddr bind 127.0.0.1:0
    expect_record '.local.port == 40000' '.event == "shared"'
}

@test "the policy exclusive names another user's listener beside the socket" {
    needs_root
    port=$(free_port)
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    policy=exclusive audited tcp6 set v6only bind [::1]:"$port" listen
    expect_record '.event == "shared"' '.holders[0].uid == 4711' '.message | test("4711")'
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

@test "a record of watch in text says who shares the port, and what follows" {
    port=$(free_port udp)
    holder udp set reuseaddr bind 127.0.0.1:"$port"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="udp watch" "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    [[ ${lines[0]} == "reuseshim["*"] sock: bind("*", udp 127.0.0.1:$port) shares its port" ]]
    [[ ${lines[1]} == *"  with     udp 127.0.0.1:$port  UNCONNECTED, pid $holder_pid (sock)"* ]]
    [[ ${lines[2]} == *"  so       "* ]]
}

@test "a stranger is not missed among forty sockets of the program's own" {
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

# receives OLD NEW TARGET: how many datagrams each of two sockets gets, "OLD NEW"; tests/programs/two_receivers.py.
receives() {
    ns "$SYSTEM_PYTHON" "$SCRIPTS/two_receivers.py" "$@"
}

@test "who receives is said as the kernel does it: the newest, by a hash, inside one user, all of a group, or not known" {
    needs_root
    ns ip route add 224.0.0.0/4 dev lo
    ns ip link set lo multicast on
    # Two wildcards: unicast to the newest, multicast to both.
    [ "$(receives 0.0.0.0,0,a 0.0.0.0,0,a 127.0.0.1)" = "0 32" ]
    [ "$(receives 0.0.0.0,0,a 0.0.0.0,0,a 224.0.0.251)" = "32 32" ]
    holder udp set reuseaddr bind 0.0.0.0:5353
    audited udp set reuseaddr bind 0.0.0.0:5353
    expect_record '.message | test("newest.*multicast")'
    stop
    # Another user is no part of the group, whatever the options: the newest has all.
    [ "$(receives 127.0.0.1,4711,a,p 127.0.0.1,0,a,p 127.0.0.1)" = "0 32" ]
    holder uid 4711 udp set reuseaddr set reuseport bind 127.0.0.1:5353
    audited udp set reuseaddr set reuseport bind 127.0.0.1:5353
    expect_record '.message | test("newest.*4711")'
    stop
    # One user: a hash.
    read -r old new < <(receives 127.0.0.1,0,p 127.0.0.1,0,p 127.0.0.1)
    ((old > 0 && new > 0 && old + new == 32))
    holder udp set reuseport bind 127.0.0.1:5353
    audited udp set reuseport bind 127.0.0.1:5353
    expect_record '.message | test("hash")'
    stop
    # An IPv6 newcomer with SO_REUSEPORT stands behind: nothing is claimed.
    [ "$(receives ::1,0,a ::1,0,a,p ::1)" = "32 0" ]
    holder udp6 set reuseaddr bind [::1]:5353
    audited udp6 set reuseaddr set reuseport bind [::1]:5353
    expect_record '.message | test("newest|hash|both") | not'
    stop
    # A group's address beside the wildcard.
    [ "$(receives 0.0.0.0,0,a 224.0.0.251,0,a 224.0.0.251)" = "32 32" ]
    holder udp set reuseaddr bind 0.0.0.0:5353
    audited udp set reuseaddr bind 224.0.0.251:5353
    expect_record '.message | test("both")'
}

@test "a socket of another network namespace is not on the same port" {
    run -0 shim REUSESHIM_POLICY=audit "$SYSTEM_PYTHON" "$SCRIPTS/other_namespace.py" 8102
    [ ! -s "$LOG" ]
}

@test "watch looks after bindresvport, too" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/hold_reserved.py" dgram
    audited udp set reuseaddr resv
    expect_record '.event == "shared"' '.call == "bindresvport"' ".holders[0].processes[0].pid == $last_pid"
}
