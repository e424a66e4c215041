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
        jq -se "$filter" <<<"$output" >/dev/null || { echo "not so: $filter" >&2; jq -c . <<<"$output" >&2; return 1; }
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

# In the situation that stands, every answer of why is the kernel's.
agrees() {
    local address options protocol expected at
    for address in 127.0.0.1 0.0.0.0 127.0.0.2 "[::]"; do
        for options in "" -a -ap; do
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
    [[ $words != *" tcp"* && $words != *" unix "* ]] || arguments+=(--tcp)
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
    [[ $1 == unix* ]] || agrees
    cause_agrees "$1"
}

@test "says what the kernel says: listener" { situation listener; }
@test "says what the kernel says: listener wide" { situation listener_wide; }
@test "says what the kernel says: listener two processes" { situation listener_two_processes; }
@test "says what the kernel says: bound" { situation bound; }
@test "says what the kernel says: connected" { situation connected; }
@test "says what the kernel says: client with port" { situation client_with_port; }
@test "says what the kernel says: ephemeral client" { situation ephemeral_client; }
@test "says what the kernel says: inherited exec" { situation inherited_exec; }
@test "says what the kernel says: inherited fork" { situation inherited_fork; }
@test "says what the kernel says: time wait" { situation time_wait; }
@test "says what the kernel says: fin wait2" { situation fin_wait2; }
@test "says what the kernel says: orphan" { situation orphan; }
@test "says what the kernel says: other user" { situation other_user; }
@test "says what the kernel says: own group" { situation own_group; }
@test "says what the kernel says: same tuple" { situation same_tuple; }
@test "says what the kernel says: same tuple wildcard" { situation same_tuple_wildcard; }
@test "says what the kernel says: exhausted bind" { situation exhausted_bind; }
@test "says what the kernel says: exhausted listen" { situation exhausted_listen; }
@test "says what the kernel says: exhausted connect" { situation exhausted_connect; }
@test "says what the kernel says: exhausted udp" { situation exhausted_udp; }
@test "says what the kernel says: udp bound" { situation udp_bound; }
@test "says what the kernel says: udp connected" { situation udp_connected; }
@test "says what the kernel says: udp client" { situation udp_client; }
@test "says what the kernel says: udp multicast" { situation udp_multicast; }
@test "says what the kernel says: dual stack ours" { situation dual_stack_ours; }
@test "says what the kernel says: dual stack theirs" { situation dual_stack_theirs; }
@test "says what the kernel says: accepted ipv6" { situation accepted_ipv6; }
@test "says what the kernel says: unix live" { situation unix_live; }
@test "says what the kernel says: unix abstract" { situation unix_abstract; }
@test "says what the kernel says: unix stale" { situation unix_stale; }

@test "every situation is among them" {
    local name
    for name in "${scenarios[@]}"; do
        grep -q "{ situation $name; }" "$BATS_TEST_FILENAME"
    done
}

# ---- what is asked, and how it is told ----------------------------------------------------------------------

