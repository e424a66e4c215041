#!/usr/bin/env bats
# reuseshim why: the kernel's own answer, and who is there.

load helper
load scenarios

why() {
    run ns "$BUILD/reuseshim" why "$@"
}

# answers FILTER...: each must be true for the array of records that the last why --json printed.
answers() {
    local filter
    for filter in "$@"; do
        jq -se "$filter" <<<"$output" >/dev/null || { echo "not so: $filter" >&2; echo "$output" >&2; return 1; }
    done
}

# bare PROTOCOL OPTIONS ADDRESS: what the kernel says to a program that binds there, as an errno's name or null.
bare() {
    local words=("$1")
    [[ $2 != *a* ]] || words+=(set reuseaddr)
    [[ $2 != *p* ]] || words+=(set reuseport)
    [[ $3 != \[* ]] || words[0]+=6
    ns "$PROGRAMS/sock" "${words[@]}" bind "$3" | sed -n 's/^bind: //p'
}

# In the situation that stands, every answer of why is the kernel's. What expires is made anew for each question.
agrees() {
    local address options protocol expected at
    for address in 127.0.0.1 0.0.0.0 127.0.0.2 "[::]"; do
        for options in "" -a -ap; do
            [[ $1 != time_wait && $1 != fin_wait2 ]] || { port=$(free_port) && "arrange_$1"; }
            # shellcheck disable=SC2086
            why --json $options "$address:$port"
            at=0
            for protocol in tcp udp; do
                expected=$(bare "$protocol" "$options" "$address:$port")
                answers ".[$at].protocol == \"$protocol\"" ".[$at].errno == (\"$expected\" | if . == \"\" then null else . end)"
                at=$((at + 1))
            done
        done
    done
}

# cause_agrees NAME: asked for what the program of the scenario asks for, it names the scenario's cause.
cause_agrees() {
    local words arguments=() cause=cause_$1
    # shellcheck disable=SC2317 # attempt_NAME calls it
    attempt() { words=" $* "; }
    "attempt_$1"
    unset -f attempt
    # What why does not do: connect, listen without bind, a reuseport program, another user's socket.
    [[ $words == *" bind "* && $words != *" connect "* && $words != *" attach "* ]] || return 0
    [[ $words != *" reuseport "* ]] || arguments+=(--reuseport)
    [[ $words != *" udp "* ]] || arguments+=(--udp)
    [[ $words != *tcp* && $words != *" unix "* ]] || arguments+=(--tcp)
    [[ $words =~ " bind "([^ ]+) ]]
    why --json "${arguments[@]}" "${BASH_REMATCH[1]}"
    [ "$status" = 1 ]
    answers 'length == 1' ".[0].cause == \"${!cause}\"" '.[0].errno == "EADDRINUSE"' '.[0].event == "conflict"' \
        '.[0].program == "reuseshim"' '.[0].diagnosis.complete'
}

# situation NAME: one of scenarios.bash.
situation() {
    needs_root
    party_pids=() port=$(free_port)
    [[ $1 != *ephemeral* && $1 != *client && $1 != exhausted* ]] || port=40000
    "arrange_$1"
    [[ $1 == unix* ]] || agrees "$1"
    cause_agrees "$1"
}

@test "why says what the kernel says beside a listener" { situation listener; }
@test "why says what the kernel says beside a listener of one address, asked for all" { situation listener_wide; }
@test "why says what the kernel says beside a listener of two processes" { situation listener_two_processes; }
@test "why says what the kernel says beside an MPTCP listener" { situation listener_of_mptcp; }
@test "why says what the kernel says beside a TCP listener, asked by MPTCP" { situation listener_for_mptcp; }
@test "why says what the kernel says beside a socket that is only bound" { situation bound; }
@test "why says what the kernel says beside an accepted connection" { situation connected; }
@test "why says what the kernel says beside an outgoing connection from a port it asked for" { situation client_with_port; }
@test "why says what the kernel says beside an outgoing connection that happened to get the port" { situation ephemeral_client; }
@test "why says what the kernel says beside a listener left behind across exec" { situation inherited_exec; }
@test "why says what the kernel says beside a listener left behind by fork" { situation inherited_fork; }
@test "why says what the kernel says beside a TIME_WAIT" { situation time_wait; }
@test "why says what the kernel says beside a FIN_WAIT2" { situation fin_wait2; }
@test "why says what the kernel says beside an orphan that still sends" { situation orphan; }
@test "why says what the kernel says beside another user's SO_REUSEPORT" { situation other_user; }
@test "why says what the kernel says beside a SO_REUSEPORT listener" { situation own_group; }
@test "why says what the kernel says beside a connection of the same 4-tuple" { situation same_tuple; }
@test "why says what the kernel says beside a connection of the same 4-tuple, from the wildcard" { situation same_tuple_wildcard; }
@test "why says what the kernel says beside a range used up, by bind" { situation exhausted_bind; }
@test "why says what the kernel says beside a range used up, by listen" { situation exhausted_listen; }
@test "why says what the kernel says beside a range used up, by connect" { situation exhausted_connect; }
@test "why says what the kernel says beside a range used up, by UDP" { situation exhausted_udp; }
@test "why says what the kernel says beside a bound UDP socket" { situation udp_bound; }
@test "why says what the kernel says beside a connected UDP socket" { situation udp_connected; }
@test "why says what the kernel says beside a UDP socket whose connect took the port" { situation udp_client; }
@test "why says what the kernel says beside a receiver of a multicast group" { situation udp_multicast; }
@test "why says what the kernel says beside an IPv4 wildcard, asked for [::]" { situation dual_stack_ours; }
@test "why says what the kernel says beside a dual-stack [::], asked for IPv4" { situation dual_stack_theirs; }
@test "why says what the kernel says beside an IPv6 connection that a dual-stack server accepted" { situation accepted_ipv6; }
@test "why says what the kernel says beside a live AF_UNIX path" { situation unix_live; }
@test "why says what the kernel says beside a live abstract name" { situation unix_abstract; }
@test "why says what the kernel says beside a stale socket file" { situation unix_stale; }

@test "every situation of scenarios.bash is tried here" {
    local name
    for name in "${scenarios[@]}"; do
        grep -q "{ situation $name; }" "$BATS_TEST_FILENAME"
    done
}

# ---- what is asked, and how it is told ----------------------------------------------------------------------

@test "a port alone asks for TCP and UDP, IPv4 and IPv6; -t, -u, -4, -6 and an address narrow it" {
    port=$(free_port)
    why --json "$port"
    [ "$status" = 0 ]
    answers 'map([.protocol, .local.address]) == [["tcp","0.0.0.0"],["tcp","::"],["udp","0.0.0.0"],["udp","::"]]' \
        'all(.[]; .errno == null and .event == "trace" and .cause == null and .holders == [])'
    why --json -u6 "$port"
    answers 'map([.protocol, .local.address]) == [["udp","::"]]'
    why --json -t localhost:"$port"
    answers 'map(.local.address) == ["127.0.0.1","::1"]'
    why --json -t "*:$port"
    answers 'map(.local.address) == ["0.0.0.0","::"]'
    why --json -t "[::ffff:127.0.0.1]:$port"
    answers 'map(.local.address) == ["::ffff:127.0.0.1"]'
}

@test "the exit code is 0 if all is free, 1 if anything is in use, 100 for wrong use, 111 if it cannot be tried" {
    port=$(free_port)
    holder udp bind 127.0.0.1:"$port"
    why "$port"
    [ "$status" = 1 ]
    why -t "$port"
    [ "$status" = 0 ]
    why 192.0.2.1:"$port"
    [ "$status" = 111 ]
    [[ $output == *EADDRNOTAVAIL* ]]
    for words in "65536" "-1" "x" "80x" "1.2.3:80" "[::1:80" "[::1%nosuch]:80" "@" "--nosuch 80" "-w /tmp/x" "-6 127.0.0.1:80" \
        "8010-8000" "0-80" "80-" "80,,81" "80/sctp" "-t 53/udp" "udp:53/tcp" "-4 80/tcp6" "10.0.0.1" "::1" "[::1]" "unix:x" "80 x" \
        "-w 80 81" "-w 80-81" "-w" "-q" "-a" "-qj 80" "*:" "host.example:80"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr ns "$BUILD/reuseshim" why $words
        [[ ${stderr_lines[-1]} == "reuseshim: "* ]]
        [ -z "$output" ]
    done
}

@test "who else is on the port is shown, with its owner, though the bind would succeed" {
    port=$(free_port)
    holder tcp bind 127.0.0.2:"$port" listen
    why -t 127.0.0.1:"$port"
    [ "$status" = 0 ]
    [ "${lines[0]}" = "tcp  127.0.0.1:$port  free" ]
    [[ ${lines[1]} == "     beside "*"tcp 127.0.0.2:$port  LISTEN, pid $holder_pid (sock)"* ]]
    why -t --json 127.0.0.1:"$port"
    answers ".[0].holders[0].processes[0].pid == $holder_pid" '.[0].holders[0].blocks == false' '.[0].diagnosis.complete'
}

@test "why leaves no socket and no file behind" {
    port=$(free_port)
    why "$port"
    [ -z "$(ns ss -Htan "sport = :$port")" ]
    why "$BATS_TEST_TMPDIR/probe.sock"
    [ "$status" = 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/probe.sock" ]
}

@test "why never listens and never connects" {
    port=$(free_port)
    ns strace -f -qq -e trace=listen,connect,sendto -o "$BATS_TEST_TMPDIR/trace" "$BUILD/reuseshim" why "$port" >/dev/null
    run -1 grep -E 'listen|connect' "$BATS_TEST_TMPDIR/trace"
}

@test "a path is told to be a live socket or no socket, which is left alone; a folder that is not there is trouble" {
    holder unix bind "$BATS_TEST_TMPDIR/live" listen
    why --json "$BATS_TEST_TMPDIR/live"
    answers '.[0].cause == "unix-live"' ".[0].holders[0].processes[0].pid == $holder_pid"
    echo precious >"$BATS_TEST_TMPDIR/file"
    why "$BATS_TEST_TMPDIR/file"
    [ "$status" = 1 ]
    [ "$(cat "$BATS_TEST_TMPDIR/file")" = precious ]
    why /nonexistent/folder/x.sock
    [ "$status" = 111 ]
}

@test "a port that this user may not try is answered by the rule of the kernel, applied to what is on it" {
    needs_root
    open_folder
    cp "$BUILD/reuseshim" "$open"
    run -111 ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t 80
    [[ ${lines[0]} == "tcp  0.0.0.0:80  not allowed"*EACCES* ]]
    [[ $output == *"ip_unprivileged_port_start"* ]]
    holder tcp bind 127.0.0.1:80 listen
    run -1 ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t4 80
    [[ ${lines[0]} == "tcp  0.0.0.0:80  in use"*EACCES* ]]
    run -1 ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t4 --json 80
    answers '.[0].event == "conflict"' '.[0].errno == "EACCES"' '.[0].cause == "listener"' \
        '.[0].holders[0] | .blocks and .state == "LISTEN" and .owner == "hidden" and .uid == 0'
}

@test "a library that is preloaded into why changes nothing: it asks for what it was told to ask" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" why -t 127.0.0.1:"$port"
    [ "$status" = 1 ]
    [ ! -e "$LOG" ]
    run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" why -t --reuseaddr 127.0.0.1:"$port"
    [ "$status" = 0 ]
}

@test "there is colour on a terminal alone, and never with NO_COLOR" {
    port=$(free_port)
    why "$port"
    [[ $output != *$'\e'* ]]
    run ns script -qec "$BUILD/reuseshim why $port" /dev/null
    [[ $output == *$'\e[32mfree\e[0m'* ]]
    run ns env NO_COLOR=1 script -qec "$BUILD/reuseshim why $port" /dev/null
    [[ $output != *$'\e'* ]]
}

@test "the name of another program cannot write to the terminal" {
    port=$(free_port)
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/"$'ev\e[31mil'
    background ns "$BATS_TEST_TMPDIR/"$'ev\e[31mil' tcp bind 127.0.0.1:"$port" listen hold
    why -t 127.0.0.1:"$port"
    [[ $output == *'ev\x1b[31mil'* ]]
    [[ $output != *$'\e'* ]]
}

@test "an abstract name is another one for each type of socket: each is answered, and -u asks for datagrams" {
    holder unix bind "@/twice" listen
    why "@/twice"
    [ "$status" = 1 ]
    [[ $output == *"@/twice  in use"*"dgram  @/twice  free"* ]]
    why -u "@/twice"
    [ "$status" = 0 ]
}

@test "IPv6 that is switched off is passed over where nobody named it, and trouble where nothing else was asked" {
    ns_sysctl net.ipv6.conf.all.disable_ipv6=1
    port=$(free_port)
    why "$port"
    [ "$status" = 0 ]
    why localhost:"$port"
    [ "$status" = 0 ]
    why -6 localhost:"$port"
    [ "$status" = 111 ]
}

@test "an answer of any subcommand that cannot be written ends with 111" {
    for words in $(subcommands) --version --help; do
        # One that answers; run has none of its own.
        case $words in
        run) words="run --help" ;;
        why) words="why $(free_port)" ;;
        wait) words="wait --help" ;;
        log) words="log /dev/null" ;;
        unit) words="unit --offline nowhere" ;;
        esac
        # shellcheck disable=SC2086
        run -111 --separate-stderr ns sh -c 'exec "$0" "$@" >/dev/full' "$BUILD/reuseshim" $words
        [ "${stderr_lines[-1]}" = "reuseshim: standard output: No space left on device" ]
    done
}

