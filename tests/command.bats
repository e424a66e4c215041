#!/usr/bin/env bats
# reuseshim check and policies; what all subcommands have in common. reuseshim log is in summary.bats.
# bats file_tags=quick

load helper

tool() {
    "$BUILD/reuseshim" "$@"
}

@test "each subcommand that --help names has a --help of its own, on standard output, and ends with 0" {
    [ "$(subcommands | wc -l)" -ge 6 ]
    for subcommand in $(subcommands); do
        run -0 --separate-stderr tool "$subcommand" --help
        [[ $output == "usage: reuseshim $subcommand "* ]]
        [ -z "$stderr" ]
        [ "$(tool "$subcommand" -h)" = "$output" ]
    done
}

@test "an unknown subcommand, option or surplus word is named with what was expected, and ends with 100" {
    run -100 --separate-stderr tool bogus
    [[ $stderr == "reuseshim: 'bogus': expected "* ]]
    for word in $(subcommands) --version --help; do
        [[ " ${stderr#*expected} " == *" $word"[,\ ]* ]]
    done
    for subcommand in $(subcommands); do
        run -100 --separate-stderr tool "$subcommand" --bogus
        [[ $stderr == *"--bogus"*"see 'reuseshim $subcommand --help'"* ]]
        [ -z "$output" ]
    done
    run -100 --separate-stderr tool check --json=foo
    [[ $stderr == *"--json=foo: takes no value"* ]]
    run -100 --separate-stderr tool why --re 80
    [[ $stderr == *"--re: more than one option begins like that"* ]]
    run -100 --separate-stderr tool log --top
    [[ $stderr == *"expected a value"* ]]
    for words in "check restart share" "policies restart share" "log -n 0" "log -n x" "unit" "unit a b" "run" "run --" "why"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr tool $words
        [[ ${stderr_lines[-1]} == "reuseshim: "* ]]
    done
}

@test "a word of the command line is escaped before a message shows it" {
    for subcommand in "" $(subcommands); do
        # Two of them take it for a file, one of which runs it.
        case $subcommand in run) code=127 ;; log) code=111 ;; *) code=100 ;; esac
        # shellcheck disable=SC2086
        run -$code --separate-stderr tool $subcommand $'x\e[31m'
        [[ $stderr == *'x\x1b[31m'* ]]
        [[ $stderr != *$'\e'* ]]
    done
}

# ---- check, policies ----------------------------------------------------------------------------------------

@test "policies: lists all that are shipped, and prints the text of one as it stands in its file" {
    tool policies >"$BATS_TEST_TMPDIR/list"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/list")" = "$(find "$TOP/policies" -name '*.policy' | wc -l)" ]
    for file in "$TOP"/policies/*.policy; do
        name=$(basename "$file" .policy)
        grep -qE "^$name +[a-z]" "$BATS_TEST_TMPDIR/list"
        tool policies "$name" | cmp - "$file"
        tool policies --json "$name" | holds ".name == \"$name\" and .text == \$text" --rawfile text "$file"
    done
    run -100 tool policies nosuch
}

@test "check: what it prints is the policy itself: parsed again, nothing changes" {
    for file in "$TOP"/policies/*.policy "$BATS_TEST_TMPDIR/all.policy"; do
        [ -e "$file" ] || cat >"$file" <<'P'
tcp port 80,443,8000-8099 program nginx* force reuseaddr,reuseport wait 1500ms; udp multicast strip reuseport watch
ipv6 address 2001:db8::/32 force v6only   # a comment
address 0.0.0.0 keep
address 10.1.2.3/8 keep; loopback keep
on connect tcp ipv4 force bind-address-no-port; on socket udp strip cloexec
unix path /run/*.sock evict wait 2m
port 0 evict
P
        tool check "$file" | sed 's/^[^ ]*  //' >"$BATS_TEST_TMPDIR/once.policy"
        [ -s "$BATS_TEST_TMPDIR/once.policy" ]
        tool check "$BATS_TEST_TMPDIR/once.policy" | sed 's/^[^ ]*  //' | cmp - "$BATS_TEST_TMPDIR/once.policy"
    done
    grep -qx 'on bind tcp port 80,443,8000-8099 program nginx\* force reuseaddr,reuseport wait 1500ms' "$BATS_TEST_TMPDIR/once.policy"
    grep -qx 'on bind unix path /run/\*.sock evict wait 120s' "$BATS_TEST_TMPDIR/once.policy"
}

@test "check: names file and line of each rule and of an error, and prints nothing of a policy with an error" {
    printf 'tcp keep\n\nudp keep; port 70000 keep\n' >"$BATS_TEST_TMPDIR/bad.policy"
    run -100 --separate-stderr tool check "$BATS_TEST_TMPDIR/bad.policy"
    [[ $stderr == "reuseshim: $BATS_TEST_TMPDIR/bad.policy:3: '70000': expected "* ]]
    [ -z "$output" ]
    printf 'tcp keep\n\nudp keep\n' >"$BATS_TEST_TMPDIR/good.policy"
    run -0 tool check --json "$BATS_TEST_TMPDIR/good.policy"
    [ "$(jq -r .place <<<"${lines[1]}")" = "$BATS_TEST_TMPDIR/good.policy:3" ]
    cd "$BATS_TEST_TMPDIR" && run -0 tool check good.policy
    for path in /nonexistent "$BATS_TEST_TMPDIR" /dev/null/x; do
        run -100 tool check "$path"
    done
}

@test "check: without an argument checks the variables and prints rules and policy in the order in which they count" {
    REUSESHIM_RULES="udp keep" REUSESHIM_POLICY=share run -0 tool check
    [ "${lines[0]}" = "REUSESHIM_RULES:1  on bind udp keep" ]
    [[ ${lines[1]} == "share:"* ]]
    REUSESHIM_LOG=nowhere run -100 tool check
    [[ $output == *"REUSESHIM_LOG: 'nowhere': expected "* ]]
    REUSESHIM_RULES=bogus run -100 tool check
    REUSESHIM_POLICY=nosuch run -100 tool check
}
