#!/usr/bin/env bats
# What a policy does to a socket, read back from the kernel.

load helper

# Does socket words under the given rules or policy; the shim's own records are not wanted here.
under() {
    local setting=$1
    shift
    ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=none "$setting" "$PROGRAMS/sock" "$@"
}

@test "the default forces reuseaddr on TCP with a fixed port" {
    port=$(free_port)
    [ "$(under REUSESHIM_POLICY= tcp bind 0.0.0.0:"$port" get reuseaddr get reuseport)" = $'reuseaddr=1\nreuseport=0' ]
    [ "$(under REUSESHIM_POLICY= tcp6 bind [::]:"$port" get reuseaddr)" = "reuseaddr=1" ]
    [ "$(under REUSESHIM_POLICY= mptcp bind 0.0.0.0:"$port" get reuseaddr)" = "reuseaddr=1" ]
}

@test "the default leaves port 0, UDP and AF_UNIX alone" {
    port=$(free_port udp)
    [ "$(under REUSESHIM_POLICY= tcp bind 0.0.0.0:0 get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY= udp bind 0.0.0.0:"$port" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY=share unix bind "$BATS_TEST_TMPDIR/s" get reuseaddr get reuseport)" = $'reuseaddr=0\nreuseport=0' ]
}

@test "a bind that no rule is about costs no system call, one under restart costs two" {
    port=$(free_port)
    calls() {
        ns strace -f -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" "$@"
        sed -n '/socket(AF/,/bind(/p' "$BATS_TEST_TMPDIR/trace" | sed 's/^[0-9]* *//; s/(.*//' | xargs
    }
    [ "$(calls "$PROGRAMS/legacy" 99999999 0)" != "" ]
    [ "$(calls "$PROGRAMS/sock" tcp bind 127.0.0.1:0)" = "socket bind" ]
    [ "$(calls "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port")" = "socket getsockopt setsockopt bind" ]
}

@test "every option can be forced, on bind" {
    port=$(free_port)
    for option in reuseaddr reuseport bind-address-no-port; do
        [ "$(under REUSESHIM_RULES="force $option" tcp bind 127.0.0.1:"$port" get "$option")" = "$option=1" ]
    done
    [ "$(under REUSESHIM_RULES="force v6only" tcp6 bind [::]:"$port" get v6only)" = "v6only=1" ]
}

@test "every option can be stripped, on bind" {
    port=$(free_port)
    for option in reuseaddr reuseport bind-address-no-port; do
        [ "$(under REUSESHIM_RULES="strip $option" tcp set "$option" bind 127.0.0.1:"$port" get "$option")" = "$option=0" ]
    done
    [ "$(under REUSESHIM_RULES="strip v6only" tcp6 set v6only bind [::]:"$port" get v6only)" = "v6only=0" ]
}

@test "keep leaves what the program set" {
    port=$(free_port)
    [ "$(under REUSESHIM_RULES=keep tcp bind 127.0.0.1:"$port" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_RULES=keep tcp set reuseaddr bind 127.0.0.1:"$port" get reuseaddr)" = "reuseaddr=1" ]
}

@test "on socket: options at once, close-on-exec too" {
    [ "$(under REUSESHIM_RULES="on socket tcp force reuseaddr" tcp get reuseaddr udp get reuseaddr)" = $'reuseaddr=1\nreuseaddr=0' ]
    flags() {
        ns strace -e trace=socket -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" -E REUSESHIM_RULES="$1" "$PROGRAMS/sock" tcp
        cat "$BATS_TEST_TMPDIR/trace"
    }
    [[ $(flags "on socket force cloexec") == *"SOCK_STREAM|SOCK_CLOEXEC"* ]]
    [[ $(flags keep) != *SOCK_CLOEXEC* ]]
    cat >"$BATS_TEST_TMPDIR/cloexec.py" <<'PY'
import fcntl, socket
print(fcntl.fcntl(socket.socket(), fcntl.F_GETFD))
PY
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="on socket strip cloexec" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/cloexec.py"
    [ "$output" = 0 ]
    run -0 ns env LD_PRELOAD="$LIB" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/cloexec.py"
    [ "$output" = 1 ]
}

@test "on connect: options on a socket that is not bound yet, by the peer's address" {
    holder tcp bind 127.0.0.1:0 listen
    peer=$(ns ss -Htln | awk '{print $4}')
    rule="on connect tcp address 127.0.0.0/8 port ${peer##*:} force reuseaddr"
    [ "$(under REUSESHIM_RULES="$rule" tcp connect "$peer" get reuseaddr)" = "reuseaddr=1" ]
    [ "$(under REUSESHIM_RULES="on connect tcp address 10.0.0.0/8 force reuseaddr" tcp connect "$peer" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_RULES="$rule;keep" tcp bind 127.0.0.1:0 connect "$peer" get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY=client tcp connect "$peer" get reuseaddr)" = "reuseaddr=1" ]
}