@test "of more than fits fewer holders are told, the others counted, and still the cause; the JSON is whole" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_and_workers.py" "$port" 33 8 "$(printf '%0100d' 0 | tr 0 '\001')"
    why -4t "$port"
    [ "$status" = 1 ]
    [[ $output == *"because  "* ]]
    [[ $output =~ [0-9]+\ more ]]
    why -4t 127.0.0.40:"$port"
    [ "$status" = 0 ]
    why -4t --json 0.0.0.0:"$port"
    answers 'length == 1' '.[0].holders_omitted + (.[0].holders | length) == 33'
}

@test "of many sockets on one port the listener comes first, and the others are counted" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_connections.py" "$port" 60
    why -t 127.0.0.2:"$port"
    [[ ${lines[1]} == *"127.0.0.1:$port  LISTEN"* ]]
    grep -qE '^ +and +[0-9]+ more$' <<<"$output"
}

# ---- what is typed ------------------------------------------------------------------------------------------

# asks_for WORD LOCAL...: of the word these are the places that are tried, "PROTOCOL ADDRESS:PORT" each.
asks_for() {
    local word=$1
    shift
    why --json "$word"
    diff <(jq -r '"\(.protocol) \(.local.address):\(.local.port)"' <<<"$output") <(printf '%s\n' "$@")
}

