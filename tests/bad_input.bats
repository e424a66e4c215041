#!/usr/bin/env bats
# Bad input gives one line that names the place, the word and what was expected; it changes no option and leaves the
# program running, or ends it with 78 where that was asked for.
# bats file_tags=quick

load helper

# bad SETTING... -- PATTERN: with these settings there is exactly one line, it matches, and nothing is changed. A pattern names
# the place and the word, and as few words of the rest as tell one error from another.
bad() {
    local settings=()
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    local port
    port=$(free_port)
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" "${settings[@]}" "$PROGRAMS/sock" \
        tcp bind 127.0.0.1:"$port" get reuseaddr get reuseport tcp6 bind [::1]:"$port" get reuseaddr
    if [ "$output" != $'reuseaddr=0\nreuseport=0\nreuseaddr=0' ] || [ "${#stderr_lines[@]}" != 1 ] ||
        [[ $stderr != reuseshim\[*\]\ sock:\ $2 ]]; then
        printf '%s\n' "stdout: $output" "stderr: $stderr" "wanted: $2" >&2
        return 1
    fi
    run -78 --separate-stderr ns env LD_PRELOAD="$LIB" "${settings[@]}" REUSESHIM_ON_ERROR=exit true
    [ "${#stderr_lines[@]}" = 1 ]
    [[ $stderr == reuseshim\[*\]\ true:\ $2 ]]
}

rules() {
    bad REUSESHIM_RULES="$1" -- "$2"
}

file() {
    bad REUSESHIM_POLICY="$BATS_TEST_TMPDIR/policy" -- "$1"
}

@test "an unknown policy is named, with the shipped ones" {
    bad REUSESHIM_POLICY=restrat -- "REUSESHIM_POLICY: 'restrat': expected restart, *or the path of a policy file*"
}

@test "a policy file that is not there or may not be read is named with the reason" {
    needs_root
    bad REUSESHIM_POLICY=/nonexistent/policy -- \
        "REUSESHIM_POLICY: '/nonexistent/policy': *ENOENT*"
    open_folder
    cp "$LIB" "$PROGRAMS/sock" "$open"
    install -m 0 /dev/null "$open/secret"
    port=$(free_port)
    run -0 --separate-stderr ns setpriv --reuid=4711 --regid=4711 --clear-groups \
        env LD_PRELOAD="$open/libreuseshim.so" REUSESHIM_POLICY="$open/secret" "$open/sock" tcp bind 127.0.0.1:"$port"
    [[ $stderr == *EACCES* ]]
}

@test "a policy that is a directory, a device or a FIFO is refused, and nothing waits for its writer" {
    bad REUSESHIM_POLICY="$BATS_TEST_TMPDIR" -- "REUSESHIM_POLICY: *'*EISDIR*"
    bad REUSESHIM_POLICY=/dev/zero -- "REUSESHIM_POLICY: '/dev/zero'*EINVAL*"
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    bad REUSESHIM_POLICY="$BATS_TEST_TMPDIR/fifo" -- "REUSESHIM_POLICY: *'*EINVAL*"
}

@test "a policy file without a rule, empty or all comments, is an error" {
    : >"$BATS_TEST_TMPDIR/policy"
    file "*policy:1: '': no rule in it; expected at least one*"
    printf '# nothing\n\n' >"$BATS_TEST_TMPDIR/policy"
    file "*policy:3: '': no rule in it; expected at least one*"
}

@test "a megabyte of random bytes is one error, and so is a file larger than a policy can be" {
    head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/policy"
    file "*policy:[0-9]*: '*': *expected *"
    head -c 3000000 /dev/zero >"$BATS_TEST_TMPDIR/policy"
    file "REUSESHIM_POLICY: *'*EFBIG*1 MiB*"
}

@test "a rule of 10,000 words, or of a word of 40,000 letters, is told in one line" {
    rules "$(printf 'tcp %.0s' $(seq 10000))" "REUSESHIM_RULES:1: 'tcp': *twice*"
    rules "$(printf 'word%.0s' $(seq 10000))" "REUSESHIM_RULES:1: 'wordword*...': expected a match*"
}

@test "a NUL byte in a policy file is named by its line" {
    printf 'tcp force reuse\0addr\n' >"$BATS_TEST_TMPDIR/policy"
    file "*policy:1: '\\\\x00': *NUL*"
}

@test "CRLF line ends are named for what they are" {
    printf '# fine\ntcp force reuseaddr\r\n' >"$BATS_TEST_TMPDIR/policy"
    file "*policy:2: '\\\\x0d': *LF*CRLF*"
}

@test "an unknown word is named by its line, with the words that could stand there" {
    rules "tcp prot 80 force reuseaddr" "REUSESHIM_RULES:1: 'prot': expected a match (tcp, *) or an action (force, *)"
    printf 'udp keep\n\ntcp force reuseadr\n' >"$BATS_TEST_TMPDIR/policy"
    file "*policy:3: 'reuseadr': expected an option: reuseaddr, *"
}

