#!/usr/bin/env bats
# reuseshim log: what it reads, what it sums up, and how it shows that. Journals as journald has them are in system_log.bats.
# bats file_tags=quick

load helper
load summary

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

@test "totals by port, cause, holder and program, and the first and last time, of files and of standard input" {
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

@test "a damaged line is counted and named by file and line, and does not end it" {
    make_records
    { head -n 1 "$LOG"; echo '{"time":"2026-11-21T12:0'; echo 'reuseshim[1] x: bind(3'; sed 's/"errno"/errno/' "$LOG" | head -n 1
      echo '{"a":'; echo '{"a":1}'; printf '{"time":"x","event":"conflict"}\n\nNov 21 nginx started\n'; tail -n 1 "$LOG" | tr -d '\n'; } \
        >"$BATS_TEST_TMPDIR/damaged"
    run -0 tool log "$BATS_TEST_TMPDIR/damaged"
    [[ ${lines[0]} == "2 records, "* ]]
    [ "${lines[1]}" = "2 other lines" ]
    [ "${lines[2]}" = "$BATS_TEST_TMPDIR/damaged:2: not a record: cut off in the middle" ]
    [[ ${lines[3]} == *":3: not a record: a text record that is cut off" ]]
    [[ ${lines[5]} == "5 lines are not records, the first 3 are shown" ]]
    run -0 tool log --json "$BATS_TEST_TMPDIR/damaged"
    holds '.records == 2 and .damaged == 5 and .foreign == 2' <<<"$output"
}

@test "a record that is cut, at whatever byte, is none, and never crashes it" {
    make_records
    tail -n 1 "$LOG" >"$BATS_TEST_TMPDIR/one"
    size=$(stat -c %s "$BATS_TEST_TMPDIR/one")
    LC_ALL=C awk '{ for (i = 1; i < length($0); i++) print substr($0, 1, i) }' "$BATS_TEST_TMPDIR/one" >"$BATS_TEST_TMPDIR/cut"
    run -100 --separate-stderr tool log --json "$BATS_TEST_TMPDIR/cut"
    holds ".records == 0 and .damaged == $((size - 2))" <<<"$output"
}

@test "nothing, newlines, a line without end, bytes without sense and a missing file are survived and told" {
    run -0 tool log /dev/null
    [ "${lines[0]}" = "0 records" ]
    run -0 tool log < <(printf '\n\n\n')
    [ "${lines[0]}" = "0 records" ]
    run -100 --separate-stderr tool log < <(head -c 3000000 /dev/zero | tr '\0' x; echo; head -c 200000 /dev/urandom)
    [ "${lines[0]}" = "0 records" ]
    [[ $output == *$'\n'"standard input:1: not a record: longer than a mebibyte"* ]]
    run -100 --separate-stderr tool log < <(printf '%0100000d' 0 | tr 0 '['; printf '\n{"a":%s' "$(printf '%050000d' 0 | tr 0 '[')")
    [ "${lines[0]}" = "0 records" ]
    run -111 --separate-stderr tool log /nonexistent /dev/null
    [ "${lines[0]}" = "0 records" ]
    [[ $stderr == "reuseshim: /nonexistent: No such file or directory" ]]
}

@test "times in any order, years apart, fill one timeline, with bars that the locale can show" {
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

@test "takes as JSON what jq takes, and refuses what it refuses" {
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
    run -100 --separate-stderr tool log --json "$BATS_TEST_TMPDIR/bad"
    holds ".records == 0 and .damaged == $(wc -l <"$BATS_TEST_TMPDIR/bad")" <<<"$output"
}

@test "characters that came as escapes of JSON are read, a pair of surrogates as one, and none goes to a terminal unescaped" {
    printf '{"time":"2026-11-21T12:00:00Z","event":"conflict","program":"%s"}\n' '\ud83d\ude00\u202e' '\ud83dx\ude00' \
        >"$BATS_TEST_TMPDIR/pairs"
    run -0 tool log --json "$BATS_TEST_TMPDIR/pairs"
    holds '[.programs[].name] - ["\ud83d\ude00\u202e", "?x?"] == []' <<<"$output"
    [[ $output != *$'\xe2\x80\xae'* ]]
}

@test "names come out as they went in, long paths stay apart, and lost records add up" {
    for path in one two; do
        jq -nc --arg path "/run/containerd/$(printf '%080d' 0)/$path.sock" '{time: "2026-11-21T12:00:00Z", event: "conflict",
            program: "a\"b\\c\td", protocol: "unix", local: {path: $path}, lost: 5000000000}'
    done >"$BATS_TEST_TMPDIR/names"
    run -0 tool log --json "$BATS_TEST_TMPDIR/names"
    holds '.programs == [{name: "a\"b\\c\td", count: 2}] and (.ports | length) == 2 and .lost == 10000000000' <<<"$output"
}

@test "what a record says cannot write to the terminal" {
    printf '{"time":"2026-11-21T12:00:00Z","event":"conflict","program":"a\\u001b[31m\x7f\xc2\x9b","cause":"\xff"}\n' >"$BATS_TEST_TMPDIR/evil"
    run -0 tool log "$BATS_TEST_TMPDIR/evil"
    cp "$BATS_TEST_TMPDIR/evil" "$BATS_TEST_TMPDIR/"$'name\e[31m'
    echo "{bad" >>"$BATS_TEST_TMPDIR/"$'name\e[31m'
    run -0 tool log "$BATS_TEST_TMPDIR/evil" "$BATS_TEST_TMPDIR/"$'name\e[31m'
    [[ $output == *'name\x1b[31m:2: not a record'* ]]
    run -1 grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
}

@test "of an escaped byte in a text record only digits are digits" {
    for name in 'a\x41' 'a\x4a\x4A' 'a\x4g' $'a\\x\x14\x11' 'a\x00'; do
        echo "reuseshim[1] $name: bind(3, tcp 0.0.0.0:8080) failed: EADDRINUSE"
    done >"$BATS_TEST_TMPDIR/escaped"
    run -0 tool log --json "$BATS_TEST_TMPDIR/escaped"
    holds '[.programs[].name] | sort == (["aA", "aJJ", "a\\x4g", "a\\x\u0014\u0011", "a\\x00"] | sort)' <<<"$output"
}

@test "what was refused for another reason, repetitions, units and containers are counted by their names" {
    {
        for holder in '"unit":"nginx.service"' '"unit":"x.service","container":"web"' '"unit":null,"container":null'; do
            echo '{"time":"2026-11-21T12:00:00Z","event":"conflict","holders":[{"state":"LISTEN","owner":"known",'"$holder"',"processes":[{"program":"p","executable":"e"}]}],"repeated":2}'
        done
        echo '{"time":"2026-11-21T12:00:00Z","event":"refused","protocol":"tcp","local":{"port":80},"cause":"privileged-port","holders":[],"repeated":0}'
        echo 'reuseshim[1] x: bind(3, tcp 0.0.0.0:80) failed: EACCES'
        echo 'reuseshim[1] x: connect(3, tcp 10.0.0.1:40000 -> 10.0.0.2:80) failed: EADDRNOTAVAIL'
    } >"$BATS_TEST_TMPDIR/kinds"
    run -0 tool log --json "$BATS_TEST_TMPDIR/kinds"
    holds '.conflicts == 4 and .refused == 2 and .repeated == 3 and (.ports | map(select(.name == "tcp 80")) == [{name: "tcp 80", count: 2}])
        and (.holders | map(.name) | contains(["nginx.service, LISTEN", "container web, LISTEN", "p, LISTEN", "nobody"]))' <<<"$output"
    run -0 tool log "$BATS_TEST_TMPDIR/kinds"
    grep -qE '^ +2 +33\.3 %  refused$' <<<"$output"
}

@test "where nothing is a record it says where records come from, and does not end with 0; no entries at all are no fault" {
    run -100 --separate-stderr tool log /etc/passwd
    [[ $stderr == "reuseshim: log: no records in the input: "*"REUSESHIM_LOG="*"REUSESHIM_FORMAT"*"journalctl -t reuseshim -o json | reuseshim log" ]]
    [ "${lines[0]}" = "0 records" ]
    run -0 --separate-stderr tool log <<<"-- No entries --"
    [ -z "$stderr" ]
    for magic in '\xfd7zXZ' '\x28\xb5\x2f\xfd' 'BZh91AY' 'LPKSHHRH'; do
        printf '%b-------' "$magic" >"$BATS_TEST_TMPDIR/other"
        run -111 --separate-stderr tool log "$BATS_TEST_TMPDIR/other"
        [[ $stderr == *"/other: cannot be read as it is; try: "*" FILE | reuseshim log" ]]
    done
}

# ---- a page ----------------------------------------------------------------------------------------------------

@test "--html writes a page that needs nothing from elsewhere, and in which no name is more than a name" {
    evil='</td><script>document.title="bad"</script><img src=x onerror=alert(1)>&"'
    jq -nc --arg evil "$evil" '{time: "2026-11-21T12:00:00Z", event: "conflict", program: $evil, protocol: "tcp", local: {port: 80}, cause: $evil,
        holders: [{state: "LISTEN", unit: $evil}]}' >"$BATS_TEST_TMPDIR/evil"
    cp "$BATS_TEST_TMPDIR/evil" "$BATS_TEST_TMPDIR/<b>"
    echo "{" >>"$BATS_TEST_TMPDIR/<b>"
    run -0 --separate-stderr tool log --html - "$BATS_TEST_TMPDIR/evil" "$BATS_TEST_TMPDIR/<b>"
    [ "$(grep -c '<script' <<<"$output")" = 1 ]
    [[ $output == *'&lt;script&gt;'* ]]
    [[ $output == *'/&lt;b&gt;:2: not a record'* ]]
    [[ $output == *"Content-Security-Policy"*"default-src 'none'"* ]]
    run ! grep -E '<(img|b>|link|iframe)|src=|https?:|@import|url\(' <<<"${output//&lt;img src=x/}"
}