@test "a port is taken as programs print it and people type it: with a protocol, a range, a list, *, localhost, :::" {
    asks_for 8080/tcp "tcp 0.0.0.0:8080" "tcp :::8080"
    asks_for 53/udp "udp 0.0.0.0:53" "udp :::53"
    asks_for tcp:80 "tcp 0.0.0.0:80" "tcp :::80"
    asks_for udp6:53 "udp :::53"
    asks_for tcp://127.0.0.1:80 "tcp 127.0.0.1:80"
    asks_for localhost:80/tcp "tcp 127.0.0.1:80" "tcp ::1:80"
    asks_for "*:80/tcp4" "tcp 0.0.0.0:80"
    asks_for :80/tcp "tcp 0.0.0.0:80" "tcp :::80"
    asks_for 0.0.0.0:80 "tcp 0.0.0.0:80" "udp 0.0.0.0:80"
    asks_for :::3000 "tcp :::3000" "udp :::3000"
    asks_for ::1:80/tcp "tcp ::1:80"
    asks_for tcp4:80,443,8000-8002 "tcp 0.0.0.0:80" "tcp 0.0.0.0:443" "tcp 0.0.0.0:8000" "tcp 0.0.0.0:8001" "tcp 0.0.0.0:8002"
    why --json -t4 1-3 127.0.0.1:9
    answers 'map(.local.port) == [1, 2, 3, 9]'
}

