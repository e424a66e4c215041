#!/usr/bin/env bats
# reuseshim matrix: who may bind beside whom, here and on other systems. The models themselves are in unit/systems.c.
# bats file_tags=quick

load helper

matrix() {
    "$BUILD/reuseshim" matrix "$@"
}

@test "what this kernel answers is what its model says, in every row" {
    matrix --csv --system linux >"$BATS_TEST_TMPDIR/rows"
    [ "$(head -n 1 "$BATS_TEST_TMPDIR/rows")" = "protocol,mode,address1,address2,options1,options2,user,measured,linux" ]
    awk -F, 'NR > 1 && $8 != "not measured here" && $8 != $9 {print; bad++} $8 == "ok" {ok++} END {exit bad || ok < 400}' \
        "$BATS_TEST_TMPDIR/rows"
    # Each row once.
    [ "$(cut -d, -f1-7 "$BATS_TEST_TMPDIR/rows" | sort | uniq -d | wc -l)" = 0 ]
}

@test "SO_REUSEADDR gets past TIME_WAIT only if both have it; nothing gets past a listener but SO_REUSEPORT" {
    rows=$(matrix --csv --only tcp --only same --only 127.0.0.1)
    answer() { grep -F "$1" <<<"$rows"; }
    [ "$(answer 'tcp,time-wait,127.0.0.1,127.0.0.1,A,A,same')" = "tcp,time-wait,127.0.0.1,127.0.0.1,A,A,same,ok" ]
    [ "$(answer 'tcp,time-wait,127.0.0.1,127.0.0.1,-,A,same')" = "tcp,time-wait,127.0.0.1,127.0.0.1,-,A,same,EADDRINUSE" ]
    [ "$(answer 'tcp,listen,127.0.0.1,127.0.0.1,A,A,same')" = "tcp,listen,127.0.0.1,127.0.0.1,A,A,same,EADDRINUSE" ]
    [ "$(answer 'tcp,listen,127.0.0.1,127.0.0.1,P,P,same')" = "tcp,listen,127.0.0.1,127.0.0.1,P,P,same,ok" ]
}

@test "an ordinary user, who has no second user at hand, sees those rows marked and not left out" {
    needs_root
    open_folder
    install -m 755 "$BUILD/reuseshim" "$open"
    run -0 setpriv --reuid=4711 --regid=4711 --clear-groups "$open/reuseshim" matrix --csv --only udp --only none
    [ "$(grep -c ',different,not measured here$' <<<"$output")" -gt 100 ]
    [ "$(grep -c ',same,ok$' <<<"$output")" -gt 20 ]
    run ! grep -q ',same,not measured here' <<<"$output"
}

@test "a situation is explained for every system, with its reason" {
    run -0 matrix --explain 'udp 0.0.0.0:5353 A + 127.0.0.1:5353 P'
    [ "${#lines[@]}" = 12 ]
    [[ $output == *"linux        EADDRINUSE   the same option has to be on both sockets"* ]]
    [[ $output == *"macos        ok           a reuse option of the newcomer alone"* ]]
    [[ $output == *"windows      ENOPROTOOPT  it has no such option"* ]]
    run -0 matrix --system windows --explain 'tcp *:80 + 10.0.0.1:80 other-user'
    [[ $output == "windows      EACCES       another user has the wildcard" ]]
    run -0 matrix --json --system linux --system freebsd --explain 'tcp 10.0.0.1:80 A time-wait + *:80 A'
    [ "$(jq -r '.system + " " + .answer' <<<"$output" | xargs)" = "freebsd ok linux ok" ]
}

@test "of several systems each is a column, and another answer than here has a star" {
    run -0 matrix --system macos --system windows --only udp --only none --only same --only A --only -
    [ "$(head -n 1 <<<"$output" | awk '{print $NF}')" = windows ]
    grep -q '0.0.0.0   -   + 127.0.0.1 A .*EADDRINUSE  *ok\*' <<<"$output"
    matrix --json --system macos --only multicast | jq -se 'length > 50 and all(.systems.macos.answer)' >/dev/null
}

@test "the summary has a line for each system" {
    run -0 matrix --summary
    [ "${#lines[@]}" = 13 ]
    [[ ${lines[11]} == "linux "*" 0 are answered in another way than here" ]]
    run -0 matrix --summary --json --system netbsd
    [ "$(jq -s 'length' <<<"$output")" = 2 ]
}