@test "a port alone asks for TCP and UDP, IPv4 and IPv6; -t, -u, -4, -6 narrow it" {
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

@test "exit code: 0 free, 1 in use, also if only one of four is; 100 wrong use; 111 cannot be tried" {
    port=$(free_port)
    holder udp bind 127.0.0.1:"$port"
    why "$port"
    [ "$status" = 1 ]
    why -t "$port"
    [ "$status" = 0 ]
    why 192.0.2.1:"$port"
    [ "$status" = 111 ]
    [[ $output == *"no such address on this machine (EADDRNOTAVAIL)"* ]]
    for words in "" "1 2" "65536" "-1" "x" "80x" "1.2.3:80" "::1:80" "[::1:80" "[::1%nosuch]:80" "@" "--nosuch 80" "-w /tmp/x" "-6 127.0.0.1:80"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr ns "$BUILD/reuseshim" why $words
        [[ ${stderr_lines[-1]} == "reuseshim: "* ]]
        [ -z "$output" ]
    done
}

@test "who else is on the port shows, though the bind would succeed, with its owner" {
    port=$(free_port)
    holder tcp bind 127.0.0.2:"$port" listen
    why -t 127.0.0.1:"$port"
    [ "$status" = 0 ]
    [ "${lines[0]}" = "tcp  127.0.0.1:$port  free" ]
    [[ ${lines[1]} == "     beside   tcp 127.0.0.2:$port  LISTEN, pid $holder_pid (sock)"* ]]
    why -t --json 127.0.0.1:"$port"
    answers ".[0].holders[0].processes[0].pid == $holder_pid" '.[0].holders[0].blocks == false' '.[0].diagnosis.complete'
}

@test "it holds nothing, leaves nothing, and listens never" {
    port=$(free_port)
    why "$port"
    [ -z "$(ns ss -Htan "sport = :$port")" ]
    why "$BATS_TEST_TMPDIR/probe.sock"
    [ "$status" = 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/probe.sock" ]
    ns strace -f -qq -e trace=listen,connect,sendto -o "$BATS_TEST_TMPDIR/trace" "$BUILD/reuseshim" why "$port" >/dev/null
    run -1 grep -E 'listen|connect' "$BATS_TEST_TMPDIR/trace"
}

@test "a socket file that is live, stale, or no socket" {
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

@test "a port that may not be tried: the rule is applied to what is on it" {
    needs_root
    open_folder
    cp "$BUILD/reuseshim" "$open"
    run ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t 80
    [ "$status" = 0 ]
    [ "${lines[0]}" = "tcp  0.0.0.0:80  free, by the rule; not allowed to try (EACCES)" ]
    holder tcp bind 127.0.0.1:80 listen
    run ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t4 80
    [ "$status" = 1 ]
    [ "${lines[0]}" = "tcp  0.0.0.0:80  in use, by the rule; not allowed to try (EACCES)" ]
    [[ ${lines[1]} == *"held by  tcp 127.0.0.1:80  LISTEN"*"owner hidden (uid 0)"* ]]
    [[ ${lines[2]} == *"because  it listens there"* ]]
    run ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t4 --json 80
    answers '.[0].event == "conflict"' '.[0].errno == "EACCES"' '.[0].cause == "listener"' '.[0].holders[0].blocks'
}

@test "a policy that is preloaded into it changes nothing: it asks for what it was told to ask" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" why -t 127.0.0.1:"$port"
    [ "$status" = 1 ]
    [ ! -e "$LOG" ]
    run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$BUILD/reuseshim" why -t --reuseaddr 127.0.0.1:"$port"
    [ "$status" = 0 ]
}

@test "colour on a terminal alone, and never with NO_COLOR" {
    port=$(free_port)
    why "$port"
    [[ $output != *$'\e'* ]]
    run ns script -qec "$BUILD/reuseshim why $port" /dev/null
    [[ $output == *$'\e[32mfree\e[0m'* ]]
    run ns env NO_COLOR=1 script -qec "$BUILD/reuseshim why $port" /dev/null
    [[ $output != *$'\e'* ]]
}

@test "the name of a program cannot write to the terminal" {
    port=$(free_port)
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/"$'ev\e[31mil'
    background ns "$BATS_TEST_TMPDIR/"$'ev\e[31mil' tcp bind 127.0.0.1:"$port" listen hold
    why -t 127.0.0.1:"$port"
    [[ $output == *'ev\x1b[31mil'* ]]
    [[ $output != *$'\e'* ]]
}

@test "abstract names are one for each type of socket, paths are one for all" {
    holder unix bind "@/twice" listen
    why "@/twice"
    [ "$status" = 1 ]
    [[ $output == *"unix        @/twice  in use"*"unix dgram  @/twice  free"* ]]
    why -u "@/twice"
    [ "$status" = 0 ]
}

@test "without IPv6: passed over where nobody named it, trouble where nothing else was asked" {
    ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    port=$(free_port)
    why "$port"
    [ "$status" = 0 ]
    why localhost:"$port"
    [ "$status" = 0 ]
    why -6 localhost:"$port"
    [ "$status" = 111 ]
}

@test "what cannot be written is no answer: 111" {
    for words in "why $(free_port)" "policies" "check" "log /dev/null" "unit nowhere" "--version" "--help"; do
        # shellcheck disable=SC2086
        run -111 --separate-stderr ns sh -c 'exec "$0" "$@" >/dev/full' "$BUILD/reuseshim" $words
        [ "$stderr" = "reuseshim: standard output: No space left on device" ]
    done
}

@test "more to tell than fits: fewer holders, and still the cause; whole lines, whole JSON" {
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/many.py" <<'PY'
import os, signal, socket, sys
sockets = []
for i in range(33):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.%d" % (1 + i), int(sys.argv[1]))); s.listen(); sockets.append(s)
for _ in range(8):
    if os.fork() == 0: break
else:
    print("ready", flush=True)
signal.pause()
PY
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/many.py" "$port" "$(printf '%0100d' 0 | tr 0 '\001')"
    why -4t "$port"
    [ "$status" = 1 ]
    [[ $output == *"because  "* ]]
    [[ $output =~ and\ +[0-9]+\ more ]]
    why -4t 127.0.0.40:"$port"
    [ "$status" = 0 ]
    why -4t --json 0.0.0.0:"$port"
    answers 'length == 1' '.[0].holders_omitted + (.[0].holders | length) == 33'
}

@test "many on one port: the listener comes first, the others are counted" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" -c '
import signal, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = [socket.create_connection(server.getsockname()) for _ in range(60)]
print("ready", flush=True); signal.pause()' "$port"
    why -t 127.0.0.2:"$port"
    [[ ${lines[1]} == *"127.0.0.1:$port  LISTEN"* ]]
    [[ ${lines[-1]} =~ ^\ +and\ +[0-9]+\ more$ ]]
}

# ---- watching -----------------------------------------------------------------------------------------------

watching() {
    watched=$BATS_TEST_TMPDIR/watched
    "${enter[@]}" --target "$namespace_pid" -- "$BUILD/reuseshim" why --watch "$@" >"$watched" 2>&1 3>&- &
    watcher=$!
    started+=("$watcher")
    until_true 5 test -s "$watched"
}

@test "--watch tells who comes and leaves, that the answer changes, and ends at a signal with the last answer" {
    port=$(free_port)
    watching -t4 "$port"
    holder tcp bind 127.0.0.1:"$port" listen
    until_true 5 grep -q "came  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)" "$watched"
    until_true 5 grep -q "in use  tcp 0.0.0.0:$port" "$watched"
    stop "$holder_pid"
    until_true 5 grep -q "left  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)" "$watched"
    until_true 5 grep -q "free  tcp 0.0.0.0:$port" "$watched"
    kill -INT "$watcher"
    wait "$watcher"
    [ "$(grep -cE 'came|left|in use  tcp|free  tcp' "$watched")" = 4 ]
}

@test "--watch sees a TIME_WAIT come, counts it down on a terminal, and sees it run out" {
    port=$(free_port)
    ns sysctl -qw net.ipv4.tcp_fin_timeout=2
    "${enter[@]}" --target "$namespace_pid" -- script -qec "$BUILD/reuseshim why --watch -t4 $port" /dev/null \
        >"$BATS_TEST_TMPDIR/watched" 2>&1 3>&- </dev/null &
    started+=($!)
    until_true 5 grep -q free "$BATS_TEST_TMPDIR/watched"
    # FIN_WAIT2 of a socket that no process has any more: for 2 s.
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close close
    until_true 5 grep -qE 'came.*FIN_WAIT2, gone in [0-9.]+ s' "$BATS_TEST_TMPDIR/watched"
    until_true 5 grep -qE 'TIME_WAIT or the like, the last one gone in [01]\.[0-9] s' "$BATS_TEST_TMPDIR/watched"
    until_true 8 grep -qE 'left.*FIN_WAIT2' "$BATS_TEST_TMPDIR/watched"
    ns pkill -INT --ns "$namespace_pid" --nslist net -x reuseshim
}

@test "--watch gives every socket that leaves a line, and notices an address that comes" {
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/thirty.py" <<'PY'
import socket, sys
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(30)]
for i, s in enumerate(sockets): s.bind(("127.0.1.%d" % (1 + i), int(sys.argv[1])))
print("ready", flush=True)
for line in open(sys.argv[2]): sockets.pop().close()
PY
    mkfifo "$BATS_TEST_TMPDIR/commands"
    exec 7<>"$BATS_TEST_TMPDIR/commands"
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/thirty.py" "$port" "$BATS_TEST_TMPDIR/commands"
    watching -u4 "$port"
    for i in 5 10 15 20 25 30; do
        printf '\n\n\n\n\n' >&7
        until_true 5 sh -c "[ \$(grep -c left '$watched') = $i ]"
    done
    exec 7>&-
    watching -t4 10.9.9.9:"$port"
    ns ip addr add 10.9.9.9/32 dev lo
    until_true 5 grep -q "free  tcp 10.9.9.9:$port" "$watched"
}

@test "--watch --json prints a record whenever the answer changes" {
    port=$(free_port)
    watching --json -t4 "$port"
    holder tcp bind 127.0.0.1:"$port" listen
    until_true 5 grep -q listener "$watched"
    stop "$holder_pid"
    until_true 5 sh -c "[ \$(wc -l <'$watched') = 3 ]"
    kill "$watcher"
    wait "$watcher"
    jq -se 'map(.errno) == [null, "EADDRINUSE", null]' "$watched"
}
