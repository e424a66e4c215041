#!/usr/bin/env bats
# Answers about real daemons: by the name that people know, through what keeps them running, and of those that hide.
# bats file_tags=long

load helper

setup() {
    needs_root
    started=()
    made=()
    LOG=$BATS_TEST_TMPDIR/log
    namespace_start
    port=$(free_port)
}

listens() {
    ns ss -Htln "sport = :$port" | grep -q .
}

# as_user NAME: the record of that user's program that is refused the port.
as_user() {
    open_folder 777
    cp "$LIB" "$PROGRAMS/sock" "$open"
    LOG=$open/log
    run -1 ns setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups env LD_PRELOAD="$open/${LIB##*/}" REUSESHIM_LOG="$LOG" \
        REUSESHIM_FORMAT=json "$open/sock" tcp bind 127.0.0.1:"$port"
}

@test "under inetd standard error is the client's connection: no record goes there" {
    holder tcp bind 127.0.0.1:"$port" listen
    service=$(free_port)
    echo "127.0.0.1:$service stream tcp nowait root /usr/bin/env env LD_PRELOAD=$LIB $PROGRAMS/sock tcp bind 127.0.0.1:$port" >"$BATS_TEST_TMPDIR/inetd.conf"
    spawn ns /usr/sbin/inetd -i "$BATS_TEST_TMPDIR/inetd.conf"
    until_true ns sh -c "ss -Htln 'sport = :$service' | grep -q ."
    run -0 ns socat -t 60 -T 60 - TCP:127.0.0.1:"$service" </dev/null
    [ "$output" = "bind: EADDRINUSE" ]
}

@test "mosquitto and ngircd, which give up root and hide, are named as likely to a program of their own user" {
    spawn ns mosquitto -p "$port"
    until_true listens
    as_user mosquitto
    expect_record '.holders[0].owner == "likely"' '.holders[0].processes[0].program == "mosquitto"' ".holders[0].processes[0].pid == $last_pid"
    stop
    port=$(free_port)
    printf '[Global]\nName = irc.example.net\nListen = 127.0.0.1\nPorts = %s\nServerUID = irc\nServerGID = irc\nPidFile =\nMotdPhrase = x\n' "$port" \
        >"$BATS_TEST_TMPDIR/ngircd.conf"
    chmod 644 "$BATS_TEST_TMPDIR/ngircd.conf"
    spawn ns ngircd -n -f "$BATS_TEST_TMPDIR/ngircd.conf"
    until_true listens
    as_user irc
    expect_record '.holders[0].owner | . == "likely" or . == "known"' '.holders[0].processes[0].program == "ngircd"'
}

@test "redis-server, a busybox applet and gunicorn are called by these names, and rules find them by these names" {
    spawn ns redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$BATS_TEST_TMPDIR"
    until_true listens
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0] | .program == "redis-server" and (.executable | startswith("redis"))'
    run ! shim REUSESHIM_RULES="program redis-server tcp keep" timeout 60 redis-server --port "$port" --bind 127.0.0.1 --save ''
    expect_record '.program == "redis-server"' '.rule == "REUSESHIM_RULES:1"'
    port=$(free_port)
    ln -s "$(command -v busybox)" "$BATS_TEST_TMPDIR/httpd"
    spawn ns "$BATS_TEST_TMPDIR/httpd" -f -p 127.0.0.1:"$port" -h "$BATS_TEST_TMPDIR"
    until_true listens
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0] | .program == "httpd" and .executable == "busybox"'
    port=$(free_port)
    printf 'def app(environ, start):\n    start("200 OK", [])\n    return [b"hello"]\n' >"$BATS_TEST_TMPDIR/web.py"
    spawn ns gunicorn --chdir "$BATS_TEST_TMPDIR" -b 127.0.0.1:"$port" web:app
    until_true listens
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".holders[0].processes[0] | .pid == $last_pid and .program == \"gunicorn\" and (.executable | startswith(\"python3\"))"
}

# kept_by COMMAND [OPTION]...: what is told first of a holder that is started again when it is killed; it helps, from anywhere.
kept_by() {
    until_true listens
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".cures[0].text | startswith(\"$1, if it is not needed: \")"
    # shellcheck disable=SC2086
    set -- $1 -- "${@:2}"
    ns sh -c 'cd / && exec "$@"' sh "$1" "${@:5}" "$2" "$3"
    until_true is_free
}

is_free() {
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
}

@test "what runit, s6 or supervisord keeps running is told with their command, not to be killed" {
    service=$BATS_TEST_TMPDIR/billing
    mkdir "$service"
    printf '#!/bin/sh\nexec %s tcp bind 127.0.0.1:%s listen hold\n' "$PROGRAMS/sock" "$port" >"$service/run"
    chmod +x "$service/run"
    spawn ns sh -c 'cd "$0" && exec runsv billing' "$BATS_TEST_TMPDIR"
    kept_by "sv stop $service"
    stop
    rm -rf "$service/supervise"
    spawn ns sh -c 'cd "$0" && exec s6-supervise billing' "$BATS_TEST_TMPDIR"
    kept_by "s6-svc -d $service"
    stop
    port=$(free_port)
    control=$BATS_TEST_TMPDIR/control
    printf '[unix_http_server]\nfile=%s\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n' "$control" >"$BATS_TEST_TMPDIR/supervisord.conf"
    printf '[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/pid\n[program:billing]\ncommand=%s tcp bind 127.0.0.1:%s listen hold\n' \
        "$BATS_TEST_TMPDIR" "$PROGRAMS/sock" "$port" >>"$BATS_TEST_TMPDIR/supervisord.conf"
    spawn ns supervisord -c "$BATS_TEST_TMPDIR/supervisord.conf"
    kept_by "supervisorctl stop billing" -s "unix://$control"
}

@test "two instances of haproxy, which sets SO_REUSEPORT itself, share in silence: why tells both, and audit the second" {
    printf 'defaults\n mode http\n timeout client 10s\n timeout connect 10s\n timeout server 10s\nfrontend f\n bind 127.0.0.1:%s\n http-request return status 200\n' \
        "$port" >"$BATS_TEST_TMPDIR/haproxy.cfg"
    spawn ns haproxy -db -f "$BATS_TEST_TMPDIR/haproxy.cfg"
    first=$last_pid
    until_true listens
    spawn ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=audit REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json haproxy -db -f "$BATS_TEST_TMPDIR/haproxy.cfg"
    until_true [ -s "$LOG" ]
    expect_record '.event == "shared"' '.program == "haproxy"' ".holders[0].processes[0].pid == $first"
    run -0 ns "$BUILD/reuseshim" why -t
    [ "$(grep -c "127.0.0.1:$port .*haproxy.*shared: 2 sockets, 2 instances" <<<"$output")" = 2 ]
    run -1 ns "$BUILD/reuseshim" why -t 127.0.0.1:"$port"
    for pid in "$first" "$last_pid"; do
        grep -q "held by .*pid.*$pid" <<<"$output"
        grep -q "cure .*stop process $pid (haproxy)" <<<"$output"
    done
}
