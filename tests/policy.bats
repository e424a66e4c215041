#!/usr/bin/env bats
# What a policy does to a socket, read back from the kernel.
# bats file_tags=quick

load helper

# under SETTING WORDS...: does socket words under the given rules or policy; the library's own records are not wanted here.
under() {
    local setting=$1
    shift
    ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=none "$setting" "$PROGRAMS/sock" "$@"
}

@test "under the default policy what listens has reuseaddr, IPv6 and MPTCP included, and what is only bound has not" {
    port=$(free_port)
    for kind in "tcp bind 0.0.0.0" "tcp6 bind [::]" "mptcp bind 0.0.0.0"; do
        read -r protocol call address <<<"$kind"
        [ "$(under REUSESHIM_POLICY= "$protocol" "$call" "$address:$port" get reuseaddr listen get reuseaddr get reuseport)" = \
            $'reuseaddr=0\nreuseaddr=1\nreuseport=0' ]
    done
}

@test "retry sets an option only after a refusal, and takes it back if that does not help, or if listen is to set it" {
    port=$(free_port)
    [ "$(under REUSESHIM_RULES="retry reuseaddr" tcp bind 127.0.0.1:"$port" get reuseaddr)" = "reuseaddr=0" ]
    twice=(tcp set reuseaddr bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port" get reuseaddr)
    [ "$(under REUSESHIM_RULES="retry reuseaddr;on listen keep" "${twice[@]}")" = "reuseaddr=1" ]
    [ "$(under REUSESHIM_POLICY=restart "${twice[@]}" get reuseaddr)" = $'reuseaddr=0\nreuseaddr=0' ]
    holder tcp bind 127.0.0.1:"$port"
    run -1 under REUSESHIM_RULES="retry reuseaddr,reuseport" tcp bind 127.0.0.1:"$port" get reuseaddr get reuseport
    [ "$output" = $'bind: EADDRINUSE\nreuseaddr=0\nreuseport=0' ]
    # What the program had set itself stays.
    run -1 under REUSESHIM_RULES="retry reuseaddr" tcp set reuseaddr bind 127.0.0.1:"$port" get reuseaddr
    [ "$output" = $'bind: EADDRINUSE\nreuseaddr=1' ]
}

@test "rules on bind and rules on listen do not shadow one another, and those on listen go by the socket's own address" {
    port=$(free_port)
    [ "$(under REUSESHIM_RULES="tcp keep;on listen tcp force reuseaddr" tcp bind 127.0.0.1:"$port" listen get reuseaddr)" = "reuseaddr=1" ]
    for rule in "address 127.0.0.1" "port $port" "loopback" "ipv4"; do
        [ "$(under REUSESHIM_RULES="on listen $rule force reuseport" tcp bind 127.0.0.1:"$port" listen get reuseport)" = "reuseport=1" ]
        [ "$(under REUSESHIM_RULES="on listen $rule force reuseport" tcp6 bind [::]:"$((port + 1))" listen get reuseport)" = "reuseport=0" ]
    done
    [ "$(under REUSESHIM_RULES="on listen force reuseport" unix bind "$BATS_TEST_TMPDIR/s" listen get reuseport)" = "reuseport=0" ]
}

@test "the default policy leaves port 0, UDP and AF_UNIX alone" {
    port=$(free_port udp)
    [ "$(under REUSESHIM_POLICY= tcp bind 0.0.0.0:0 get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY= udp bind 0.0.0.0:"$port" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY=share unix bind "$BATS_TEST_TMPDIR/s" get reuseaddr get reuseport)" = $'reuseaddr=0\nreuseport=0' ]
}

# On what kind of socket an option is tried, and where it is bound. What acts on bind is in the list that the command gives.
on_bind() {
    local option
    option_words | while read -r option; do
        case $option in
        cloexec) ;; # acts on socket
        v6only) echo "$option tcp6 [::]:$port" ;;
        *) echo "$option tcp 127.0.0.1:$port" ;;
        esac
    done
}

