#!/usr/bin/env bats
# What the one who reads a record is told: whose it is, by the name that people know, and what to do first.
# bats file_tags=quick

load helper

# first_cure FILTER: of the last record.
first_cure() {
    expect_record ".cures[0] | $1"
}

# told WORDS...: the record of these socket words in text.
told() {
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" "$@"
    text=$output
}

# as_user UID WORDS...: what that user is told by these socket words.
as_user() {
    open_folder 777
    cp "$LIB" "$PROGRAMS/sock" "$open"
    LOG=$open/log
    run -1 ns setpriv --reuid "$1" --regid "$1" --clear-groups env LD_PRELOAD="$open/${LIB##*/}" REUSESHIM_LOG="$LOG" \
        REUSESHIM_FORMAT=json "$open/sock" "${@:2}"
}

# ---- who it is -----------------------------------------------------------------------------------------------------

@test "the first cure is to stop the process, also among hundreds of processes, in a PID namespace of its own, and for an ordinary user" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_processes.py" 300
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    first_cure ".needs == [\"stop-holder\"] and (.text | test(\"stop process $holder_pid\"))"
    run -1 shim unshare --pid --fork --mount-proc sh -c '"$@"' sh "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden"' '.message | test("PID namespace")'
    run -1 shim unshare --pid --fork --mount-proc sh -c '"$0" tcp bind 127.0.0.1:"$1" listen hold >"$2" & until [ -s "$2" ]; do :; done
        "$0" tcp bind 127.0.0.1:"$1"' "$PROGRAMS/sock" "$((port + 1))" "$BATS_TEST_TMPDIR/held"
    first_cure '.needs == ["stop-holder"]'
}

@test "an ordinary user is told to stop what is its own, and for what it cannot see how to see it" {
    needs_root
    port=$(free_port)
    open_folder
    cp "$PROGRAMS/sock" "$open"
    background ns setpriv --reuid 4711 --regid 4711 --clear-groups "$open/sock" tcp bind 127.0.0.1:"$port" listen hold
    as_user 4711 tcp bind 127.0.0.1:"$port"
    owner_is "$last_pid"
    first_cure '.needs == ["stop-holder"]'
    as_user 4712 udp bind 127.0.0.1:53
    port=$(free_port udp)
    holder udp set reuseaddr bind 127.0.0.1:"$port"
    as_user 4712 udp set reuseport bind 127.0.0.1:"$port"
    expect_record ".cures[-1].text | test(\"sudo reuseshim why -u 127.0.0.1:$port --reuseport\")" '.cures[-1].needs == ["root"]'
}

@test "a daemon that hides its descriptors, as one that gave up root does, is named as likely, and never as known" {
    needs_root
    port=$(free_port)
    open_folder
    cp "$PROGRAMS/sock" "$open/daemond"
    background ns "$open/daemond" uid 4713 tcp bind 127.0.0.1:"$port" listen hide hold
    as_user 4713 tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "likely"' ".holders[0].processes[0].pid == $last_pid" \
        '.holders[0].processes[0].program == "daemond"' '.message | test("hides")'
    first_cure '.text | test("likely")'
    # Of two programs that may be it neither is.
    cp "$PROGRAMS/sock" "$open/otherd"
    background ns "$open/otherd" uid 4713 hide hold
    as_user 4713 tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden"' '.holders[0].processes == []'
}

@test "a suspended holder is said to be, with the command that lets it go on, which works; and it is not to be shared with" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    kill -STOP "$holder_pid"
    until_true grep -q '^State:.T' "/proc/$holder_pid/status"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].state == "T"' '.message | test("stopped")' 'all(.cures[]; .policy != "handover")'
    first_cure ".text | test(\"kill -CONT $holder_pid\")"
    kill -CONT "$holder_pid"
    stop "$holder_pid"
    run -0 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
}

@test "a conflict with oneself or with one's parent says that the program asks for the port twice" {
    port=$(free_port)
    refused tcp bind 127.0.0.1:"$port" listen tcp bind 127.0.0.1:"$port"
    first_cure '.text | test("twice")'
    expect_record 'all(.cures[]; .needs != ["stop-holder"] and .policy != "handover")'
    # The parent has it still, the child has closed it and makes its own.
    port=$(free_port)
    refused tcp bind 127.0.0.1:"$port" listen fork close tcp bind 127.0.0.1:"$port"
    first_cure '.text | test("twice")'
}

