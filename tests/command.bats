#!/usr/bin/env bats
# reuseshim check, policies and log; what all subcommands have in common.
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

# ---- log ----------------------------------------------------------------------------------------------------

# Real records, of refusals by several programs on several ports.
make_records() {
    for port in 8080 8080 8081; do
        ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold >"$BATS_TEST_TMPDIR/held.$port" 2>/dev/null 3>&- &
        started+=($!)
        until_true grep -q ready "$BATS_TEST_TMPDIR/held.$port"
        shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" >/dev/null || true
    done
    shim "$PROGRAMS/legacy" 8080 2>/dev/null || true
}

@test "log: totals by port, cause, holder and program, and the first and last time, of files and of standard input" {
    make_records
    run -0 tool log "$LOG"
    [[ ${lines[0]} =~ ^4\ records,\ 20[0-9T:-]+Z\ to\ 20[0-9T:-]+Z$ ]]
    grep -qE '^ +3 +75\.0 %  tcp 8080$' <<<"$output"
    grep -qE '^ +1 +25\.0 %  tcp 8081$' <<<"$output"
    grep -qE '^ +4 +100\.0 %  listener$' <<<"$output"
    grep -qE '^ +4 +100\.0 %  sock, LISTEN$' <<<"$output"
    grep -qE '^ +1 +25\.0 %  legacy$' <<<"$output"
    from_file=$output
    run -0 tool log <"$LOG"
    [ "$output" = "$from_file" ]
    run -0 tool log - <"$LOG"
    [ "$output" = "$from_file" ]
    run -0 tool log --json "$LOG" "$LOG"
    holds '.records == 8 and .conflicts == 8 and .damaged == 0 and .ports[0] == {name: "tcp 8080", count: 6}
        and (.timeline | add) == 8 and .first < .last' <<<"$output"
    run -0 tool log -n 1 "$LOG"
    grep -qE '^ +1 +25\.0 %  others$' <<<"$output"
}

@test "log: a damaged line is counted and named by file and line, and does not end it" {
    make_records
    { head -n 1 "$LOG"; echo '{"time":"2026-11-21T12:0'; echo 'Nov 21 nginx started'; sed 's/"errno"/errno/' "$LOG" | head -n 1
      echo 'reuseshim[1] x: bind(3) failed'; echo '{"a":1}'; printf '{"time":"x","event":"conflict"}\n\n'; tail -n 1 "$LOG" | tr -d '\n'; } \
        >"$BATS_TEST_TMPDIR/damaged"
    run -0 tool log "$BATS_TEST_TMPDIR/damaged"
    [[ ${lines[0]} == "2 records, "* ]]
    [ "${lines[1]}" = "$BATS_TEST_TMPDIR/damaged:2: not a record: cut off in the middle" ]
    [[ ${lines[2]} == *":3: not a record: no JSON object" ]]
    [[ ${lines[4]} == "6 lines are not records, the first 3 are shown" ]]
    run -0 tool log --json "$BATS_TEST_TMPDIR/damaged"
    holds '.records == 2 and .damaged == 6' <<<"$output"
}

@test "log: a record that is cut, at whatever byte, is none, and never crashes it" {
    make_records
    tail -n 1 "$LOG" >"$BATS_TEST_TMPDIR/one"
    size=$(stat -c %s "$BATS_TEST_TMPDIR/one")
    LC_ALL=C awk '{ for (i = 1; i < length($0); i++) print substr($0, 1, i) }' "$BATS_TEST_TMPDIR/one" >"$BATS_TEST_TMPDIR/cut"
    run -0 tool log --json "$BATS_TEST_TMPDIR/cut"
    holds ".records == 0 and .damaged == $((size - 2))" <<<"$output"
}

@test "log: nothing, newlines, a line without end, bytes without sense and a missing file are survived and told" {
    run -0 tool log /dev/null
    [ "${lines[0]}" = "0 records" ]
    run -0 tool log < <(printf '\n\n\n')
    [ "${lines[0]}" = "0 records" ]
    run -0 tool log < <(head -c 3000000 /dev/zero | tr '\0' x; echo; head -c 200000 /dev/urandom)
    [ "${lines[0]}" = "0 records" ]
    [ "${lines[1]}" = "standard input:1: not a record: longer than a mebibyte" ]
    run -0 tool log < <(printf '%0100000d' 0 | tr 0 '['; printf '\n{"a":%s' "$(printf '%050000d' 0 | tr 0 '[')")
    [ "${lines[0]}" = "0 records" ]
    run -111 --separate-stderr tool log /nonexistent /dev/null
    [ "${lines[0]}" = "0 records" ]
    [[ $stderr == "reuseshim: /nonexistent: No such file or directory" ]]
}

