#!/usr/bin/env bats
# reuseshim why: what is typed, what is told beside the answer, and watching.

load helper

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
