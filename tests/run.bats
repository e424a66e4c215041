#!/usr/bin/env bats
# reuseshim run, --version, --help.

load helper

tool() {
    ns "$BUILD/reuseshim" "$@"
}

@test "--version and --help" {
    run -0 --separate-stderr tool --version
    [[ $output =~ ^reuseshim\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run -0 --separate-stderr tool --help
    [[ $output == *"reuseshim run "* ]]
    run -0 --separate-stderr tool run --help
    [[ $output == *"REUSESHIM_POLICY"*"restart, restart-now, handover"* ]]
}

@test "wrong use is told in a line and ends with 100" {
    for words in "bogus" "run" "run -x true" "run -p" "run -p nosuch true" "run -f xml true" "run -l nosuch true"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr tool $words
        [[ ${stderr_lines[-1]} == reuseshim:* ]]
        [ -z "$output" ]
    done
    run -100 --separate-stderr tool run -r "tcp port 65536 keep" true
    [ "$stderr" = "reuseshim: REUSESHIM_RULES:1: '65536': expected a port from 0 to 65535" ]
    run -100 --separate-stderr tool
    [[ ${stderr_lines[0]} == usage:* ]]
}

@test "run sets the policy, the rules, the log, the format and the level" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 tool run -p share -r "udp keep" -r "tcp keep" -l "$LOG" -f json -- "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.policy == "share"' '.rule == "REUSESHIM_RULES:2"' '.cause == "listener"'
    other=$(free_port)
    run -0 --separate-stderr tool run -v "$PROGRAMS/sock" tcp bind 127.0.0.1:"$other" get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    [[ $stderr == *"reuseaddr forced, by restart:"* ]]
    run -0 --separate-stderr tool run -vv "$PROGRAMS/sock" udp bind 127.0.0.1:"$other"
    [[ $stderr == *"no rule matches"* ]]
}

@test "rules and level of the environment are kept: -r comes before the rules, -v never lowers the level" {
    run -0 ns env REUSESHIM_RULES="udp keep" REUSESHIM_LEVEL=trace "$BUILD/reuseshim" run -r "tcp keep" -v \
        sh -c 'echo "$REUSESHIM_RULES $REUSESHIM_LEVEL"'
    [ "$output" = $'tcp keep\nudp keep trace' ]
}

@test "words of the command line are escaped before they are written" {
    run -127 ns "$BUILD/reuseshim" run /nonexistent/$'\e[31mx'
    [[ $output == *'\x1b[31mx'* ]]
    [[ $output != *$'\e'* ]]
}

@test "the exit code is the program's own; 126 and 127 as env(1)" {
    run -42 tool run sh -c 'exit 42'
    run -127 tool run /nonexistent/program
    run -126 tool run "$BATS_TEST_TMPDIR"
}

@test "an existing LD_PRELOAD is kept, and the library is not listed twice" {
    run -0 ns env LD_PRELOAD="$PROGRAMS/lib/empty.so" "$BUILD/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$LIB:$PROGRAMS/lib/empty.so" ]
    run -0 tool run "$BUILD/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$LIB" ]
}

@test "a library path that ld.so would split is refused" {
    mkdir "$BATS_TEST_TMPDIR/a b"
    cp "$BUILD/reuseshim" "$LIB" "$BATS_TEST_TMPDIR/a b/"
    run -111 ns "$BATS_TEST_TMPDIR/a b/reuseshim" run true
    [[ $output == *"cannot preload a path with a blank or colon"* ]]
}

@test "installed, it finds the library; uninstalled, nothing is left" {
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" install >/dev/null
    run -0 ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$BATS_TEST_TMPDIR/usr/lib/libreuseshim.so" ]
    cmp "$TOP/policies/restart.policy" "$BATS_TEST_TMPDIR/usr/share/reuseshim/policies/restart.policy"
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" uninstall >/dev/null
    [ -z "$(find "$BATS_TEST_TMPDIR/usr" -type f)" ]
}
