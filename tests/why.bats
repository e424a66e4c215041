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