@test "every option that acts on bind can be forced there" {
    port=$(free_port)
    [ "$(on_bind | wc -l)" -ge 4 ]
    while read -r option kind address; do
        [ "$(under REUSESHIM_RULES="force $option" "$kind" bind "$address" get "$option")" = "$option=1" ]
    done < <(on_bind)
}

@test "every option that acts on bind can be stripped there" {
    port=$(free_port)
    while read -r option kind address; do
        [ "$(under REUSESHIM_RULES="strip $option" "$kind" set "$option" bind "$address" get "$option")" = "$option=0" ]
    done < <(on_bind)
}

@test "keep leaves the options as the program set them" {
    port=$(free_port)
    [ "$(under REUSESHIM_RULES=keep tcp bind 127.0.0.1:"$port" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_RULES=keep tcp set reuseaddr bind 127.0.0.1:"$port" get reuseaddr)" = "reuseaddr=1" ]
}

@test "a rule on socket sets an option at once, on the sockets that it is about" {
    [ "$(under REUSESHIM_RULES="on socket tcp force reuseaddr" tcp get reuseaddr udp get reuseaddr)" = $'reuseaddr=1\nreuseaddr=0' ]
}

@test "a rule on socket strips close-on-exec, which Python sets, and keep leaves it" {
    for rule in "on socket strip cloexec:0" "keep:1"; do
        run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="${rule%:*}" "$SYSTEM_PYTHON" -c \
            'import fcntl, socket; print(fcntl.fcntl(socket.socket(), fcntl.F_GETFD))'
        [ "$output" = "${rule#*:}" ]
    done
}

@test "a rule on connect goes by the peer's address, and acts on a socket that is not bound yet" {
    holder tcp bind 127.0.0.1:0 listen
    peer=$(ns ss -Htln | awk '{print $4}')
    rule="on connect tcp address 127.0.0.0/8 port ${peer##*:} force reuseaddr"
    [ "$(under REUSESHIM_RULES="$rule" tcp connect "$peer" get reuseaddr)" = "reuseaddr=1" ]
    [ "$(under REUSESHIM_RULES="on connect tcp address 10.0.0.0/8 force reuseaddr" tcp connect "$peer" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_RULES="$rule;keep" tcp bind 127.0.0.1:0 connect "$peer" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY=client tcp connect "$peer" get reuseaddr)" = "reuseaddr=1" ]
}

@test "the first rule that matches decides, by protocol, family, address, port, class of address or program" {
    port=$(free_port)
    decides() {
        local expected=$1 rule=$2
        shift 2
        [ "$(under REUSESHIM_RULES="$rule;keep" "$@" get reuseport)" = "reuseport=$expected" ]
    }
    decides 0 "keep;force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "tcp force reuseport" tcp bind 127.0.0.1:"$port"
    decides 0 "udp force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "udp force reuseport" udp bind 127.0.0.1:"$port"
    decides 1 "ipv4 force reuseport" tcp bind 127.0.0.1:"$port"
    decides 0 "ipv6 force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "ipv6 force reuseport" tcp6 bind [::1]:"$port"
    decides 1 "address 127.0.0.0/8 force reuseport" tcp bind 127.1.2.3:"$port"
    decides 0 "address 127.0.0.1 force reuseport" tcp bind 127.1.2.3:"$port"
    decides 1 "address 127.0.0.0/8 force reuseport" tcp6 bind [::ffff:127.0.0.1]:"$port"
    decides 1 "address ::1 force reuseport" tcp6 bind [::1]:"$port"
    decides 0 "address 0.0.0.0 force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "address 0.0.0.0 force reuseport" tcp bind 0.0.0.0:"$port"
    decides 1 "address 0.0.0.0/0 force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "port 1,$port,3 force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "port $((port - 1))-$((port + 1)) force reuseport" tcp bind 127.0.0.1:"$port"
    decides 0 "port $((port + 1)) force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "wildcard force reuseport" tcp bind 0.0.0.0:"$port"
    decides 1 "wildcard force reuseport" tcp6 bind [::]:"$port"
    decides 0 "wildcard force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "loopback force reuseport" tcp bind 127.0.0.2:"$port"
    decides 0 "loopback force reuseport" tcp bind 0.0.0.0:"$port"
    decides 1 "multicast force reuseport" udp bind 224.0.0.251:"$port"
    decides 0 "multicast force reuseport" udp bind 127.0.0.1:"$port"
    decides 1 "program sock force reuseport" tcp bind 127.0.0.1:"$port"
    decides 1 "program s?[a-d]* force reuseport" tcp bind 127.0.0.1:"$port"
    decides 0 "program nginx force reuseport" tcp bind 127.0.0.1:"$port"
}

