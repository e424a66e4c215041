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
    run -100 --separate-stderr tool log --html
    [[ $stderr == *"--html: expected a value"* ]]
    run -100 --separate-stderr tool why --re 80
    [[ $stderr == *"--re: more than one option begins like that"* ]]
    run -100 --separate-stderr tool log --top
    [[ $stderr == *"expected a value"* ]]
    for words in "check restart share" "policies restart share" "log -n 0" "log -n x" "unit" "unit a b" "run" "run --" "wait" "wait 1 2"; do
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

# doubts RULES: the warnings, without the place of the text.
doubts() {
    run -0 --separate-stderr tool check - < <(printf '%s' "$1")
    [ -z "$stderr" ] || printf '%s\n' "${stderr_lines[@]#reuseshim: standard input}"
}

@test "check: a rule behind one that decides first, and one that acts on nothing, gets a warning with both lines" {
    [ "$(doubts $'tcp keep\n# http\ntcp port 80 force reuseaddr\n')" = ":3: never matches: what it is about is decided before it, by line 1" ]
    [ "$(doubts $'port 1-100 keep\nport 700 keep\nport 90-200 keep\nport 50-150 keep')" = ":4: never matches: what it is about is decided before it, by lines 1, 3" ]
    for rules in "ipv4 keep;ipv4 address 10.0.0.1 keep" "program ngin* keep;program nginx wait 5s" "unix keep;path /run/* evict" \
        "loopback keep;address 127.0.0.1 keep" "address 10.0.0.0/8 keep;address 10.1.0.0/16 keep" "multicast keep;udp address 224.0.0.251 force reuseaddr" \
        "multicast keep;address ::ffff:224.0.0.251 keep"; do
        [[ $(doubts "$(tr ';' '\n' <<<"$rules")") == ":2: never matches: "*" line 1" ]]
    done
    [[ $(doubts "udp port 53 evict") == ":1: evict does nothing"*UDP* ]]
    [[ $(doubts "on listen udp keep") == ":1: "*"never listen" ]]
    [[ $(doubts "loopback address 10.0.0.0/8 keep") == ":1: never matches: no address"*loopback ]]
    # In JSON the warning is with its rule.
    run -0 --separate-stderr tool check --json - < <(printf 'tcp keep\ntcp ipv4 keep\nudp keep\n')
    [ "$(jq -sc 'map(.warning | . != null)' <<<"$output")" = "[false,true,false]" ]
    [ -z "$stderr" ]
}

@test "check: a rule that may still match gets no warning, nor does any shipped policy" {
    for rules in "tcp keep;on listen tcp keep" "tcp keep;udp keep;port 80 keep" "port 80 keep;port 80-81 keep" \
        "program nginx keep;port 80 keep" "program n*x keep;program ng* keep" "address 127.0.0.1 keep;loopback keep" "tcp keep;unix keep" \
        "multicast keep;address 224.0.0.0/3 keep" "tcp evict"; do
        [ -z "$(doubts "$(tr ';' '\n' <<<"$rules")")" ] || { echo "$rules" >&2; false; }
    done
    for file in "$TOP"/policies/*.policy; do
        run -0 --separate-stderr tool check "$file"
        [ -z "$stderr" ]
    done
    # What REUSESHIM_RULES decides before a policy is meant to be decided.
    REUSESHIM_RULES=keep run -0 --separate-stderr tool check
    [ -z "$stderr" ]
}

@test "check: '-' and a file on standard input are read as a policy; a script that calls it is not" {
    printf 'tcp keep\nudp bogus\n' >"$BATS_TEST_TMPDIR/policy"
    for way in "check -" "check"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr tool $way <"$BATS_TEST_TMPDIR/policy"
        [[ $stderr == "reuseshim: standard input:2: 'bogus': expected "* ]]
        [ -z "$output" ]
    done
    run -0 tool check - < <(echo "tcp keep")
    [ "$output" = "standard input:1  on bind tcp keep" ]
    run -100 tool check - </dev/null
    run -100 tool check - < <(head -c 1100000 /dev/zero | tr '\0' '#')
    [[ $output == *"at most 1 MiB"* ]]
    printf '%s check\nexit\n' "$BUILD/reuseshim" >"$BATS_TEST_TMPDIR/script"
    run -0 sh <"$BATS_TEST_TMPDIR/script"
    [[ $output == "restart:"* ]]
}



# ---- much of it ------------------------------------------------------------------------------------------------
# bats file_tags=

@test "check: a policy of a mebibyte, with as many rules as there can be, takes no longer than reading it" {
    seq -f 'port %.0f keep' 0 65535 >"$BATS_TEST_TMPDIR/many"
    yes "udp keep" | head -n 110000 >"$BATS_TEST_TMPDIR/same"
    for file in many same; do
        run -0 timeout "$PATIENCE" "$BUILD/reuseshim" check --json "$BATS_TEST_TMPDIR/$file"
        [ "${#lines[@]}" = "$(wc -l <"$BATS_TEST_TMPDIR/$file")" ]
    done
}