@test "the first rule that matches decides; matches are by protocol, family, address, port, class and program" {
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

@test "the rules of REUSESHIM_RULES come before those of the policy, and lines count from 1" {
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

@test "a policy file is read before the program changes its directory" {
    port=$(free_port)
    echo "tcp force reuseport" >"$BATS_TEST_TMPDIR/here.policy"
    cat >"$BATS_TEST_TMPDIR/chdir.py" <<'PY'
import os, socket, sys
os.chdir("/")
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1])))
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), flush=True)
if len(sys.argv) > 2:
    os.execv(sys.executable, [sys.executable, sys.argv[0], sys.argv[1]])
PY
    cd "$BATS_TEST_TMPDIR"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=./here.policy "$SYSTEM_PYTHON" chdir.py "$port"
    [ "$output" = 1 ]
    # reuseshim run makes the path absolute, for children that are started elsewhere.
    run -0 ns "$BUILD/reuseshim" run -p ./here.policy "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/chdir.py" "$port" again
    [ "$output" = $'1\n1' ]
}

@test "a server that sets SO_REUSEADDR itself pays no system call for it" {
    ns strace -f -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp set reuseaddr set reuseport
    [ "$(sed -n '/socket(AF/,$p' "$BATS_TEST_TMPDIR/trace" | sed 's/^[0-9]* *//; s/(.*//; /exit/d; /^+++/d' | xargs)" = \
        "socket setsockopt setsockopt" ]
}

@test "after bind the program cannot undo a rule: answered 0, recorded, not carried out" {
    port=$(free_port)
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    expect_record '.event == "change"' '.call == "setsockopt"' '.errno == null' \
        '.message | test("reuseaddr=0 is answered with success and not carried out, by restart:[0-9]+")'
    run -0 shim REUSESHIM_POLICY=exclusive "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" set reuseport=1 get reuseport
    [ "$output" = "reuseport=0" ]
    # So is one on an accepted connection: its TIME_WAIT must have the option too.
    run -0 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept \
        set reuseaddr=0 get reuseaddr
    [ "$output" = "reuseaddr=1" ]
}

@test "before bind, on port 0, and for other options the program has its way" {
    port=$(free_port)
    [ "$(under REUSESHIM_POLICY=restart tcp set reuseaddr=1 set reuseaddr=0 get reuseaddr)" = "reuseaddr=0" ]
    [ "$(under REUSESHIM_POLICY=restart tcp bind 127.0.0.1:0 set reuseaddr=1 get reuseaddr)" = "reuseaddr=1" ]
    [ "$(under REUSESHIM_POLICY=restart tcp bind 127.0.0.1:"$port" set keepalive=1 get keepalive set reuseport get reuseport)" = $'keepalive=1\nreuseport=1' ]
}

@test "an option that the socket cannot take is skipped and recorded" {
    port=$(free_port)
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_RULES="force v6only" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.event == "change"' '.message == "v6only skipped: not an IPv6 socket, by REUSESHIM_RULES:1"'
    run -0 shim REUSESHIM_LEVEL=change REUSESHIM_RULES="force v6only" "$PROGRAMS/sock" tcp6 bind [::ffff:127.0.0.1]:"$port"
    expect_record '.message | startswith("v6only skipped")'
}

@test "level change records what was changed, level trace every decision" {
    port=$(free_port)
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.event == "change"' '.call == "bind"' ".local.port == $port" '.message | test("^reuseaddr forced, by restart:[0-9]+$")'
    rm "$LOG"
    run -0 shim REUSESHIM_LEVEL=change "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    [ ! -s "$LOG" ]
    run -0 shim REUSESHIM_LEVEL=trace "$PROGRAMS/sock" udp bind 127.0.0.1:"$port"
    expect_record '.event == "trace"' '.message == "no rule matches"'
}

@test "the shipped policies are the files in policies/, to the byte" {
    for file in "$TOP"/policies/*.policy; do
        "$BUILD/unit/shipped" "$(basename "$file" .policy)" | cmp - "$file"
    done
    [ "$("$BUILD/unit/shipped" | sort)" = "$(cd "$TOP/policies" && printf '%s\n' *.policy | sed 's/\.policy$//' | sort)" ]
}

@test "README names every shipped policy, variable and option" {
    for file in "$TOP"/policies/*.policy; do
        grep -q "^| \`$(basename "$file" .policy)\` |" "$TOP/README.md"
    done
    for variable in $(grep -o '"REUSESHIM_[A-Z_]*"' "$TOP/shim/setup/settings.c" | tr -d '"'); do
        grep -q "^| \`$variable\` |" "$TOP/README.md"
    done
}
