#!/usr/bin/env bats
# The main job, on programs as Debian installs them: what fails to restart, restarts under the library.

load helper

# Starts the server, is its one client, and waits for its end. The server closes first, so TIME_WAIT stays here.
serve_once() {
    background ns "$@" || return 1
    ns timeout "$PATIENCE" socat -u TCP:127.0.0.1:"$port" - >"$BATS_TEST_TMPDIR/reply" || return 1
    wait "$last_pid" || return 1
    [ -s "$BATS_TEST_TMPDIR/reply" ]
}

in_time_wait() {
    ns ss -Htan state time-wait "sport = :$port" | grep -q .
}

# The pair: the word PORT in the command becomes a port that is free.
expect_restart() {
    port=$(free_port)
    serve_once "${@//PORT/$port}"
    in_time_wait
    run -1 ns timeout "$PATIENCE" "${@//PORT/$port}"
    [[ ${output,,} == *address*already*in*use* || $output == *eaddrinuse* ]]

    port=$(free_port)
    serve_once env LD_PRELOAD="$LIB" "${@//PORT/$port}"
    in_time_wait
    serve_once env LD_PRELOAD="$LIB" "${@//PORT/$port}"
}

python_server=("$SYSTEM_PYTHON" "$SCRIPTS/tcpserver_once.py")

@test "Python's socketserver.TCPServer restarts at once under the library, and does not without it" {
    expect_restart "${python_server[@]}" PORT one
}

@test "socat TCP-LISTEN restarts at once under the library, and does not without it" {
    # socat says nothing when it listens: -d -d -d does.
    expect_restart sh -c 'exec socat -d -d -d "TCP-LISTEN:PORT,bind=127.0.0.1" SYSTEM:"echo served" 2>&1'
}

erlang_server='
Port = list_to_integer(os:getenv("SERVE_PORT")),
case gen_tcp:listen(Port, [binary, {active, false}, {ip, {127,0,0,1}}]) of
    {ok, Listener} -> io:format("listening~n"), {ok, Client} = gen_tcp:accept(Listener),
        gen_tcp:send(Client, "served\n"), gen_tcp:close(Client), gen_tcp:close(Listener), halt(0);
    {error, Reason} -> io:format("~p~n", [Reason]), halt(1)
end.'

# bats test_tags=long
@test "Erlang's gen_tcp:listen/2 without reuseaddr restarts at once under the library, and does not without it" {
    expect_restart env SERVE_PORT=PORT erl -noshell -eval "$erlang_server"
}

@test "a server in C that sets no option restarts at once under the library, and does not without it" {
    expect_restart "$PROGRAMS/legacy" PORT 1
}

@test "a server whose last instance ran without the library is refused once more, and the record says why" {
    port=$(free_port)
    serve_once "$PROGRAMS/legacy" "$port" 1
    in_time_wait
    run -1 shim "$PROGRAMS/legacy" "$port" 1
    expect_record '.cause == "time-wait"' '.holders[0].reuseaddr == false' '.options.reuseaddr == true'
}

one_listens() {
    [ "$(ns ss -Htln "sport = :$port" | wc -l)" = 1 ]
}

@test "two Python servers that set no option serve one port under the policy share" {
    port=$(free_port)
    share=(env LD_PRELOAD="$LIB" REUSESHIM_POLICY=share "${python_server[@]}" "$port")
    background ns "${share[@]}" one
    first=$last_pid
    background ns "${share[@]}" two
    second=$last_pid
    # The kernel picks by a hash of addresses and ports; each ends after one client, so the other serves the rest.
    ns timeout "$PATIENCE" socat -u TCP:127.0.0.1:"$port" - >"$BATS_TEST_TMPDIR/replies"
    until_true one_listens
    ns timeout "$PATIENCE" socat -u TCP:127.0.0.1:"$port" - >>"$BATS_TEST_TMPDIR/replies"
    wait "$first" "$second"
    [ "$(sort "$BATS_TEST_TMPDIR/replies" | xargs)" = "served by one served by two" ]
}

@test "of two Python servers that set no option the second is refused the port without the library" {
    port=$(free_port)
    background ns "${python_server[@]}" "$port" one
    run -1 ns "${python_server[@]}" "$port" two
    [[ $output == *"Address already in use"* ]]
}

# A datagram to the port arrives at whom?
send_datagram() {
    ns "$SYSTEM_PYTHON" -c 'import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret\n", ("127.0.0.1", int(sys.argv[1])))' "$port"
}

udp_receiver() {
    local file=$1
    shift
    "$@" socat -u "UDP-RECV:$port,bind=127.0.0.1,reuseaddr" "OPEN:$file,creat,append" \
        >/dev/null 2>"$file.err" 3>&- &
    last_pid=$!
    started+=("$last_pid")
}

is_bound() {
    [ "$(ns ss -Huan "sport = :$port" | wc -l)" = "$1" ]
}

@test "another user takes over the datagrams of a socat with reuseaddr, and is refused the port under exclusive" {
    needs_root
    open_folder 777 # where another user may write
    port=$(free_port udp)
    udp_receiver "$BATS_TEST_TMPDIR/victim" ns
    until_true is_bound 1
    udp_receiver "$open/thief" ns setpriv --reuid=4711 --regid=4711 --clear-groups
    until_true is_bound 2
    send_datagram
    until_true test -s "$open/thief"
    [ ! -s "$BATS_TEST_TMPDIR/victim" ]

    port=$(free_port udp)
    udp_receiver "$BATS_TEST_TMPDIR/guarded" ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=exclusive
    until_true is_bound 1
    udp_receiver "$open/refused" ns setpriv --reuid=4711 --regid=4711 --clear-groups
    ! wait "$last_pid" || return 1
    [[ $(cat "$open/refused.err") == *"Address already in use"* ]]
    send_datagram
    until_true test -s "$BATS_TEST_TMPDIR/guarded"
}