@test "it disturbs no port of the machine" {
    run -0 ns strace -f -qq -e trace=unshare,bind "$BUILD/reuseshim" matrix --summary
    [ "$(grep -n -m 1 unshare <<<"$output" | cut -d: -f1)" -lt "$(grep -n -m 1 'bind(' <<<"$output" | cut -d: -f1)" ]
}

@test "what is not understood is named, with what was expected" {
    run -100 matrix --system plan9
    [ "$output" = "reuseshim: matrix: --system: 'plan9': expected bsd, freebsd, openbsd, netbsd, macos, solaris, illumos, windows, windows-xp, linux-2.6, linux, android, or all" ]
    run -100 matrix --explain 'sctp 1.2.3.4:5'
    [[ $output == "reuseshim: matrix: --explain: 'sctp': expected tcp or udp" ]]
    run -100 matrix --explain 'tcp 1.2.3.4:5 B + 1.2.3.4:5'
    [[ $output == "reuseshim: matrix: --explain: 'B': expected letters of "* ]]
    run -100 matrix --explain 'tcp 1.2.3.4:5 + 1.2.3.4:6'
    [[ $output == *"'5': expected the same port for all; different ones never meet" ]]
    run -100 matrix --explain 'tcp 1.2.3.4:5 +'
    [[ $output == *"'+': expected an address and a port behind it" ]]
    run -100 matrix --explain 'tcp 1.2.3:5'
    [[ $output == *"1.2.3"* ]]
    for words in '' 'tcp' 'tcp 80' 'tcp *:80 nonsense' 'tcp *:0'; do
        run -100 matrix --explain "$words"
        [ "${#lines[@]}" = 1 ]
    done
    run -100 matrix --csv --only nothing
    [ "$output" = "reuseshim: matrix: --only: no row has all of these words" ]
    run -100 matrix --only 1 --only 2 --only 3 --only 4 --only 5 --only 6 --only 7 --only 8 --only nine
    [ "$output" = "reuseshim: matrix: --only: 'nine': expected at most eight words" ]
    run -100 matrix here
}

# ---- what reuseshim-semantics(7) says of Linux ------------------------------------------------------------------

@test "two can bind with SO_REUSEADDR, and one can listen" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port" listen
    run ! ns "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    port=$(free_port)
    run -1 ns "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.1:"$port" listen back listen
    [[ $output == *"listen: EADDRINUSE" ]]
}

# answers WORD...: the rows that have these words, without their answer where it is the last column.
answers() {
    local words=()
    for word; do words+=(--only "$word"); done
    matrix --csv "${words[@]}" | tail -n +2
}

@test "of UDP, SO_REUSEADDR on both is enough for any user; SO_REUSEPORT is for one user, and root is no exception" {
    needs_root
    rows=$(answers udp none 127.0.0.1)
    for row in 127.0.0.1,127.0.0.1,A,A,same,ok 127.0.0.1,127.0.0.1,A,A,different,ok 127.0.0.1,0.0.0.0,A,A,different,ok \
        127.0.0.1,127.0.0.1,P,P,same,ok 127.0.0.1,127.0.0.1,P,P,different,EADDRINUSE 127.0.0.1,127.0.0.1,A,P,same,EADDRINUSE; do
        grep -qx "udp,none,$row" <<<"$rows"
    done
}

@test "a multicast address is an address like others" {
    rows=$(answers multicast same)
    for row in 224.1.2.3,224.1.2.3,A,A,same,ok 224.1.2.3,224.1.2.3,P,P,same,ok 224.1.2.3,224.1.2.3,A,P,same,EADDRINUSE \
        0.0.0.0,224.1.2.3,A,A,same,ok 0.0.0.0,224.1.2.3,-,A,same,EADDRINUSE; do
        grep -qx "udp,multicast,$row" <<<"$rows"
    done
}

@test "the wildcard of IPv6 meets every address of IPv4" {
    rows=$(answers tcp listen same ::)
    grep -qx "tcp,listen,::,127.0.0.1,A,A,same,EADDRINUSE" <<<"$rows"
    grep -qx "tcp,listen,127.0.0.1,::,P,P,same,ok" <<<"$rows"
    port=$(free_port)
    holder tcp6 set v6only bind [::]:"$port" listen
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
}

@test "an option counts as it is now, not as it was at bind" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" set reuseport tcp set reuseport bind 127.0.0.1:"$port"
}