@test "a service is a port by its name in /etc/services, for the protocols that have it there" {
    printf 'web\t4080/tcp\nname-server 4053/tcp names\nname-server 4053/udp names\n' >"$BATS_TEST_TMPDIR/services"
    services() {
        run ns unshare --mount sh -c 'mount -t tmpfs none /etc && cp "$0" /etc/services && exec "$@"' "$BATS_TEST_TMPDIR/services" \
            "$BUILD/reuseshim" why --json "$@"
    }
    services -4 web
    answers 'map([.protocol, .local.port]) == [["tcp", 4080]]'
    services -4 localhost:names
    answers 'map([.protocol, .local.port]) == [["tcp", 4053], ["udp", 4053]]'
    services -4 name-server/udp
    answers 'map([.protocol, .local.port]) == [["udp", 4053]]'
    services -4u web
    answers 'map([.protocol, .local.port]) == [["udp", 4080]]'
    services nosuch
    [ "$status" = 100 ]
    [[ $output == *"'nosuch': expected "*"/etc/services"* ]]
}

@test "each of several ports is answered, and the exit code is 1 if any is in use; one bad word and nothing is tried" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    why -t4 1 "$port" 2
    [ "$status" = 1 ]
    [[ $output == *"0.0.0.0:1  free"*"0.0.0.0:$port  in use"*"0.0.0.0:2  free"* ]]
    why -t4 1 2
    [ "$status" = 0 ]
    why -t4 192.0.2.1:1 "$port"
    [ "$status" = 1 ]
    why -t4 192.0.2.1:1 1
    [ "$status" = 111 ]
    run -100 --separate-stderr ns "$BUILD/reuseshim" why -t4 1 bogus
    [ -z "$output" ]
}

