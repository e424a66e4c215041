#!/usr/bin/env bats
# reuseshim wait: until a server could bind, or until somebody listens.

load helper

wait_for() {
    run ns "$BUILD/reuseshim" wait "$@"
}

# waiting WORDS: in the background; its pid in $waiter. It is certain that it has looked at least once.
waiting() {
    spawn ns strace -qq -o "$BATS_TEST_TMPDIR/waiting" -e trace=clock_nanosleep,nanosleep "$BUILD/reuseshim" wait "$@"
    waiter=$last_pid
    until_true grep -q sleep "$BATS_TEST_TMPDIR/waiting"
}

ends_with() {
    local code=0
    wait "$waiter" || code=$?
    [ "$code" = "$1" ]
}

@test "of a port that is free it ends at once, with 0 and without a word" {
    port=$(free_port)
    wait_for "$port" --timeout 0
    [ "$status" = 0 ]
    [ -z "$output" ]
    wait_for "$port" --timeout none
    [ "$status" = 0 ]
    [ -z "$(ns ss -Htuan "sport = :$port")" ]
}

@test "it waits until the holder is gone, and a server can then bind" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    waiting "$port" --timeout none
    kill -0 "$waiter"
    stop "$holder_pid"
    ends_with 0
    run -0 ns "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port" listen
}

@test "--taken waits until somebody listens: on that address or on all; bound alone is not enough" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port"
    wait_for --taken "$port" --timeout 0
    [ "$status" = 1 ]
    [ "$output" = "reuseshim: wait: $port: nobody listens there after 0" ]
    stop "$holder_pid"
    waiting --taken 127.0.0.2:"$port" --timeout none
    holder tcp bind 127.0.0.1:"$port" listen
    wait_for --taken 127.0.0.2:"$port" --timeout 0
    [ "$status" = 1 ]
    kill -0 "$waiter"
    stop "$holder_pid"
    holder tcp6 bind "[::]:$port" listen
    ends_with 0
    for word in "$port" "localhost:$port" "[::1]:$port" "127.0.0.1:$port/tcp"; do
        wait_for --taken "$word" --timeout 0
        [ "$status" = 0 ]
    done
    wait_for --taken -u "$port" --timeout 0
    [ "$status" = 1 ]
    holder udp bind 127.0.0.1:"$port"
    wait_for --taken -u "$port" --timeout 0
    [ "$status" = 0 ]
}

@test "--taken binds nothing and connects to nobody" {
    port=$(free_port)
    ns strace -qq -f -e trace=bind,connect,listen -o "$BATS_TEST_TMPDIR/trace" "$BUILD/reuseshim" wait --taken "$port" --timeout 100ms || true
    [ ! -s "$BATS_TEST_TMPDIR/trace" ]
}

@test "when the time is up it ends with 1 and says in one line who has the port; -q says nothing" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for limit in 0 20ms 0.1 0.1s; do
        run -1 --separate-stderr ns "$BUILD/reuseshim" wait "$port" --timeout "$limit"
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" = 1 ]
        [[ $stderr == "reuseshim: wait: $port: still in use after $limit, held by tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)"* ]]
    done
    wait_for -q "$port" --timeout 20ms
    [ "$status" = 1 ]
    [ -z "$output" ]
}

@test "it waits as long as it was told, and looks again ever less often, up to four times a second" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    from=${EPOCHREALTIME/./}
    ns strace -qq -e trace=bind -o "$BATS_TEST_TMPDIR/trace" "$BUILD/reuseshim" wait -t4 "$port" --timeout 2s || code=$?
    [ "$code" = 1 ]
    [ $((${EPOCHREALTIME/./} - from)) -ge 2000000 ]
    # Twenty-odd looks if nothing delays them; a loop without pauses would be thousands.
    [ "$(grep -c bind "$BATS_TEST_TMPDIR/trace")" -le 30 ]
    [ "$(grep -c bind "$BATS_TEST_TMPDIR/trace")" -ge 3 ]
}

