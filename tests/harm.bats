#!/usr/bin/env bats
# What did not fail is not changed: programs that never had trouble must not notice the library under the default policy.

load helper

# like_without WORDS...: the socket words do the same with the library as without it.
like_without() {
    local without status_without
    run ns "$PROGRAMS/sock" "$@"
    without=$output status_without=$status
    run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=none "$PROGRAMS/sock" "$@"
    [ "$output" = "$without" ] && [ "$status" = "$status_without" ]
}

@test "a port that is bound as a lock and never listened on lets no second instance in" {
    port=$(free_port)
    background shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" hold
    run -1 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" get reuseaddr
    [ "$output" = $'bind: EADDRINUSE\nreuseaddr=0' ]
    expect_record '.cause == "bound"' '.holders[0].blocks'
}

@test "a lock that got in by the retry, beside what is left of the instance before, is a lock like any other until it listens" {
    port=$(free_port)
    shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    ns ss -Htan "sport = :$port" | grep -q TIME-WAIT
    background shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" get reuseaddr hold
    grep -qx reuseaddr=0 "$last_out"
    run -1 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.cause == "bound"'
    stop
    run -0 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
}

@test "a client that walks down the ports until one is free gets the same port as without the library, and connects from it" {
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen hold >"$BATS_TEST_TMPDIR/server" 3>&- &
    started+=($!)
    until_true grep -q ready "$BATS_TEST_TMPDIR/server"
    # One that is listened on, one that is bound, one whose connection is over, one that is used by a client now.
    background shim "$PROGRAMS/sock" tcp bind 127.0.0.1:731 listen hold
    background shim "$PROGRAMS/sock" tcp bind 127.0.0.1:730 hold
    shim "$PROGRAMS/sock" tcp bind 127.0.0.1:729 connect 127.0.0.1:1 close
    background shim "$PROGRAMS/sock" tcp bind 127.0.0.1:728 connect 127.0.0.1:1 hold
    walk=("$PROGRAMS/sock" tcp)
    for port in 731 730 729 728; do
        walk+=(bind "127.0.0.1:$port")
    done
    run -1 ns "${walk[@]}"
    without=$output
    run -1 shim "${walk[@]}" bind 127.0.0.1:727 connect 127.0.0.1:1 port
    [ "$output" = "$without"$'\n727' ]
    [ "${#lines[@]}" = 5 ]
}

@test "two clients with source ports of their own, as rsh takes them, both connect" {
    background ns "$PROGRAMS/sock" tcp bind 127.0.0.1:514 listen hold
    background shim "$PROGRAMS/sock" tcp resv connect 127.0.0.1:514 hold
    run -0 shim "$PROGRAMS/sock" tcp resv connect 127.0.0.1:514 port
    ((output >= 512 && output <= 1023))
}

@test "a program that sets and clears options itself, listens twice, or binds again after a refusal, sees what it saw before" {
    port=$(free_port)
    like_without tcp set reuseaddr bind 127.0.0.1:"$port" get reuseaddr set reuseaddr=0 get reuseaddr
    like_without tcp set reuseaddr=0 bind 127.0.0.1:"$port" get reuseaddr
    like_without tcp bind 127.0.0.1:"$port" listen listen port
    like_without tcp bind 127.0.0.1:"$port" bind 127.0.0.1:"$port"
    like_without tcp bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port" bind 127.0.0.1:"$((port + 1))" listen port
    like_without udp bind 127.0.0.1:"$port" udp bind 127.0.0.1:"$port" get reuseaddr
}

@test "a socket that is bound by one process and listened on by its child restarts like any other" {
    port=$(free_port)
    for _ in 1 2; do
        run -0 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" fork listen get reuseaddr \
            tcp connect 127.0.0.1:"$port" back accept close closeall
        [ "$output" = "reuseaddr=1" ]
    done
}

@test "of two instances that start at once exactly one serves" {
    port=$(free_port)
    for _ in $(seq 20); do
        spawn shim REUSESHIM_LOG=none "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
        one=$last_pid one_out=$last_out
        spawn shim REUSESHIM_LOG=none "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
        until_true grep -q ready "$one_out"
        until_true grep -q ready "$last_out"
        [ "$(ns ss -Htln "sport = :$port" | wc -l)" = 1 ]
        [ "$(cat "$one_out" "$last_out" | grep -c EADDRINUSE)" = 1 ]
        stop "$one"
        stop
    done
}

# ---- records on a connection ---------------------------------------------------------------------------------------