@test "of a range the ports that are alike are told as one, and the one that is taken by itself" {
    holder tcp bind 127.0.0.1:7003 listen
    why -t4 7000-7010
    [ "$status" = 1 ]
    [ "${lines[0]}" = "tcp  0.0.0.0:7000-7002  free" ]
    [ "${lines[1]}" = "tcp  0.0.0.0:7003  in use" ]
    [ "${lines[-1]}" = "tcp  0.0.0.0:7004-7010  free" ]
    why -t4 127.0.0.9:7000-7010
    [ "$status" = 0 ]
    [[ $output == *"127.0.0.9:7003  free"*beside*"127.0.0.1:7003  LISTEN"* ]]
    # In order, and each with what is bound and does not listen.
    holder tcp bind 127.0.0.1:7004
    why --json -t4 7002-7005
    answers 'map(.errno) == [null, "EADDRINUSE", "EADDRINUSE", null]'
}

@test "a link-local address is bound with its interface, and shown with it; so is a socket bound to an interface" {
    needs_root
    ns ip link add one type veth peer name two
    for link in one two; do
        ns sh -c 'echo 0 >/proc/sys/net/ipv6/conf/"$0"/accept_dad' "$link"
        ns ip link set "$link" addrgenmode none
        ns ip link set "$link" up
        ns ip addr add fe80::1/64 dev "$link" nodad
    done
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/listen_on_scope.py" fe80::1 one 7000
    why -t "[fe80::1%one]:7000"
    [ "$status" = 1 ]
    [ "${lines[0]}" = "tcp  [fe80::1%one]:7000  in use" ]
    [[ ${lines[1]} == *"pid $last_pid "* ]]
    why -t "[fe80::1%two]:7000"
    [ "$status" = 0 ]
    [ "${lines[0]}" = "tcp  [fe80::1%two]:7000  free" ]
    why -t "[fe80::1]%one:7000" # as ss prints it
    [ "$status" = 1 ]
    why -t --json "[fe80::1%one]:7000"
    answers '.[0].local == {address: "fe80::1", port: 7000, device: "one"}'
    # An interface behind an address of another kind is what the socket is bound to.
    holder tcp bind 127.0.0.1:7001 listen
    why -t --json "127.0.0.1%lo:7001"
    answers '.[0].local.device == "lo"' '.[0].errno == "EADDRINUSE"'
}