@test "sharing is offered between instances of one program, and to nobody else" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record 'any(.cures[]; .policy == "handover" and .apply_to == "both")'
    run -0 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$port" 1
    expect_record '.cause == "listener"' 'all(.cures[]; .policy != "handover")'
    # What one side alone can do is said for that side alone.
    stop
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record 'any(.cures[]; .policy == "handover" and .apply_to == "this")'
    run -0 shim REUSESHIM_RULES="$(record 'first(.cures[] | select(.policy == "handover")).rules' | jq -r .)" \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
}

# ---- by its name ---------------------------------------------------------------------------------------------------

@test "a script is called by its own name, started by hand or by its first line; a link by the link's; each name is matched by a rule" {
    port=$(free_port)
    mkdir "$BATS_TEST_TMPDIR/bin"
    ln -s "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/bin/an-old-billing-server"
    background ns "$BATS_TEST_TMPDIR/bin/an-old-billing-server" tcp bind 127.0.0.1:"$port" listen hold
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0] | .program == "an-old-billing-server" and .executable == "sock"'
    for how in "$SYSTEM_PYTHON $SCRIPTS/serve_by_name.py" "$SCRIPTS/serve_by_name.py"; do
        port=$(free_port)
        # shellcheck disable=SC2086
        background ns $how "$port"
        refused tcp bind 127.0.0.1:"$port"
        expect_record '.holders[0].processes[0] | .program == "serve_by_name.py" and (.executable | startswith("python3"))'
    done
    for name in an-old-billing-server sock "an-old*"; do
        run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="program $name force reuseport" \
            "$BATS_TEST_TMPDIR/bin/an-old-billing-server" tcp bind 127.0.0.1:0 get reuseport
        [ "$output" = "reuseport=1" ]
    done
    for name in be_refused.py "python3*"; do
        run -0 shim REUSESHIM_RULES="program $name force reuseport" "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$port" 1
        expect_record '.program == "be_refused.py"' '.rule == "REUSESHIM_RULES:1"'
    done
}

@test "a program's name survives chroot" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env LD_PRELOAD="$LIB" "$SYSTEM_PYTHON" "$SCRIPTS/chroot_bind.py" "$port" "$BATS_TEST_TMPDIR"
    [[ $output == *"] python3: bind("* ]]
}

@test "a name cannot forge a record, nor change the direction of writing, nor hide" {
    port=$(free_port)
    mkdir "$BATS_TEST_TMPDIR/bin"
    for name in 'p) of uid 0: init; pid 1 (systemd' $'good\u202egnp.exe' $'a\u200bb' $'a\u2800' $'a\u00a0b' '"quoted"'; do
        ln -sf "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/bin/$name"
        background ns "$BATS_TEST_TMPDIR/bin/$name" tcp bind 127.0.0.1:"$port" listen hold
        told tcp bind 127.0.0.1:"$port"
        [[ $text == *"pid $last_pid ("* ]]
        # What is in quotes is the name's own.
        run ! grep -E 'pid [0-9]+ \((p\)|systemd)' < <(printf '%s\n' "$text" | sed 's/"[^"]*"//g')
        run ! grep $'\u202e\|\u200b\|\u2800\|\u00a0' <<<"$text"
        stop
    done
}

@test "of a long command line the beginning and the end are told" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen hold "$(printf '%0300d' 0)" com.example.TheMainClass
    told tcp bind 127.0.0.1:"$port"
    [[ $text == *"sock tcp bind"*" ... "*"com.example.TheMainClass"* ]]
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].command | test("com.example.TheMainClass")'
}

@test "many sockets of one program are one line with a count, and of its processes the master comes first" {
    port=$(free_port)
    words=()
    for _ in $(seq 20); do
        words+=(tcp set reuseport bind 127.0.0.1:"$port" listen)
    done
    holder "${words[@]}" fork
    told tcp bind 127.0.0.1:"$port"
    [ "$(grep -c 'held by' <<<"$text")" = 1 ]
    [[ $text == *"and 19 more sockets like this"* ]]
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".holders[0].processes[0].pid == $holder_pid" '.holders[0].processes | length == 2'
}