@test "--html: the page has each combination with how often, first and last, and its counts add up to the summary's" {
    make_records
    run -0 tool log --html "$BATS_TEST_TMPDIR/page.html" "$LOG"
    [ -z "$output" ]
    [ "$(grep -oE 'data-count="[0-9]+"' "$BATS_TEST_TMPDIR/page.html" | tr -dc '0-9\n' | awk '{s += $1} END {print s}')" = 4 ]
    [ "$(grep -oE '[0-9]+:[0-9]+ ' "$BATS_TEST_TMPDIR/page.html" | sed 's/.*://' | awk '{s += $1} END {print s}')" = 4 ]
    grep -q '<td data-label="Port">tcp 8080</td><td data-label="Cause">listener</td><td data-label="Holder">sock, LISTEN</td><td data-label="Program">sock</td>' "$BATS_TEST_TMPDIR/page.html"
    grep -q '{{' "$BATS_TEST_TMPDIR/page.html" && false
    run -0 tool log --html - </dev/null
    [[ $output == *"Nothing was refused."* ]]
    run -100 --separate-stderr tool log --html x --json "$LOG"
    [[ $stderr == *"--json and --html: expected one of them"* ]]
}

@test "--html: the file is written as a whole or not at all, through a link, and keeps its mode" {
    make_records
    cd "$BATS_TEST_TMPDIR"
    mkdir page && echo old >page/real && chmod 640 page/real && ln -s real page/link
    # No room: the old page stays.
    run -111 --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 1; exec "$0" log --html page/link "$1"' "$BUILD/reuseshim" "$LOG"
    [[ $stderr == "reuseshim: "*"page/real: File too large" ]]
    [ "$(cat page/real)" = old ]
    [ "$(echo page/*)" = "page/link page/real" ]
    # Nor is it written over where nothing was understood.
    run -100 tool log --html page/real /etc/passwd
    [ "$(cat page/real)" = old ]
    run -0 tool log --html page/link "$LOG"
    [ -L page/link ]
    grep -q '^</html>$' page/real
    [ "$(stat -c %a page/real)" = 640 ]
    (umask 27 && tool log --html page/new "$LOG")
    [ "$(stat -c %a page/new)" = 640 ]
    for place in /nonexistent/page.html /dev/full; do
        run -111 --separate-stderr tool log --html $place "$LOG"
        [[ $stderr == "reuseshim: $place: "* ]]
    done
}