@test "unix: stands before a path or an abstract name" {
    holder unix bind "$BATS_TEST_TMPDIR/live" listen
    for word in "unix:$BATS_TEST_TMPDIR/live" "unix://$BATS_TEST_TMPDIR/live"; do
        why --json "$word"
        [ "$status" = 1 ]
        answers '.[0].cause == "unix-live"' ".[0].local.path == \"$BATS_TEST_TMPDIR/live\""
    done
    why unix:@/free
    [ "$status" = 0 ]
}

# ---- what is told beside the answer -------------------------------------------------------------------------

@test "-q says nothing, and the exit code is the same" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for words in "-t $port:1" "-u $port:0" "$port $port:1" "192.0.2.1:$port:111"; do
        # shellcheck disable=SC2086
        why -q ${words%:*}
        [ "$status" = "${words##*:}" ]
        [ -z "$output" ]
    done
}

@test "of a free port that a client may be given, that is said, with the command that reserves it and keeps what is reserved" {
    ns_sysctl net.ipv4.ip_local_port_range="40000 40100"
    why -t4 40100
    [ "$status" = 0 ]
    [[ ${lines[-1]} == *"40100 at any time"*"40000-40100"*"ip_local_reserved_ports=40100" ]]
    ns_sysctl net.ipv4.ip_local_reserved_ports="8080,40005-40006"
    why -t4 39999-40002 40005 40050
    [[ ${lines[-1]} =~ ip_local_reserved_ports=([0-9,-]+)$ ]]
    [ "${BASH_REMATCH[1]}" = 8080,40005-40006,40000-40002,40050 ]
    # The command does what it says.
    ns_sysctl net.ipv4.ip_local_reserved_ports="${BASH_REMATCH[1]}"
    why -t4 39999-40002 40005 40050
    [[ $output != *reserved* ]]
    why -t4 39999
    [[ $output != *reserved* ]]
    holder tcp bind 127.0.0.1:40060 listen
    why -t4 40060
    [[ $output != *reserved* ]]
}

@test "users are told by name, too" {
    needs_root
    port=$(free_port) name=$(id -nu 65534)
    background ns setpriv --reuid 65534 --clear-groups "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    why -t4 "$port"
    [[ ${lines[1]} == *"of uid 65534"* ]]
    grep -qx "     users    uid 65534 ($name)" <<<"$output"
}

@test "to whom an owner is hidden, the command that shows it is told, as it was typed" {
    needs_root
    port=$(free_port)
    holder udp bind 127.0.0.1:"$port"
    open_folder
    cp "$BUILD/reuseshim" "$open"
    hint() { run ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why "$@"; }
    hint -u "127.0.0.1:$port" --reuseaddr
    [ "$status" = 1 ]
    [[ $output == *"sudo reuseshim why -u 127.0.0.1:$port --reuseaddr" ]]
    hint "127.0.0.1:$port" "/it's"
    [[ $output == *"sudo reuseshim why 127.0.0.1:$port '/it'\\''s'"* ]]
    # Word by word it is the command that was typed.
    [[ $(sed -n 's/.*sudo reuseshim //p' <<<"$output") =~ ^(.*)$ ]]
    eval "set -- ${BASH_REMATCH[1]}"
    [ "$*" = "why 127.0.0.1:$port /it's" ]
    why -u "127.0.0.1:$port"
    [[ $output != *sudo* ]]
}

# widest FILE: the columns of its longest line, without colours.
widest() {
    sed -E 's/\x1b\[[0-9;]*m//g; s/\r$//' "$1" | LC_ALL=C.UTF-8 awk '{ if (length > n) n = length } END { print n }'
}