@test "an option that is given twice in a rule is named" {
    rules "force reuseaddr,reuseaddr" "REUSESHIM_RULES:1: 'reuseaddr': *twice*"
    rules "force reuseaddr force reuseaddr" "REUSESHIM_RULES:1: 'reuseaddr': *twice*"
    rules "strip v6only strip v6only" "REUSESHIM_RULES:1: 'v6only': *twice*"
}

@test "actions that contradict each other are named" {
    rules "force reuseaddr strip reuseaddr" "REUSESHIM_RULES:1: 'reuseaddr': *two of force, strip and retry*"
    rules "tcp force reuseaddr retry reuseaddr" "REUSESHIM_RULES:1: 'reuseaddr': *two of force, strip and retry*"
    rules "on connect tcp retry reuseaddr" "REUSESHIM_RULES:1: 'reuseaddr': *bind or listen*"
    rules "on listen tcp force v6only" "REUSESHIM_RULES:1: 'v6only': *at listen*"
    rules "on listen tcp wait 5s" "REUSESHIM_RULES:1: 'wait': *at bind and listen*"
    rules "keep force reuseaddr" "REUSESHIM_RULES:1: 'keep': *contradicts*expected it alone"
    rules "force reuseaddr keep" "REUSESHIM_RULES:1: 'keep': *contradicts*"
}

@test "a port that is none, and a list of ports with a hole, are named" {
    rules "port 65536 keep" "REUSESHIM_RULES:1: '65536': expected *0 to 65535*"
    rules "port 99999999999999999999 keep" "REUSESHIM_RULES:1: '99999999999999999999': expected a port*"
    rules "port -1 keep" "REUSESHIM_RULES:1: '-1': expected a port*"
    rules "port 80, keep" "REUSESHIM_RULES:1: '80,': expected *comma*"
    rules "port 1,,2 keep" "REUSESHIM_RULES:1: '1,,2': expected a port*"
}

@test "a range of ports that runs backwards, has no end or is one of too many is named" {
    rules "port 8099-8000 keep" "REUSESHIM_RULES:1: '8099-8000': expected *lower*"
    rules "port 80- keep" "REUSESHIM_RULES:1: '80-': expected a range*"
    rules "port $(seq -s, 40) keep" "REUSESHIM_RULES:1: '33': expected *32 *"
}

@test "an address that is none, and a prefix that is too long, are named" {
    rules "address 10.0.0.0/33 keep" "REUSESHIM_RULES:1: '10.0.0.0/33': expected a prefix length from 0 to 32*"
    rules "address ::/129 keep" "REUSESHIM_RULES:1: '::/129': expected a prefix length from 0 to 128*"
    rules "address 10.0.0.256 keep" "REUSESHIM_RULES:1: '10.0.0.256': expected an address*"
    rules "address 010.0.0.1 keep" "REUSESHIM_RULES:1: '010.0.0.1': expected an address*"
    rules "address 1::2::3 keep" "REUSESHIM_RULES:1: '1::2::3': expected an address*"
    rules "address localhost keep" "REUSESHIM_RULES:1: 'localhost': expected an address*"
}

@test "the name of a program and a path that are too long are named" {
    long=$(printf 'x%.0s' {1..256})
    rules "program $long keep" "REUSESHIM_RULES:1: 'xxx*expected a file name of at most 255 bytes"
    rules "path /$long keep" "REUSESHIM_RULES:1: '/xxx*expected a path of at most 255 bytes"
    port=$(free_port)
    for good in "program ${long#x} keep" "path /${long#xx} keep"; do
        run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="$good" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
        [ -z "$stderr" ]
    done
}

@test "words that are right one by one and wrong together are named with what they contradict" {
    rules "tcp udp keep" "REUSESHIM_RULES:1: 'udp': contradicts 'tcp'*"
    rules "ipv4 force v6only" "REUSESHIM_RULES:1: 'v6only': *IPv6*"
    rules "ipv4 address ::1 keep" "REUSESHIM_RULES:1: 'address': *IPv6*"
    rules "wildcard address 10.0.0.1 keep" "REUSESHIM_RULES:1: 'wildcard': contradicts the address*"
    rules "multicast loopback keep" "REUSESHIM_RULES:1: 'loopback': contradicts 'multicast'*"
    rules "on socket port 80 keep" "REUSESHIM_RULES:1: 'port': *on socket*"
    rules "force cloexec" "REUSESHIM_RULES:1: 'cloexec': *on socket*"
    rules "on connect wait 5s" "REUSESHIM_RULES:1: 'wait': *bind*"
    rules "force reuseaddr tcp" "REUSESHIM_RULES:1: 'tcp': *match*before*"
    rules "tcp" "REUSESHIM_RULES:1: 'tcp': expected an action*"
    rules "tcp port" "REUSESHIM_RULES:1: 'port': expected ports such as*behind it"
    rules "udp keep; tcp force" "REUSESHIM_RULES:2: 'force': expected options*"
    rules "force reuseaddr, reuseport" "REUSESHIM_RULES:1: 'reuseaddr,': expected *comma*"
    rules "program /bin/true keep" "REUSESHIM_RULES:1: '/bin/true': expected *'/'*"
}