@test "of more sockets than are listed cause and cures are told as long as all are alike" {
    for count in 31 33 100; do
        port=$(free_port)
        words=(tcp bind 127.0.0.1:"$port" listen)
        for _ in $(seq $count); do
            words+=(tcp connect 127.0.0.1:"$port" back accept close)
        done
        ns "$PROGRAMS/sock" "${words[@]}" closeall
        refused tcp bind 127.0.0.1:"$port"
        expect_record '.cause == "time-wait"' '[.cures[].policy] | contains(["restart-now", "restart"])' 'any(.cures[]; .needs == ["wait"])'
        words=()
        for _ in $(seq $count); do
            words+=(tcp set reuseport bind 127.0.0.1:"$((port + 1))" listen)
        done
        holder "${words[@]}"
        refused tcp bind 127.0.0.1:"$((port + 1))"
        first_cure ".text | test(\"stop process $holder_pid\")"
        stop
    done
}

# ---- what it is about ----------------------------------------------------------------------------------------------

@test "a wildcard beside one address is told the addresses that are free, and the reverse that the holder could name its own" {
    port=$(free_port)
    ns ip address add 10.1.2.3/32 dev lo
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record "any(.cures[]; .apply_to == \"this\" and (.text | test(\"addresses.*: 10.1.2.3:$port\")) and (.text | test(\"127.0.0.1\") | not))"
    run -0 shim "$PROGRAMS/sock" tcp bind 10.1.2.3:"$port" listen
    stop
    holder tcp bind 0.0.0.0:"$port" listen
    refused tcp bind 10.1.2.3:"$port"
    expect_record 'any(.cures[]; .apply_to == "holder" and (.text | test("addresses")))'
}

@test "a UDP socket whose holder has the other of the two options is told to set that one, and it works" {
    for option in reuseaddr reuseport; do
        other=$([ $option = reuseaddr ] && echo reuseport || echo reuseaddr)
        port=$(free_port udp)
        holder udp set "$option" bind 0.0.0.0:"$port"
        refused udp set "$other" bind 0.0.0.0:"$port"
        expect_record ".holders[0].$option" "any(.cures[]; .apply_to == \"this\" and (.rules // \"\" | test(\"force.*$option\")))"
        rules=$(record 'first(.cures[] | select(.rules)).rules' | jq -r .)
        run -0 shim REUSESHIM_RULES="$rules" "$PROGRAMS/sock" udp set "$other" bind 0.0.0.0:"$port"
    done
}

# leave_outgoing PORT: a client with a source port of its own has just ended; the server is on port 1.
leave_outgoing() {
    ns env ${with:+LD_PRELOAD="$LIB" REUSESHIM_POLICY="$with"} REUSESHIM_LOG=none "$PROGRAMS/sock" tcp bind 127.0.0.1:"$1" connect 127.0.0.1:1 close
}

@test "what an outgoing connection left is not blamed on a server: the policy client, on every run of it, is the cure, and works" {
    holder tcp bind 127.0.0.1:1 listen
    leave_outgoing 5000
    refused tcp bind 127.0.0.1:5000
    expect_record '.cause == "time-wait"' '.message | test("outgoing")' 'any(.cures[]; .policy == "client" and .apply_to == "both")' \
        'all(.cures[]; .policy != "restart")'
    rules=$(record 'first(.cures[] | select(.policy == "client")).rules' | jq -r .)
    echo "$rules"
    with=client leave_outgoing 5001
    # The bind gets in at once; to the same peer the kernel connects after a second (net.ipv4.tcp_tw_reuse).
    until_true shim REUSESHIM_POLICY=client "$PROGRAMS/sock" tcp bind 127.0.0.1:5001 connect 127.0.0.1:1
    ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=none REUSESHIM_RULES="${rules//5000/5002}" "$PROGRAMS/sock" tcp bind 127.0.0.1:5002 connect 127.0.0.1:1 close
    until_true shim REUSESHIM_RULES="${rules//5000/5002}" "$PROGRAMS/sock" tcp bind 127.0.0.1:5002 connect 127.0.0.1:1
    # On a port that the kernel gives away by itself: reserve it.
    leave_outgoing 40000
    refused tcp bind 127.0.0.1:40000
    expect_record 'any(.cures[]; .text | test("ip_local_reserved_ports=40000"))'
}

