#!/usr/bin/env bats
# Unmodified programs of Debian, started as their users start them: what fails without the library, works with it, and what
# the record says. Which of them belong here was found by trying some forty. They are many packages, so "long".
# bats file_tags=long

load helper

# server_NAME: becomes the server on 127.0.0.1:$port (or all addresses, where it takes none).
server_python() { exec "$SYSTEM_PYTHON" -c 'import socketserver, sys
socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), socketserver.StreamRequestHandler).serve_forever()' "$port"; }
server_perl() { exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$ARGV[0]", Listen => 5)
    or die "bind: $!"; push @c, $s->accept while 1' "$port"; }
server_erlang() { export ERL_CRASH_DUMP_BYTES=0; exec erl -noshell -eval "{ok, L} = gen_tcp:listen($port, [{ip, {127,0,0,1}}]), {ok, _} = gen_tcp:accept(L),
    receive after infinity -> ok end."; }
server_lua() { exec lua5.3 -e "local t = require('socket').tcp(); assert(t:bind('127.0.0.1', $port)); assert(t:listen(5))
    local k = {} while true do k[#k + 1] = t:accept() end"; }
server_ruby() { exec ruby -rsocket -e 's = Socket.new(:INET, :STREAM); s.bind(Addrinfo.tcp("127.0.0.1", ARGV[0].to_i)); s.listen(5)
    c = []; loop { c << s.accept }' "$port"; }
server_guile() { exec guile --no-auto-compile -c "(let ((s (socket PF_INET SOCK_STREAM 0))) (bind s AF_INET INADDR_LOOPBACK $port)
    (listen s 5) (let l ((c (list (accept s)))) (l (cons (accept s) c))))"; }
server_zsh() { exec zsh -fc "zmodload zsh/net/tcp; ztcp -l $port || exit 1; fd=\$REPLY; while ztcp -a \$fd; do :; done"; }
server_socat() { exec socat TCP-LISTEN:"$port",bind=127.0.0.1,fork EXEC:cat; }
server_http() { exec "$SYSTEM_PYTHON" -m http.server "$port" -b 127.0.0.1; }
server_php() { exec php -S 127.0.0.1:"$port" -t "$BATS_TEST_TMPDIR"; }
server_tcl() { echo "socket -server x -myaddr 127.0.0.1 $port; proc x {c a p} {}; vwait forever" >"$BATS_TEST_TMPDIR/s.tcl"
    exec tclsh "$BATS_TEST_TMPDIR/s.tcl"; }
server_redis() { exec redis-server --port "$port" --bind 127.0.0.1 --save ""; }
server_memcached() { exec memcached -u root -l 127.0.0.1 -p "$port" -U 0; }
server_lighttpd() { printf 'server.document-root="%s"\nserver.bind="127.0.0.1"\nserver.port=%s\n' "$BATS_TEST_TMPDIR" "$port" \
    >"$BATS_TEST_TMPDIR/l.conf"; exec lighttpd -D -f "$BATS_TEST_TMPDIR/l.conf"; }
server_iperf() { exec iperf3 -s -B 127.0.0.1 -p "$port"; }
server_busybox() { exec busybox httpd -f -p 127.0.0.1:"$port" -h "$BATS_TEST_TMPDIR"; }
server_ncat() { exec ncat -l 127.0.0.1 "$port" -k; }
server_tcpserver() { exec tcpserver 127.0.0.1 "$port" cat; }
server_tinyproxy() { printf 'Port %s\nListen 127.0.0.1\nTimeout 600\n' "$port" >"$BATS_TEST_TMPDIR/t.conf"
    exec tinyproxy -d -c "$BATS_TEST_TMPDIR/t.conf"; }
server_nginx() { printf 'daemon off; pid %s/n.%s; error_log %s/n.log; events {} http { access_log off; server { listen 127.0.0.1:%s; } }' \
    "$BATS_TEST_TMPDIR" "$BASHPID" "$BATS_TEST_TMPDIR" "$port" >"$BATS_TEST_TMPDIR/n.$BASHPID.conf"
    exec nginx -c "$BATS_TEST_TMPDIR/n.$BASHPID.conf"; }

# serve NAME [VARIABLE=value...]: starts it in the namespace, with these variables; its pid in $server_pid.
serve() {
    local name=$1
    shift
    (
        for one in "$@"; do
            export "${one?}"
        done
        export port SYSTEM_PYTHON BATS_TEST_TMPDIR
        eval "$(declare -f "server_$name")"
        exec setsid "${enter[@]}" --target "$namespace_pid" -- env ${preload:+LD_PRELOAD="$preload"} \
            bash -c "$(declare -f "server_$name"); server_$name"
    ) >"$BATS_TEST_TMPDIR/server.out" 2>&1 3>&- &
    server_pid=$!
    started+=("$server_pid")
}

# So many sockets listen on the port.
listeners() {
    [ "$(ns ss -Htln4 "sport = :$port" | wc -l)" = "$1" ]
}

ended() {
    ! kill -0 "$server_pid" 2>/dev/null
}

# One client comes, the server is killed, the client goes: what a restart meets is TIME_WAIT on the server's port.
leave_a_connection() {
    # shellcheck disable=SC2016
    ns bash -ec "PATIENCE=$PATIENCE; $(declare -f pause until_true)"'
        none_waits() { [ "$(ss -Htln "sport = :$1" | awk "{print \$2}")" = 0 ]; }
        gone() { [ -z "$(ss -Htln "sport = :$1")" ]; }
        exec 9<>/dev/tcp/127.0.0.1/"$1"
        until_true none_waits "$1"
        kill -KILL -- -"$2"
        until_true gone "$1"
        exec 9>&-' bash "$port" "$server_pid"
    wait "$server_pid" 2>/dev/null || true
    until_true time_wait
}
time_wait() { ns ss -Htan "sport = :$port" | grep -q TIME-WAIT; }

# restarts NAME PROGRAM: fails without the library, works with it; the record names the cause.
restarts() {
    command -v "$2" >/dev/null
    port=$(free_port)
    serve "$1"
    until_true listeners 1
    leave_a_connection
    serve "$1"
    until_true ended
    grep -qiE "in use|eaddrinuse|Error" "$BATS_TEST_TMPDIR/server.out"
    preload=$LIB serve "$1" REUSESHIM_RULES=keep REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json
    until_true ended
    expect_record '.cause == "time-wait"' '.holders[0].state == "TIME_WAIT"' '.call == "bind"' ".local.port == $port"
    port=$(free_port)
    preload=$LIB serve "$1"
    until_true listeners 1
    leave_a_connection
    preload=$LIB serve "$1"
    until_true listeners 1
}

# clashes NAME PROGRAM: a second instance fails, and the record says whose the port is; under handover both serve.
clashes() {
    command -v "$2" >/dev/null
    port=$(free_port)
    serve "$1"
    until_true listeners 1
    first=$server_pid
    preload=$LIB serve "$1" REUSESHIM_RULES=keep REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json
    until_true test -s "$LOG"
    expect_record '.cause == "listener"' '.holders[0].state == "LISTEN"' ".local.port == $port" \
        "any(.holders[0].processes[]; .pid == $first)"
    listeners 1
    kill -KILL -- -"$server_pid" 2>/dev/null || true
    port=$(free_port)
    preload=$LIB serve "$1" REUSESHIM_POLICY=handover
    until_true listeners 1
    preload=$LIB serve "$1" REUSESHIM_POLICY=handover
    until_true listeners 2
}

@test "Python's socketserver cannot restart at once; under the library it can, and before that is told why" { restarts python "$SYSTEM_PYTHON"; }
@test "Perl's IO::Socket::INET cannot restart at once; under the library it can, and before that is told why" { restarts perl perl; }
@test "Erlang's gen_tcp cannot restart at once; under the library it can, and before that is told why" { restarts erlang erl; }
@test "LuaSocket cannot restart at once; under the library it can, and before that is told why" { restarts lua lua5.3; }
@test "Ruby's Socket cannot restart at once; under the library it can, and before that is told why" { restarts ruby ruby; }
@test "Guile cannot restart at once; under the library it can, and before that is told why" { restarts guile guile; }
@test "zsh's ztcp cannot restart at once; under the library it can, and before that is told why" { restarts zsh zsh; }
@test "socat cannot restart at once; under the library it can, and before that is told why" { restarts socat socat; }
@test "the second of two python3 -m http.server on one port is told whose it is, and under handover both serve" { clashes http "$SYSTEM_PYTHON"; }
@test "the second of two php -S on one port is told whose it is, and under handover both serve" { clashes php php; }
@test "the second of two Tcl servers on one port is told whose it is, and under handover both serve" { clashes tcl tclsh; }
@test "the second of two redis-servers on one port is told whose it is, and under handover both serve" { clashes redis redis-server; }
@test "the second of two memcacheds on one port is told whose it is, and under handover both serve" { clashes memcached memcached; }
@test "the second of two lighttpds on one port is told whose it is, and under handover both serve" { clashes lighttpd lighttpd; }
@test "the second of two iperf3 servers on one port is told whose it is, and under handover both serve" { clashes iperf iperf3; }
@test "the second of two busybox httpds on one port is told whose it is, and under handover both serve" { clashes busybox busybox; }
@test "the second of two ncats on one port is told whose it is, and under handover both serve" { clashes ncat ncat; }
@test "the second of two tcpservers on one port is told whose it is, and under handover both serve" { clashes tcpserver tcpserver; }
@test "the second of two tinyproxies on one port is told whose it is, and under handover both serve" { clashes tinyproxy tinyproxy; }
@test "the second of two nginx masters with workers on one port is told whose it is, and under handover both serve" { clashes nginx nginx; }