@test "the rules of REUSESHIM_RULES come before those of the policy, and a record names the line of the one that decided" {
    port=$(free_port)
    printf '# a comment\n\n\ttcp  port %s strip reuseaddr # why\n' "$port" >"$BATS_TEST_TMPDIR/p"
    [ "$(under REUSESHIM_POLICY="$BATS_TEST_TMPDIR/p" tcp set reuseaddr bind 127.0.0.1:"$port" get reuseaddr)" = "reuseaddr=0" ]
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_POLICY="$BATS_TEST_TMPDIR/p" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record ".policy == \"$BATS_TEST_TMPDIR/p\"" ".rule == \"$BATS_TEST_TMPDIR/p:3\""
    run -1 shim REUSESHIM_POLICY="$BATS_TEST_TMPDIR/p" REUSESHIM_RULES="udp keep;tcp keep" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.rule == "REUSESHIM_RULES:2"'
    run -1 shim REUSESHIM_RULES="udp keep" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    line=$(grep -n '^tcp' "$TOP/policies/restart.policy" | cut -d: -f1)
    expect_record '.policy == "restart"' ".rule == \"restart:$line\""
    run -1 shim REUSESHIM_POLICY=ftp-data "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.rule == null'
}

@test "a policy file is read before the program changes its directory, and run makes its path absolute" {
    port=$(free_port)
    echo "tcp force reuseport" >"$BATS_TEST_TMPDIR/here.policy"
    cd "$BATS_TEST_TMPDIR"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=./here.policy "$SYSTEM_PYTHON" "$SCRIPTS/leave_folder.py" "$port"
    [ "$output" = 1 ]
    # reuseshim run makes the path absolute, for children that are started elsewhere.
    run -0 ns "$BUILD/reuseshim" run -p ./here.policy "$SYSTEM_PYTHON" "$SCRIPTS/leave_folder.py" "$port" again
    [ "$output" = $'1\n1' ]
}

@test "after bind the program cannot undo a rule: that is answered with success, recorded, and not carried out" {
    port=$(free_port)
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    expect_record '.event == "change"' '.call == "setsockopt"' '.errno == null' \
        '.message | test("reuseaddr=0 .*restart:[0-9]+")'
    run -0 shim REUSESHIM_POLICY=exclusive "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" set reuseport=1 get reuseport
    [ "$output" = "reuseport=0" ]
    # So is one on an accepted connection: its TIME_WAIT must have the option too.
    run -0 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept \
        set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=1" ]
}

@test "a client's own option is its own: on a socket that was not accepted but connected, it can be cleared" {
    port=$(free_port) own=$((port ^ 1))
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp set reuseaddr=1 bind 127.0.0.1:"$own" connect 127.0.0.1:"$port" \
        set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=0" ]
    [ ! -s "$LOG" ]
}