# ---- much of it ------------------------------------------------------------------------------------------------
# bats file_tags=

@test "what gzip has compressed is read, from a file and from a pipe; damage, and a machine without gzip, are told" {
    make_records
    gzip -k "$LOG"
    [ "$(sums "$LOG.gz")" = "$(sums "$LOG")" ]
    [ "$(sums <"$LOG.gz")" = "$(sums "$LOG")" ]
    # Many times what a pipe holds, out of a pipe.
    yes "$(cat "$LOG")" | head -n 20000 | gzip | tool log --json | holds '.records == 20000 and .damaged == 0'
    head -c -20 "$LOG.gz" >"$BATS_TEST_TMPDIR/cut.gz"
    run -111 --separate-stderr tool log "$BATS_TEST_TMPDIR/cut.gz"
    [[ $stderr == *"/cut.gz: could not be unpacked to its end" ]]
    run -111 --separate-stderr env PATH=/nonexistent "$BUILD/reuseshim" log "$LOG.gz"
    [[ $stderr == *"neither gzip nor zcat is here"* ]]
}

@test "what it keeps does not grow with the records: 300 MB of them are counted right in 32 MB" {
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

@test "it takes less than half the time of jq, which only reads the same records" {
    make_records
    yes "$(cat "$LOG")" | head -n 20000 >"$BATS_TEST_TMPDIR/many"
    ours=$(cpu tool log "$BATS_TEST_TMPDIR/many") jqs=$(cpu jq -c .cause "$BATS_TEST_TMPDIR/many")
    echo "reuseshim log: $ours ms, jq: $jqs ms"
    [ "$((2 * ours))" -lt "$jqs" ]
}

@test "on a terminal it shows how far it has come" {
    make_records
    run -0 script -qec "timeout 2 yes '$(cat "$LOG")' | $BUILD/reuseshim log" /dev/null
    [[ $output == *$'\r'*" records, "*" MB"*$'\r'* ]]
}

# A browser is needed from here on.
# bats file_tags=long

# dom ADDRESS: the page as a browser has it once its script has run.
dom() {
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$BATS_TEST_TMPDIR/browser" --dump-dom "file://$BATS_TEST_TMPDIR/$1" 2>/dev/null
}

# shown FILE: the ports of the rows that are shown.
shown() {
    grep -oE '<tr [^>]*data-count[^>]*>.*' "$1" | grep -v '^<tr [^>]*hidden' | sed -E 's/.*data-label="Port">([^<]*)<.*/\1/' | sort -u | xargs
}

@test "--html in a browser: a filter leaves the rows and bars of what it is set to, and no name has become a part of the page" {
    make_records
    jq -nc '{time: "2026-11-21T12:00:00Z", event: "conflict", program: "<script>document.title=1</script>", protocol: "udp", local: {port: 9}, cause: "bound",
        holders: []}' >>"$LOG"
    tool log --html "$BATS_TEST_TMPDIR/page.html" "$LOG"
    dom page.html >"$BATS_TEST_TMPDIR/all"
    [ "$(shown "$BATS_TEST_TMPDIR/all")" = "tcp 8080 tcp 8081 udp 9" ]
    grep -q '<title>reuseshim log</title>' "$BATS_TEST_TMPDIR/all"
    grep -q 'What happened: 5 refused' "$BATS_TEST_TMPDIR/all"
    dom 'page.html#port=tcp+8080&program=legacy' >"$BATS_TEST_TMPDIR/filtered"
    [ "$(shown "$BATS_TEST_TMPDIR/filtered")" = "tcp 8080" ]
    grep -q 'What happened: 1 of 5 refused' "$BATS_TEST_TMPDIR/filtered"
    [ "$(grep -oE '<button[^>]*aria-pressed="true"[^>]*><span>[^<]*' "$BATS_TEST_TMPDIR/filtered" | sed 's/.*<span>//' | sort | xargs)" = "legacy tcp 8080" ]
    [ "$(grep -oE 'title="[^"]*: [1-9][0-9]*"' "$BATS_TEST_TMPDIR/filtered" | wc -l)" = 1 ]
    # The same by a press of its button, and back; the choice goes into the address.
    press='<script>document.body.append(location.hash); document.querySelector(".value").click(); document.body.append(location.hash)'
    sed "s|^</body>|$press</script></body>|" "$BATS_TEST_TMPDIR/page.html" >"$BATS_TEST_TMPDIR/pressed.html"
    dom pressed.html >"$BATS_TEST_TMPDIR/pressed"
    [ "$(shown "$BATS_TEST_TMPDIR/pressed")" = "tcp 8080" ]
    grep -q '#port=tcp+8080' "$BATS_TEST_TMPDIR/pressed"
    sed "s|^</body>|$press; document.querySelector('#all').click()</script></body>|" "$BATS_TEST_TMPDIR/page.html" >"$BATS_TEST_TMPDIR/pressed.html"
    dom pressed.html >"$BATS_TEST_TMPDIR/pressed"
    [ "$(shown "$BATS_TEST_TMPDIR/pressed")" = "tcp 8080 tcp 8081 udp 9" ]
    # A choice that this page does not have is none.
    dom 'page.html#port=tcp+1' >"$BATS_TEST_TMPDIR/none"
    [ "$(shown "$BATS_TEST_TMPDIR/none")" = "tcp 8080 tcp 8081 udp 9" ]
}