@test "a leftover of which nothing tells who connected is said to be of either, with both cures" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.message | test("may be")' '[.cures[].policy] | index("restart") and index("client")'
    # A port outside of the automatic range, with a peer inside: that was a server.
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:6000 listen tcp connect 127.0.0.1:6000 back accept close closeall
    refused tcp bind 127.0.0.1:6000
    expect_record '.message | test("outgoing") | not' '[.cures[].policy] | index("client") | not'
}

@test "a range without a free port is told by what took it: sockets bound before they connect, TIME_WAIT to the peer, connections to it" {
    ns_sysctl net.ipv4.ip_local_port_range="40000 40003"
    ns_sysctl net.ipv4.tcp_tw_reuse=0
    holder tcp bind 127.0.0.1:1 listen tcp bind 127.0.0.1:2 listen
    # Each has bound a port of its own before it connected elsewhere.
    holder tcp bind 127.0.0.1:0 connect 127.0.0.1:2 tcp bind 127.0.0.1:0 connect 127.0.0.1:2 tcp bind 127.0.0.1:0 connect 127.0.0.1:2 \
        tcp bind 127.0.0.1:0 connect 127.0.0.1:2
    refused tcp connect 127.0.0.1:1
    expect_record '.cause == "ports-exhausted"' '.cures[0].policy == "client" and .cures[0].apply_to == "holder"'
    stop
    ns_sysctl net.ipv4.ip_local_port_range="41000 41001"
    holder tcp connect 127.0.0.1:1 tcp connect 127.0.0.1:1
    refused tcp connect 127.0.0.1:1
    expect_record '.cures[0].text | test("connected to this one peer")'
    # One program may well have taken all of them, and still does not ask for one port twice.
    refused tcp connect 127.0.0.1:1 tcp connect 127.0.0.1:1 tcp connect 127.0.0.1:1 tcp bind 127.0.0.1:0
    holds '.message // "" | test("twice") | not' "$LOG"
    ns_sysctl net.ipv4.ip_local_port_range="42000 42001"
    ns "$PROGRAMS/sock" tcp connect 127.0.0.1:1 close tcp connect 127.0.0.1:1 close
    refused tcp connect 127.0.0.1:1
    expect_record '.cures[0].text | test("tcp_tw_reuse")'
}

@test "a path that is a directory, a FIFO, a device, or a link that leads nowhere, is called that" {
    mkdir "$BATS_TEST_TMPDIR/folder"
    ln -s nowhere "$BATS_TEST_TMPDIR/link"
    refused unix bind "$BATS_TEST_TMPDIR/folder"
    expect_record '.message | test("directory")'
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    refused unix bind "$BATS_TEST_TMPDIR/fifo"
    expect_record '.message | test("FIFO")'
    refused unix bind /dev/null
    expect_record '.message | test("device")'
    refused unix bind "$BATS_TEST_TMPDIR/link"
    expect_record '.message | test("link")'
}

# ---- why a record is bare ------------------------------------------------------------------------------------------

@test "a bare record says why it is, and which variable changes it" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_DIAGNOSE=never "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.diagnosis.reason == "never"' '.cause == null'
    run -1 shim "$PROGRAMS/filter" errno prctl "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.diagnosis.reason == "seccomp"'
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/filter" errno prctl "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $output == *"REUSESHIM_DIAGNOSE=always"* ]]
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=json bash -c 'exec 3>&-; ulimit -n 4; exec "$0" tcp bind 127.0.0.1:"$1"' "$PROGRAMS/sock" "$port"
    [ "$(grep '^{' <<<"$output" | jq -r .diagnosis.reason)" = "no descriptor left" ]
    run -1 shim unshare --mount sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.diagnosis.reason == "no /proc"' '.protocol == null'
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.diagnosis.reason == null'
}