# answer_of PORT: what a client reads there until the end, once somebody listens.
answer_of() {
    until_true ns sh -c "ss -Htln 'sport = :$1' | grep -q ."
    ns socat -t 60 -T 60 - TCP:127.0.0.1:"$1" </dev/null
}

@test "under tcpserver with its standard error on the connection, no record goes to the client" {
    port=$(free_port)
    taken=$(free_port)
    holder tcp bind 127.0.0.1:"$taken" listen
    # shellcheck disable=SC2016
    server=(tcpserver -HRl0 127.0.0.1 "$port" sh -c 'exec "$0" tcp bind 127.0.0.1:"$1" 2>&1' "$PROGRAMS/sock" "$taken")
    spawn ns env LD_PRELOAD="$LIB" "${server[@]}"
    run -0 answer_of "$port"
    [ "$output" = "bind: EADDRINUSE" ]
    # Asked for by name it is written all the same.
    stop
    spawn ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=stderr "${server[@]}"
    run -0 answer_of "$port"
    [[ $output == *"held by"* ]]
}

@test "secrets in a holder's command line are masked, and REUSESHIM_COMMANDS=name leaves the arguments out" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen hold --password=hunter2 --api-key hunter2 PGPASSWORD=hunter2 -Token hunter2 --verbose plain
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].command | endswith("hold --password=*** --api-key *** PGPASSWORD=*** -Token *** --verbose plain hold")'
    run grep -c hunter2 "$LOG"
    [ "$output" = 0 ]
    refused_as=$(shim REUSESHIM_RULES=keep REUSESHIM_COMMANDS=name "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" || true)
    [ "$refused_as" = "bind: EADDRINUSE" ]
    expect_record '.holders[0].processes[0].command == null' '.holders[0].processes[0].program == "sock"'
    # So does the record of a call that succeeded.
    holder udp set reuseaddr bind 127.0.0.1:"$port" hold --verbose
    for which in full name; do
        run -0 shim REUSESHIM_POLICY=audit REUSESHIM_COMMANDS=$which "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
        expect_record '.event == "shared"' ".holders[0].processes[0].command | (. != null) == (\"$which\" == \"full\")"
    done
}

@test "a secret is masked wherever it stands in an argument, and what is none stays" {
    port=$(free_port)
    # shellcheck disable=SC2054 # the comma is the argument's own
    masked=(--env=MYSQL_PASSWORD=S3CR3T --header=X-Token:S3CR3T 'host=h password=S3CR3T' 'host=h;password=S3CR3T' 'jdbc:mysql://h/d?user=u&password=S3CR3T'
        --opt=user=x,password=S3CR3T '{"password":"S3CR3T"}' auth.password:S3CR3T --password:S3CR3T 'Authorization:Bearer S3CR3T'
        pass:S3CR3T https://user:S3CR3T@host/path --pwd=S3CR3T '--private-key S3CR3T' 'mysql -u root --password S3CR3T')
    holder tcp bind 127.0.0.1:"$port" listen hold "${masked[@]}" tokenless --listen=keyserver:8080 http://host:80/a@b
    for record in "shim REUSESHIM_RULES=keep $PROGRAMS/sock tcp bind 127.0.0.1:$port" "ns $BUILD/reuseshim why --json 127.0.0.1:$port" \
        "ns $BUILD/reuseshim why --json" "ns $BUILD/reuseshim wait 127.0.0.1:$port --timeout 0"; do
        # shellcheck disable=SC2086
        run $record
        echo "$output" >>"$LOG"
        # shellcheck disable=SC2086
        REUSESHIM_COMMANDS=name run $record
        [[ $output != *tokenless* ]]
    done
    run ! grep S3CR3T "$LOG"
    head -n 1 "$LOG" | holds '.holders[0].processes[0].command | contains("https://user:***@host/path") and contains(" tokenless --listen=keyserver:8080 http://host:80/a@b")'
}

@test "a secret of a title, which is one argument, is masked, too" {
    port=$(free_port)
    background ns perl -e '$0 = "myd --password S3CR3T --user bob"; use Socket; socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(shift, INADDR_LOOPBACK)) && listen(S, 1) && print("ready\n") && ($| = 1) && sleep 1000' "$port"
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].command == "myd --password ***"'
}

@test "a title that a program writes over its arguments is no name beyond what the kernel shows" {
    port=$(free_port)
    background ns perl -e '$0 = "myd: --password=S3CR3T"; use Socket; socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(shift, INADDR_LOOPBACK)) && listen(S, 1) && print("ready\n") && ($| = 1) && sleep 1000' "$port"
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].program == "myd: --password"' '.holders[0].processes[0].command == "myd: --password=***"'
}
