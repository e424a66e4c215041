#!/usr/bin/env bats
# reuseshim why without a port: everything that has one, and whose it is.

load helper
load cgroup

teardown_file() {
    remove_cgroups
}

table() {
    run -0 ns "$BUILD/reuseshim" why "$@"
}

# lists FILTER...: each must be true for the array of lines that the last table --json printed.
lists() {
    local filter
    for filter in "$@"; do
        jq -se "$filter" <<<"$output" >/dev/null || { echo "not so: $filter" >&2; echo "$output" >&2; return 1; }
    done
}

@test "where nobody has a port nothing is listed, and that is no error" {
    table
    [ -z "$output" ]
    table --json
    [ -z "$output" ]
}

@test "each port is a line: protocol, address, state, owner, user; sorted by protocol and port; connections are left out" {
    holder udp6 bind "[::1]:5000"
    udp=$holder_pid
    holder tcp bind 127.0.0.1:800 listen tcp connect 127.0.0.1:800 back accept
    listener=$holder_pid
    holder tcp6 bind "[::]:90"
    bound=$holder_pid
    holder tcp bind 127.0.0.2:800 listen
    table
    [ "${#lines[@]}" = 4 ]
    me="uid $(id -u)"
    [[ ${lines[0]} =~ ^tcp\ +\[::\]:90\ +BOUND\ +pid\ $bound\ \(sock\)\ +$me ]]
    [[ ${lines[1]} =~ ^tcp\ +127\.0\.0\.1:800\ +LISTEN\ +pid\ $listener\ \(sock\)\ +$me ]]
    [[ ${lines[2]} =~ ^tcp\ +127\.0\.0\.2:800\ +LISTEN\ +pid\ $holder_pid\ \(sock\) ]]
    [[ ${lines[3]} =~ ^udp\ +\[::1\]:5000\ +UNCONNECTED\ +pid\ $udp\ \(sock\) ]]
    table --json
    lists 'map(keys_unsorted) | unique == [["protocol","local","state","uid","unit","container","processes","shared"]]' \
        '.[0].local == {address: "::", port: 90, device: null}' ".[1].processes[0].pid == $listener" \
        'all(.[]; .processes[0].program == "sock" and .shared == 1 and (.processes[0].command | contains("bind")))'
}

@test "-t, -u, -4 and -6 choose among the lines" {
    holder tcp bind 127.0.0.1:1 listen
    holder tcp6 bind "[::1]:2" listen
    holder udp bind 127.0.0.1:3
    holder udp6 bind "[::1]:4"
    holder tcp6 bind "[::]:5" listen
    holder tcp6 set v6only bind "[::]:6" listen
    while read -r options ports; do
        # shellcheck disable=SC2086
        table --json $options
        lists "map(.local.port) == [$ports]"
    done <<'WORDS'
-t 1,2,5,6
-u 3,4
-4 1,5,3
-6 2,5,6,4
-t6 2,5,6
-u4 3
-tu46 1,2,5,6,3,4
WORDS
}

@test "as many sockets as ss shows, of thousands, and no slower than it by much" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_listeners.py" 5000
    table --json
    [ "${#lines[@]}" = "$(ns ss -Htuln | wc -l)" ]
    [ "${#lines[@]}" -ge 5000 ]
    # Ten times is far more than it takes, and far less than a look at /proc for each socket would.
    milliseconds() { local from=${EPOCHREALTIME/./}; "$@" >/dev/null; echo $(((${EPOCHREALTIME/./} - from) / 1000)); }
    theirs=$(milliseconds ns ss -tulnp) ours=$(milliseconds ns "$BUILD/reuseshim" why)
    [ "$ours" -le $((10 * theirs + 100)) ]
}

@test "listeners of one program on one port are one line with their number; its workers are counted behind the master" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_and_workers.py" 7000 1 4
    master=$last_pid
    table --json
    lists 'length == 1' '.[0].processes | length == 5' ".[0].processes[0].pid == $master"
    table
    [ "${#lines[@]}" = 1 ]
    [[ ${lines[0]} == *"pid $master (many_and_workers.py) and 4 others"* ]]
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/reuseport_group.py" tcp 7001 50
    table -t
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[1]} == *":7001 "*"pid $last_pid "*"  50 sockets" ]]
    table --json
    lists '.[1].shared == 50'
}