@test "nor can it undo a rule on connect or on socket; where no rule holds it does as it likes" {
    port=$(free_port) other=$((port ^ 1))
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_POLICY=audit REUSESHIM_RULES="tcp on connect port $port force reuseaddr" \
        "$PROGRAMS/sock" tcp connect 127.0.0.1:"$port" set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    expect_record '.call == "setsockopt"' '.message | test("reuseaddr=0 .*RULES:1")'
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_POLICY=audit REUSESHIM_RULES="tcp on socket force reuseaddr" \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$other" set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    expect_record '.call == "setsockopt"' '.message | test("reuseaddr=0 .*RULES:1")'
    rm "$LOG"
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_POLICY=audit REUSESHIM_RULES="tcp port $port force reuseaddr" \
        "$PROGRAMS/sock" tcp set reuseaddr=1 bind 127.0.0.1:"$other" set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=0" ]
    [ ! -s "$LOG" ]
}

@test "before bind, on port 0, and for options of no rule the program has its way" {
    port=$(free_port)
    [ "$(under REUSESHIM_POLICY=restart tcp set reuseaddr=1 set reuseaddr=0 get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY=restart tcp bind 127.0.0.1:0 set reuseaddr=1 get reuseaddr)" = "reuseaddr=1" ]
    [ "$(under REUSESHIM_POLICY=restart tcp bind 127.0.0.1:"$port" set keepalive=1 get keepalive set reuseport get reuseport)" = $'keepalive=1\nreuseport=1' ]
}

@test "an option that the socket cannot take is skipped and recorded" {
    port=$(free_port)
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_RULES="force v6only" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.event == "change"' '.message | test("v6only.*IPv6.*REUSESHIM_RULES:1")'
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_RULES="force v6only" "$PROGRAMS/sock" tcp6 bind [::ffff:127.0.0.1]:"$port"
    expect_record '.message | test("v6only")'
}

@test "level change records what was changed and nothing else, level trace every decision" {
    port=$(free_port)
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.event == "change"' '.call == "listen"' ".local.port == $port" '.message | test("reuseaddr.*restart:[0-9]+")'
    rm "$LOG"
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" listen
    [ ! -s "$LOG" ]
    run -0 shim REUSESHIM_LEVEL=trace "$PROGRAMS/sock" udp bind 127.0.0.1:"$port"
    expect_record '.event == "trace"' '.rule == null' '.message | length > 5'
}

@test "the shipped policies are the files in policies/, to the byte" {
    for file in "$TOP"/policies/*.policy; do
        "$BUILD/unit/shipped" "$(basename "$file" .policy)" | cmp - "$file"
    done
    [ "$("$BUILD/unit/shipped" | sort)" = "$(cd "$TOP/policies" && printf '%s\n' *.policy | sed 's/\.policy$//' | sort)" ]
}

# ---- system calls: strace is needed from here on -------------------------------------------------------------------
# bats file_tags=

@test "a bind that succeeds costs no system call more, a listen under restart costs two" {
    port=$(free_port)
    calls() {
        ns strace -f -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" "$@"
        sed -n '/socket(AF/,/listen(/p' "$BATS_TEST_TMPDIR/trace" | sed 's/^[0-9]* *//; s/(.*//' | xargs
    }
    [ "$(calls "$PROGRAMS/legacy" 99999999 0)" != "" ]
    [[ "$(calls "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" close) " == "socket bind close "* ]]
    [ "$(calls "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen)" = "socket bind setsockopt setsockopt listen" ]
}

@test "a server that sets SO_REUSEADDR itself pays no system call for it" {
    ns strace -f -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp set reuseaddr set reuseport
    [ "$(sed -n '/socket(AF/,$p' "$BATS_TEST_TMPDIR/trace" | sed 's/^[0-9]* *//; s/(.*//; /exit/d; /^+++/d' | xargs)" = \
        "socket setsockopt setsockopt" ]
}

@test "a rule that forces cloexec on socket gives the kernel SOCK_CLOEXEC, and keep does not" {
    flags() {
        ns strace -e trace=socket -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" -E REUSESHIM_RULES="$1" "$PROGRAMS/sock" tcp
        cat "$BATS_TEST_TMPDIR/trace"
    }
    [[ $(flags "on socket force cloexec") == *"SOCK_STREAM|SOCK_CLOEXEC"* ]]
    [[ $(flags keep) != *SOCK_CLOEXEC* ]]
}