@test "without -t or -u both protocols must be free; with one of them the other does not count" {
    port=$(free_port)
    holder udp bind 127.0.0.1:"$port"
    wait_for "$port" --timeout 0
    [ "$status" = 1 ]
    for words in "-t $port" "$port/tcp" "-6u [::1]:$port" "127.0.0.2:$port"; do
        # shellcheck disable=SC2086
        wait_for $words --timeout 0
        [ "$status" = 0 ]
    done
}

@test "a TIME_WAIT whose server set SO_REUSEADDR is no reason to wait, as it is none for a server; with --plain it is" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    wait_for -t "$port" --timeout 0
    [ "$status" = 0 ]
    wait_for -t --plain "$port" --timeout 0
    [ "$status" = 1 ]
    [[ $output == *TIME_WAIT* ]]
    # Left by one that did not set it, it refuses both.
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    wait_for -t "$port" --timeout 0
    [ "$status" = 1 ]
}

@test "a path and an abstract name are waited for as well; a stale file is still taken, and nobody listens on it" {
    path=$BATS_TEST_TMPDIR/x.sock
    wait_for "unix:$path" --timeout 0
    [ "$status" = 0 ]
    [ ! -e "$path" ]
    waiting --taken "$path" --timeout none
    holder unix bind "$path"
    wait_for --taken "$path" --timeout 0
    [ "$status" = 1 ]
    stop "$holder_pid"
    [ -e "$path" ]
    for words in "$path" "--taken $path"; do
        # shellcheck disable=SC2086
        wait_for $words --timeout 0
        [ "$status" = 1 ]
    done
    kill -0 "$waiter"
    rm "$path"
    holder unix bind "$path" listen
    ends_with 0
    waiting "$path" --timeout none
    stop "$holder_pid"
    rm "$path"
    ends_with 0
    holder unix bind @/name listen
    wait_for --taken @/name --timeout 0
    [ "$status" = 0 ]
}

@test "an address that is still to come is waited for" {
    waiting 10.9.9.9:80 --timeout none
    wait_for 10.9.9.9:80 --timeout 20ms
    [ "$status" = 1 ]
    [[ $output == *"not to be had"* ]]
    ns ip addr add 10.9.9.9/32 dev lo
    ends_with 0
}

@test "a port below 1024 is waited for by the rule where this user may not bind it" {
    needs_root
    open_folder
    cp "$BUILD/reuseshim" "$open"
    run -0 ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" wait -t 80 --timeout 0
    holder tcp bind 127.0.0.1:80 listen
    run -1 ns setpriv --reuid 4711 --clear-groups "$open/reuseshim" wait -t 80 --timeout 0
    [[ $output == *"LISTEN, owner hidden"* ]]
}

@test "a signal ends it as it ends anything" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    spawn ns "$BUILD/reuseshim" wait "$port" --timeout none
    waiter=$last_pid
    until_true grep -qx reuseshim "/proc/$waiter/comm"
    kill -TERM "$waiter"
    ends_with 143
}

@test "what cannot be tried ends with 111 at once, wrong use with 100; both are named" {
    run -111 --separate-stderr ns "$BUILD/reuseshim" wait /nonexistent/folder/x.sock --timeout none
    [[ $stderr == "reuseshim: wait: /nonexistent/folder/x.sock: "* ]]
    for words in "" "1 2" "0" "1-2" "80,81" "x" "--timeout x 80" "--timeout -1 80" "--timeout 1x 80" "--timeout 0x10 80" "--timeout 1.2.3 80" \
        "--timeout 1e9s 80" "--timeout 99999h 80" "--timeout" "--timeout= 80" "--taken=1 80" "-4 [::1]:80"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr ns "$BUILD/reuseshim" wait $words
        [[ ${stderr_lines[-1]} == "reuseshim: wait: "* ]]
        [ -z "$output" ]
    done
}