@test "two instances that share a port in silence are two lines that say so; two programs and two users are told apart" {
    needs_root
    for user in 0 0; do
        background ns "$SYSTEM_PYTHON" "$SCRIPTS/reuseport_group.py" udp 5300 4
    done
    table -u
    [ "${#lines[@]}" = 2 ]
    for line in "${lines[@]}"; do
        [[ $line == *"shared: 8 sockets, 2 instances" ]]
    done
    [[ ${lines[1]} == *"pid $last_pid "* ]]
    table --json
    lists 'map(.shared) == [8, 8]' 'map(.processes[0].pid) | unique | length == 2'
    holder udp set reuseaddr bind 0.0.0.0:5353
    holder uid 65534 udp set reuseaddr bind 0.0.0.0:5353
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/reuseport_group.py" udp 5354 1
    holder udp set reuseaddr bind 0.0.0.0:5355
    table -u
    grep -qE '0\.0\.0\.0:5353 .*uid 65534 \([a-z]+\) +shared: 2 sockets, 2 instances, 2 users$' <<<"$output"
    run ! grep -E ':535[45] .*shared' <<<"$output"
}

@test "a socket that several programs have open is told with both, the one that handed it on first" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/hand_on.py" 7000 "$PROGRAMS/sock" hold
    table
    [ "${#lines[@]}" = 1 ]
    [[ ${lines[0]} =~ pid\ $last_pid\ \(hand_on\.py\),\ pid\ [0-9]+\ \(sock\) ]]
}

@test "a unit is told by the cgroup of the socket, a container with its engine" {
    make_cgroup system.slice/legacy@a.service
    background_in_cgroup "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen hold
    id=$(printf '%064d' 7)
    make_cgroup "docker-$id.scope"
    background_in_cgroup "$PROGRAMS/sock" tcp bind 127.0.0.1:2 listen hold
    table
    [[ ${lines[0]} == *"  legacy@a.service" ]]
    [[ ${lines[1]} == *"  docker 000000000000" ]]
    table --json
    lists 'map(.unit) == ["legacy@a.service", null]' "map(.container) == [null, \"$id\"]"
    # Also for one who may not look into the processes.
    open_folder
    cp "$BUILD/reuseshim" "$open"
    run ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why --json
    lists 'map(.unit) == ["legacy@a.service", null]' "map(.container) == [null, \"$id\"]" 'all(.[]; .processes == [])'
    # What was made elsewhere and then moved is where its process is.
    holder tcp bind 127.0.0.1:3 listen
    echo "$holder_pid" >"$folder/cgroup.procs"
    table --json
    lists ".[2].container == \"$id\""
}

@test "to whom owners are hidden, that and the command that shows them is told; the rest is told all the same" {
    needs_root
    holder tcp bind 127.0.0.1:1 listen
    open_folder
    cp "$BUILD/reuseshim" "$open"
    run -0 ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" why -t -4
    [[ ${lines[0]} =~ ^tcp\ +127.0.0.1:1\ +LISTEN\ +owner\ hidden\ +uid\ 0\ \(root\)$ ]]
    [[ ${lines[1]} == *"sudo reuseshim why -t -4" ]]
    table
    [[ $output != *sudo* ]]
}

@test "a narrow terminal gets fewer words, and never half a pid; a pipe gets all" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_and_workers.py" 7000 1 4
    holder udp6 bind "[::1]:65000"
    table
    full=$output
    for width in 200 80 60 40; do
        run -0 ns script -qec "stty cols $width; $BUILD/reuseshim why" /dev/null
        while read -r line; do
            line=${line%$'\r'}
            [ "${#line}" -le "$width" ]
        done <<<"$output"
        [[ $output == *"pid $holder_pid (sock)"* ]]
        [ $width -gt 60 ] || [[ $output != *uid* ]]
        [ $width != 200 ] || [ "${output//$'\r'/}" = "$full" ]
    done
}

@test "a name that would write to the terminal is escaped" {
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/"$'ev\e[31mil'
    background ns "$BATS_TEST_TMPDIR/"$'ev\e[31mil' tcp bind 127.0.0.1:1 listen hold
    table
    [[ $output == *'(ev\x1b[31mil)'* ]]
    [[ $output != *$'\e'* ]]
    # Nor is it taken for what the table says itself.
    stop
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/x)  uid 0 (root"
    background ns "$BATS_TEST_TMPDIR/x)  uid 0 (root" tcp bind 127.0.0.1:1 listen hold
    table
    [[ $output == *'("x)  uid 0 (root")'* ]]
}

@test "without sock_diag the list comes from /proc/net, and what that does not show is said" {
    holder tcp bind 127.0.0.1:1 listen
    holder tcp bind 127.0.0.1:2
    run -0 ns "$PROGRAMS/filter" errno netlink "$BUILD/reuseshim" why
    [[ ${lines[0]} == *"127.0.0.1:1 "*"LISTEN"*"(sock)"* ]]
    [[ $output != *"127.0.0.1:2 "* ]]
    [[ $output == *"bound and do not listen"* ]]
}

@test "options that ask about a port are wrong without one" {
    for options in -q -w -a -p --v6only; do
        run -100 --separate-stderr ns "$BUILD/reuseshim" why $options
        [[ $stderr == *"expected a port"* ]]
        [ -z "$output" ]
    done
}