@test "log: times in any order, years apart, fill one timeline, with bars that the locale can show" {
    for time in 2026-11-21T12:00:00 2019-01-01T00:00:00 2026-11-21T12:00:01 2031-05-05T05:05:05 2019-01-01T00:00:01 2024-02-29T23:59:59; do
        echo "{\"time\":\"$time.000000Z\",\"event\":\"conflict\"}"
    done >"$BATS_TEST_TMPDIR/years"
    run -0 tool log --json "$BATS_TEST_TMPDIR/years"
    holds '.first == "2019-01-01T00:00:00.000000Z" and .last == "2031-05-05T05:05:05.000000Z" and (.timeline | add) == 6
        and .timeline_start <= .first' <<<"$output"
    run -0 env LC_ALL=C.UTF-8 "$BUILD/reuseshim" log "$BATS_TEST_TMPDIR/years"
    [[ ${lines[2]} == "  █"* ]]
    run -0 env LC_ALL=C "$BUILD/reuseshim" log "$BATS_TEST_TMPDIR/years"
    [[ ${lines[2]} == "  #"* ]]
}

@test "log: takes as JSON what jq takes, and refuses what it refuses" {
    begin='{"time":"2026-11-21T12:00:00Z","event":"conflict"'
    {
        for value in 0 -0 12 -1.5e+10 1E9 0.5 '"\u00e9\n"' '[]' '{}' '[1,[2,{"a":null}]]' true false null; do
            echo "$begin,\"x\":$value}"
        done
        echo "  $begin}"
        echo "$begin,\"holders\":[null]}"
        printf '%s}\r\n\r\n' "$begin"
    } >"$BATS_TEST_TMPDIR/good"
    run -0 tool log --json "$BATS_TEST_TMPDIR/good"
    holds '.records == 16 and .damaged == 0' <<<"$output"
    for value in - 1. .5 01 1e 1-2.e+ '"\u12"' '"\uzzzz"' '"\x"' '[1,]' '{"a"}' '{,}' nul truely ''; do
        echo "$begin,\"x\":$value}"
    done >"$BATS_TEST_TMPDIR/bad"
    for time in 2026-11X21T12:00:00Z 2026-12-99T12:00:00Z 2026-12-01T24:00:00Z 2026-12-01T12:60:00Z 1969-12-31T23:59:59Z 2300-01-01T00:00:00Z; do
        echo "{\"time\":\"$time\",\"event\":\"conflict\"}"
    done >>"$BATS_TEST_TMPDIR/bad"
    run -0 tool log --json "$BATS_TEST_TMPDIR/bad"
    holds ".records == 0 and .damaged == $(wc -l <"$BATS_TEST_TMPDIR/bad")" <<<"$output"
}

@test "log: names come out as they went in, long paths stay apart, and lost records add up" {
    for path in one two; do
        jq -nc --arg path "/run/containerd/$(printf '%080d' 0)/$path.sock" '{time: "2026-11-21T12:00:00Z", event: "conflict",
            program: "a\"b\\c\td", protocol: "unix", local: {path: $path}, lost: 5000000000}'
    done >"$BATS_TEST_TMPDIR/names"
    run -0 tool log --json "$BATS_TEST_TMPDIR/names"
    holds '.programs == [{name: "a\"b\\c\td", count: 2}] and (.ports | length) == 2 and .lost == 10000000000' <<<"$output"
}

@test "log: what a record says cannot write to the terminal" {
    printf '{"time":"2026-11-21T12:00:00Z","event":"conflict","program":"a\\u001b[31m\x7f\xc2\x9b","cause":"\xff"}\n' >"$BATS_TEST_TMPDIR/evil"
    run -0 tool log "$BATS_TEST_TMPDIR/evil"
    cp "$BATS_TEST_TMPDIR/evil" "$BATS_TEST_TMPDIR/"$'name\e[31m'
    echo bad >>"$BATS_TEST_TMPDIR/"$'name\e[31m'
    run -0 tool log "$BATS_TEST_TMPDIR/evil" "$BATS_TEST_TMPDIR/"$'name\e[31m'
    [[ $output == *'name\x1b[31m:2: not a record'* ]]
    run -1 grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
}

# ---- much of it ------------------------------------------------------------------------------------------------
# bats file_tags=

@test "log: what it keeps does not grow with the records: 300 MB of them are counted right in 32 MB" {
    make_records
    run -0 --separate-stderr bash -c 'yes "$(cat "$1")" | head -n 200000 | (ulimit -v 32768 && exec "$0" log)' "$BUILD/reuseshim" "$LOG"
    [[ ${lines[0]} == "200,000 records, "* ]]
    [ -z "$stderr" ] # a pipe is shown no progress
}

# cpu COMMAND...: milliseconds of user and system time that the command takes; what it prints is thrown away.
cpu() {
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{print ($1 + $2) * 1000}'
}

@test "log: it takes less than half the time of jq, which only reads the same records" {
    make_records
    yes "$(cat "$LOG")" | head -n 20000 >"$BATS_TEST_TMPDIR/many"
    ours=$(cpu tool log "$BATS_TEST_TMPDIR/many") jqs=$(cpu jq -c .cause "$BATS_TEST_TMPDIR/many")
    echo "reuseshim log: $ours ms, jq: $jqs ms"
    [ "$((2 * ours))" -lt "$jqs" ]
}

@test "log: on a terminal it shows how far it has come" {
    make_records
    run -0 script -qec "timeout 2 yes '$(cat "$LOG")' | $BUILD/reuseshim log" /dev/null
    [[ $output == *$'\r'*" records, "*" MB"*$'\r'* ]]
}