@test "on a terminal lines are wrapped between words at its width, below their own beginning; in a pipe they are not" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    why -t "$port"
    plain=$output
    for width in 60 100; do
        run -1 ns script -qec "stty cols $width; $BUILD/reuseshim why -t $port" /dev/null
        printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/screen"
        [ "$(widest "$BATS_TEST_TMPDIR/screen")" -le "$width" ]
        grep -qE '^ {14}[^ ]' "$BATS_TEST_TMPDIR/screen"
        # Word for word the same.
        diff <(sed -E 's/\x1b\[[0-9;]*m//g; s/\r$//' "$BATS_TEST_TMPDIR/screen" | tr -s ' ' '\n') <(tr -s ' ' '\n' <<<"$plain")
    done
    [ "$(widest - <<<"$plain")" -gt 100 ]
}

# ---- watching -----------------------------------------------------------------------------------------------

watching() {
    watched=$BATS_TEST_TMPDIR/watched
    rm -f "$watched" # of an earlier one in the same test
    "${enter[@]}" --target "$namespace_pid" -- "$BUILD/reuseshim" why --watch "$@" >"$watched" 2>&1 3>&- &
    watcher=$!
    started+=("$watcher")
    until_true test -s "$watched"
}

@test "--watch tells who comes, who leaves and that the answer changes, and ends at a signal with the last answer" {
    port=$(free_port)
    watching -t4 "$port"
    holder tcp bind 127.0.0.1:"$port" listen
    until_true grep -q "came  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)" "$watched"
    until_true grep -q "in use  tcp 0.0.0.0:$port" "$watched"
    stop "$holder_pid"
    until_true grep -q "left  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)" "$watched"
    until_true grep -q "free  tcp 0.0.0.0:$port" "$watched"
    kill -INT "$watcher"
    wait "$watcher"
    [ "$(grep -cE 'came|left|in use  tcp|free  tcp' "$watched")" = 4 ]
}

# So many different times has the countdown shown.
counted_down() {
    [ "$(grep -oE 'gone in [0-9.]+ s' "$watched" | sort -u | wc -l)" -ge "$1" ]
}

@test "--watch sees what is closing come, counts it down on a terminal, and sees it run out" {
    port=$(free_port) watched=$BATS_TEST_TMPDIR/watched
    ns_sysctl net.ipv4.tcp_fin_timeout=5
    "${enter[@]}" --target "$namespace_pid" -- script -qec "$BUILD/reuseshim why --watch -t4 $port" /dev/null \
        >"$watched" 2>&1 3>&- </dev/null &
    started+=($!)
    until_true grep -q free "$watched"
    # FIN_WAIT2 of a socket that no process has any more: for 5 s.
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close close
    until_true grep -qE 'came.*FIN_WAIT2, gone in [0-9.]+ s' "$watched"
    until_true counted_down 3
    until_true grep -qE 'left.*FIN_WAIT2' "$watched"
}

@test "--watch gives every socket that leaves a line of its own, and notices an address that comes" {
    port=$(free_port)
    mkfifo "$BATS_TEST_TMPDIR/commands"
    exec 7<>"$BATS_TEST_TMPDIR/commands"
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/close_by_lines.py" "$port" 30 "$BATS_TEST_TMPDIR/commands"
    watching -u4 "$port"
    for i in 5 10 15 20 25 30; do
        printf '\n\n\n\n\n' >&7
        until_true sh -c "[ \$(grep -c left '$watched') = $i ]"
    done
    exec 7>&-
    watching -t4 10.9.9.9:"$port"
    ns ip addr add 10.9.9.9/32 dev lo
    until_true grep -q "free  tcp 10.9.9.9:$port" "$watched"
}

@test "--watch --json prints a record when it begins and whenever the answer changes" {
    port=$(free_port)
    watching --json -t4 "$port"
    holder tcp bind 127.0.0.1:"$port" listen
    until_true grep -q listener "$watched"
    stop "$holder_pid"
    until_true sh -c "[ \$(wc -l <'$watched') = 3 ]"
    kill "$watcher"
    wait "$watcher"
    jq -se 'map(.errno) == [null, "EADDRINUSE", null]' "$watched"
}