@test "a system that nobody emulates is named, with those that are" {
    rules "tcp emulate plan9" "REUSESHIM_RULES:1: 'plan9': expected a system: bsd, *"
    rules "tcp emulate" "REUSESHIM_RULES:1: 'emulate': expected a system *"
    rules "tcp exclusive" "REUSESHIM_RULES:1: 'exclusive': expected a rule with 'emulate' windows, *"
}

@test "a duration without a unit, of nothing or of more than a day is named" {
    rules "tcp wait 0s" "REUSESHIM_RULES:1: '0s': expected a duration*"
    rules "tcp wait 25000m" "REUSESHIM_RULES:1: '25000m': expected a duration*"
    rules "tcp wait 5" "REUSESHIM_RULES:1: '5': expected a duration*500ms*"
}

@test "what a rule about AF_UNIX cannot have is named" {
    rules "unix port 80 evict" "REUSESHIM_RULES:1: 'port': *AF_UNIX*"
    rules "unix force reuseaddr" "REUSESHIM_RULES:1: 'reuseaddr': *AF_UNIX*evict, wait*keep*"
    rules "tcp path /run/x evict" "REUSESHIM_RULES:1: 'path': *AF_UNIX*contradicts*"
    rules "unix tcp evict" "REUSESHIM_RULES:1: 'tcp': contradicts 'unix'*"
    rules "on socket unix keep" "REUSESHIM_RULES:1: 'on': *AF_UNIX*expected*"
    rules "path" "REUSESHIM_RULES:1: 'path': expected *path*"
}

@test "a wrong rule spoils the right one before it: nothing is half applied" {
    rules "tcp force reuseaddr;bogus" "REUSESHIM_RULES:2: 'bogus': expected*"
}

@test "a bad value of any other variable is named with the values that it takes" {
    bad REUSESHIM_LOG=journald -- "REUSESHIM_LOG: 'journald': expected auto, * or none"
    bad REUSESHIM_LOG=relative/path -- "REUSESHIM_LOG: 'relative/path': expected*"
    bad REUSESHIM_LOG=fd:x -- "REUSESHIM_LOG: 'fd:x': expected*"
    bad REUSESHIM_FORMAT=xml -- "REUSESHIM_FORMAT: 'xml': expected text or json"
    bad REUSESHIM_LEVEL=loud -- "REUSESHIM_LEVEL: 'loud': expected error, conflict, change or trace"
    bad REUSESHIM_DIAGNOSE=maybe -- "REUSESHIM_DIAGNOSE: 'maybe': expected auto, always or never"
    for value in 0 60001 -5 1e3 ""x; do
        bad REUSESHIM_BUDGET_MS="$value" -- "REUSESHIM_BUDGET_MS: '$value': expected milliseconds from 1 to 60000"
    done
}

@test "a bad REUSESHIM_ON_ERROR is named and only warns" {
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_ON_ERROR=explode "$PROGRAMS/sock" tcp
    [[ $stderr == *"REUSESHIM_ON_ERROR: 'explode': expected warn or exit" ]]
}

@test "a misspelt variable is told once, with the one that was meant, and the policy in force stays in force" {
    port=$(free_port)
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_POLCIY=share REUSESHIM_ON_ERROR=exit "$PROGRAMS/sock" \
        tcp bind 127.0.0.1:"$port" listen get reuseaddr get reuseport
    [ "$output" = $'reuseaddr=1\nreuseport=0' ]
    [ "${#stderr_lines[@]}" = 1 ]
    [[ $stderr == "reuseshim["*"] sock: REUSESHIM_POLCIY: no such variable; expected REUSESHIM_POLICY" ]]
    # Beside an error, which counts; alone it ends nothing.
    run -78 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_LEVLE=trace REUSESHIM_POLICY=nosuch REUSESHIM_ON_ERROR=exit true
    [ "${#stderr_lines[@]}" = 2 ]
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_TEST_POLCIY=share REUSESHIM_POLCIY= "$PROGRAMS/sock" tcp bind 127.0.0.1:0
    [ -z "$stderr" ]
    shim REUSESHIM_LEVEL=error REUSESHIM_POLCIY=share "$PROGRAMS/sock" tcp bind 127.0.0.1:0
    expect_record '.event == "error"' '.message | startswith("REUSESHIM_POLCIY: ")'
}

@test "a program that makes no socket is told nothing, nor are the children of a shell" {
    run -0 --separate-stderr env LD_PRELOAD="$LIB" REUSESHIM_POLICY=bogus sh -c 'true; sed q /dev/null; cat /dev/null'
    [ -z "$stderr$output" ]
}

@test "with an error in the settings a conflict is still explained, after the error" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_POLICY=bogus "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$(jq -r .event "$LOG" | xargs)" = "error conflict" ]
    expect_record '.cause == "listener"' '.policy == null' '.rule == null'
    head -n 1 "$LOG" | holds ".message | startswith(\"REUSESHIM_POLICY: 'bogus'\")"
}
