#!/usr/bin/env bats
# reuseshim log: text records, alone, among other lines, and behind what others put before each line.
# bats file_tags=quick

load helper
load summary

# What the library says in all its events, as JSON in $LOG and as text in $LOG.text.
make_both_forms() {
    local format log
    holder tcp bind 127.0.0.1:8080 listen
    holder udp set reuseaddr bind 127.0.0.1:5000
    for format in json text; do
        log=$LOG
        [ $format = json ] || log=$LOG.text
        try() { ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$log" REUSESHIM_FORMAT=$format "$@" >/dev/null 2>&1 || true; }
        try "$PROGRAMS/sock" tcp bind 0.0.0.0:8080
        try REUSESHIM_RULES=keep "$PROGRAMS/legacy" 8080
        try REUSESHIM_LEVEL=trace REUSESHIM_RULES="tcp force reuseaddr" "$PROGRAMS/sock" tcp bind 127.0.0.1:8080
        try REUSESHIM_RULES=bogus "$PROGRAMS/sock" tcp bind 127.0.0.1:8080
        try REUSESHIM_RULES=watch "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:5000
        try REUSESHIM_DIAGNOSE=never "$PROGRAMS/sock" tcp bind 127.0.0.1:8080
        try "$PROGRAMS/sock" unix bind "$BATS_TEST_TMPDIR"
    done
}

@test "text records give the same sums as JSON, event by event" {
    make_both_forms
    holds '.records > 7 and .damaged == 0 and (.events | map(.name) | contains(["conflict", "shared", "error", "trace"]))' <<<"$(sums "$LOG")"
    diff <(sums "$LOG") <(sums "$LOG.text")
    run -0 tool log "$LOG.text"
    [[ ${lines[1]} =~ ^[0-9]+\ of\ them\ without\ a\ time$ ]]
}

@test "text and JSON may be mixed, among other lines, which are counted" {
    make_both_forms
    { cat "$LOG"; echo "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)"; cat "$LOG.text"
      echo '{"level":"info","msg":"listening"}'; } >"$BATS_TEST_TMPDIR/mixed"
    run -0 tool log --json "$BATS_TEST_TMPDIR/mixed"
    holds ".records == 2 * $(wc -l <"$LOG") and .damaged == 0 and .foreign == 2" <<<"$output"
}

@test "text records that say no more than that a refusal came again are counted with the cause and holder of the first" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" bind 127.0.0.1:"$port" tcp bind 127.0.0.1:"$port"
    run -0 tool log --json "$LOG"
    holds '.conflicts == 3 and .repeated == 2 and .causes == [{name: "listener", count: 3}] and .holders == [{name: "sock, LISTEN", count: 3}]' <<<"$output"
}

@test "text records behind what syslog, a container engine or a collector puts before each line are read, with their time" {
    make_both_forms
    yesterday=$(date -ud yesterday +%s)
    expected=$(sums "$LOG.text")
    for prefix in "$(LC_ALL=C date -ud @"$yesterday" '+%b %e %H:%M:%S') host nginx[746]: " \
        "$(LC_ALL=C date -ud @"$yesterday" '+%b %e %H:%M:%S.123456') host systemd[1]: " \
        "$(date -ud @"$yesterday" +%Y-%m-%dT%H:%M:%S.123456)+00:00 host nginx[746]: " \
        "$(TZ=XYZ-5:30 date -d @"$yesterday" +%Y-%m-%dT%H:%M:%S)+0530 host nginx[746]: " \
        "$(LC_ALL=C date -ud @"$yesterday" '+%a %Y-%m-%d %H:%M:%S UTC') host nginx[746]: " \
        "$yesterday.123456 host nginx[746]: " \
        "$(date -ud @"$yesterday" +%Y-%m-%dT%H:%M:%S.123456789)Z stderr F "; do
        sed "s/^/$prefix/" "$LOG.text" >"$BATS_TEST_TMPDIR/prefixed"
        [ "$(sums "$BATS_TEST_TMPDIR/prefixed")" = "$expected" ] || { echo "$prefix" >&2; false; }
        TZ=UTC tool log --json "$BATS_TEST_TMPDIR/prefixed" | holds '.untimed == 0 and (.first[:19] + "Z" | fromdate) == $at' --argjson at "$yesterday"
    done
    sed 's/^/web-1  | /' "$LOG.text" >"$BATS_TEST_TMPDIR/prefixed"
    [ "$(sums "$BATS_TEST_TMPDIR/prefixed")" = "$expected" ]
    # JSON records, too.
    sed "s/^/Nov 25 10:00:00 host nginx[746]: /" "$LOG" >"$BATS_TEST_TMPDIR/prefixed"
    [ "$(sums "$BATS_TEST_TMPDIR/prefixed")" = "$(sums "$LOG")" ]
    # Docker's json-file.
    jq -Rc '{log: (. + "\n"), stream: "stderr", time: "2026-11-21T12:00:00.123456789Z"}' "$LOG.text" >"$BATS_TEST_TMPDIR/prefixed"
    [ "$(sums "$BATS_TEST_TMPDIR/prefixed")" = "$expected" ]
    tool log --json "$BATS_TEST_TMPDIR/prefixed" | holds '.untimed == 0 and .first == "2026-11-21T12:00:00.123456Z"'
}

@test "a text record whose beginning is missing is none, and the one behind it is whole" {
    make_both_forms
    tail -n +2 "$LOG.text" >"$BATS_TEST_TMPDIR/rest"
    run -0 tool log --json "$BATS_TEST_TMPDIR/rest"
    holds ".records == $(wc -l <"$LOG") - 1 and .damaged == 0" <<<"$output"
}

@test "text records of two programs whose lines are mixed do not take each other's holders" {
    cat >"$BATS_TEST_TMPDIR/mixed" <<'R'
reuseshim[11] one: bind(3, tcp 0.0.0.0:80) failed: EADDRINUSE
reuseshim[12]   held by  tcp 0.0.0.0:81  LISTEN, pid 7 (other) of uid 0: other
reuseshim[11]   held by  tcp 0.0.0.0:80  LISTEN, pid 8 (mine) of uid 0: mine; pid 9 (helper) of uid 0 in /system.slice/mine.service
reuseshim[11]   lost     3 records before this one could not be written
R
    run -0 tool log --json "$BATS_TEST_TMPDIR/mixed"
    holds '.lost == 3 and .ports[0].name == "tcp 80" and .holders == [{name: "mine.service, LISTEN", count: 1}]' <<<"$output"
}
