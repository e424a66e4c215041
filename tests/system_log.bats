#!/usr/bin/env bats
# The logs "journal" and "syslog", against a real systemd-journald and a real rsyslogd. The other logs are in log.bats.

load helper
load system_log

setup_conflict() {
    needs_root
    other_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
}

# A refused bind there, with these variables.
refused() {
    run -1 --separate-stderr inside env LD_PRELOAD="$LIB" "$@" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
}

@test "journal: each record is one entry, with fields that say what it is about" {
    setup_conflict
    journald
    refused REUSESHIM_LOG=journal
    [ -z "$stderr" ]
    journal REUSESHIM_CAUSE=listener REUSESHIM_LOCAL_PORT="$port" >"$BATS_TEST_TMPDIR/entries"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/entries")" = 1 ]
    holds '.PRIORITY == "3" and .SYSLOG_IDENTIFIER == "reuseshim" and .ERRNO == "98"
        and .REUSESHIM_EVENT == "conflict" and .REUSESHIM_CALL == "bind" and .REUSESHIM_ERRNO == "EADDRINUSE"
        and .REUSESHIM_PROGRAM == "sock" and .REUSESHIM_PROTOCOL == "tcp" and .REUSESHIM_LOCAL_ADDRESS == "127.0.0.1"
        and .REUSESHIM_POLICY == "restart" and .REUSESHIM_HOLDER_STATE == "LISTEN" and .REUSESHIM_HOLDER_PID == $pid
        and .REUSESHIM_HOLDER_PROGRAM == "sock" and .REUSESHIM_HOLDER_UID == "0"
        and (.REUSESHIM_LOST // "") == "" and (.REUSESHIM_REMOTE_PORT // "") == ""' --arg pid "$holder_pid" "$BATS_TEST_TMPDIR/entries"
}

entries_are() {
    [ "$(inside journalctl -q -t reuseshim -o json | wc -l)" = "$1" ]
}

@test "journal: MESSAGE is the record as text with the JSON beside it, or the JSON itself, which reuseshim log reads" {
    setup_conflict
    journald
    refused REUSESHIM_LOG=journal
    journal -t reuseshim >"$BATS_TEST_TMPDIR/entry"
    jq -r .MESSAGE "$BATS_TEST_TMPDIR/entry" | grep -q "^  because  "
    jq -r .REUSESHIM_JSON "$BATS_TEST_TMPDIR/entry" >"$LOG"
    expect_record '.cause == "listener"' ".holders[0].processes[0].pid == $holder_pid" ".pid == $(jq -r ._PID "$BATS_TEST_TMPDIR/entry")"
    refused REUSESHIM_LOG=journal REUSESHIM_FORMAT=json
    until_true entries_are 2
    inside journalctl -q -t reuseshim -o cat | "$BUILD/reuseshim" log >"$BATS_TEST_TMPDIR/summary"
    [[ $(head -n 1 "$BATS_TEST_TMPDIR/summary") == "2 records, "* ]]
}

@test "journal: who wrote it stands in a record once: before its first line, as journalctl has it" {
    setup_conflict
    journald
    refused REUSESHIM_LOG=journal
    journal -t reuseshim >"$BATS_TEST_TMPDIR/entry"
    pid=$(jq -r ._PID "$BATS_TEST_TMPDIR/entry")
    run -0 inside journalctl -q -t reuseshim
    [[ ${lines[0]} == *" reuseshim[$pid]: sock: bind("*", tcp 127.0.0.1:$port) failed: EADDRINUSE" ]]
    [ "$(grep -oE "reuseshim\[" <<<"$output" | wc -l)" = 1 ]
    [ "$(grep -cE '^ +(held by|because|cure) ' <<<"$output")" -ge 3 ]
    run -0 inside journalctl -q -t reuseshim -o cat
    [[ ${lines[0]} == "sock: bind("* ]]
    [[ ${lines[1]} == "  held by  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid "* ]]
}

@test "journalctl -x explains a record, and says what to do, once the catalog is installed" {
    setup_conflict
    journald
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" install >"$BATS_TEST_TMPDIR/install"
    [[ $(tail -n 1 "$BATS_TEST_TMPDIR/install") == *": journalctl --update-catalog" ]]
    # journalctl takes catalogs from no other folders than /usr/lib and /usr/local/lib.
    inside sh -c 'mkdir /run/catalog && mount --bind /run/catalog /var/lib/systemd/catalog &&
        mount --bind "$0/usr/lib/systemd/catalog" /usr/lib/systemd/catalog && journalctl --update-catalog' "$BATS_TEST_TMPDIR"
    refused REUSESHIM_LOG=journal
    journal REUSESHIM_EVENT=conflict >/dev/null
    run -0 inside journalctl -q -x -t reuseshim
    [[ $output == *"Subject: sock was refused an address that is taken"*"The call bind of the program sock failed with EADDRINUSE"*"reuseshim why PORT"* ]]
    refused REUSESHIM_LOG=journal REUSESHIM_LEVEL=error REUSESHIM_RULES=bogus
    journal REUSESHIM_EVENT=error >/dev/null
    run -0 inside journalctl -q -x REUSESHIM_EVENT=error
    [[ $output == *"REUSESHIM_RULES"*"Subject: libreuseshim has a setting that it cannot use"*"reuseshim check"* ]]
    # No field of the text is left unfilled.
    run ! grep -E '@[A-Z_]+@' <<<"$output"
}

@test "each event has a MESSAGE_ID of its own, which the catalog and libreuseshim(7) know" {
    ids=$(grep -oE '\{"[a-z]+", "[0-9a-f]{32}"\}' "$TOP/shim/record/message_id.c" | tr -d '{}",')
    [ "$(wc -l <<<"$ids")" = "$(cut -d' ' -f2 <<<"$ids" | sort -u | wc -l)" ]
    events=$(sed -n '/^const char \*event_word/,/^}/p' "$TOP/shim/record/words.c" | grep -oE '\] = "[a-z]+"' | tr -dc 'a-z\n')
    [ "$(wc -l <<<"$events")" -ge 7 ]
    for event in $events; do
        grep -q "^$event " <<<"$ids" || { echo "no MESSAGE_ID for $event" >&2; false; }
    done
    while read -r event id; do
        grep -qx -- "-- $id" "$TOP/shim/record/reuseshim.catalog"
        grep -A 1 "^\.It Cm $event$" "$TOP/shim/hooks/libreuseshim.7" | grep -q "$id"
    done <<<"$ids"
}

@test "journal: a record of 20 holders, longer than journalctl shows by itself, gets through README's pipeline" {
    setup_conflict
    journald
    words=()
    for i in $(seq 20); do words+=(tcp bind 127.0.1."$i":"$port"); done
    holder "${words[@]}"
    run -1 inside env LD_PRELOAD="$LIB" REUSESHIM_LOG=journal "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    journal -t reuseshim >/dev/null
    pipeline=$(sed -n 's/^    \(journalctl .*| reuseshim log\)$/\1/p' "$TOP/README.md")
    [ -n "$pipeline" ]
    run -0 inside env PATH="$BUILD:$PATH" sh -c "$pipeline"
    [[ ${lines[0]} == "1 record, "* ]]
    grep -qE '^ +1 +100\.0 %  sock, LISTEN$' <<<"$output"
    [ "$(inside journalctl -a -q -t reuseshim -o json | jq -r '.REUSESHIM_JSON | length')" -gt 4096 ]
}

@test "reuseshim log reads what journalctl shows: as JSON, for export, and as text of every kind" {
    setup_conflict
    journald
    refused REUSESHIM_LOG=journal
    refused REUSESHIM_LOG=journal REUSESHIM_FORMAT=json
    refused REUSESHIM_LOG=journal REUSESHIM_LEVEL=error REUSESHIM_RULES=bogus
    run -1 inside "$SYSTEM_PYTHON" "$SCRIPTS/as_service.py" env LD_PRELOAD="$LIB" REUSESHIM_LOG=stderr "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    # The fourth comes line by line through stderr.
    until_true inside sh -c 'journalctl -q | grep -q "service\[.* cure  .*handover"'
    for form in json json-seq export short short-full short-iso short-iso-precise short-precise short-unix with-unit short-monotonic; do
        inside journalctl --no-pager -o $form >"$BATS_TEST_TMPDIR/journal"
        "$BUILD/reuseshim" log --json "$BATS_TEST_TMPDIR/journal" >"$BATS_TEST_TMPDIR/sums"
        holds '.records == 4 and .conflicts == 3 and .damaged == 0 and .ports == [{name: $port, count: 3}]
            and .causes == [{name: "listener", count: 3}] and .holders == [{name: "sock, LISTEN", count: 3}]
            and .programs == [{name: "sock", count: 3}] and (.untimed == 0 or $form == "short-monotonic")' \
            --arg port "tcp $port" --arg form $form "$BATS_TEST_TMPDIR/sums" || { echo "$form" >&2; cat "$BATS_TEST_TMPDIR"/{journal,sums} >&2; false; }
    done
    # Without the prefix and the fields.
    inside journalctl --no-pager -o cat | "$BUILD/reuseshim" log --json | holds '.conflicts == 3 and .damaged == 0'
    # In an export, a field that is longer than any that is kept is passed over.
    { inside journalctl --no-pager -o export; printf '__CURSOR=x\nX\n\0\0\20\0\0\0\0\0'; head -c 1048576 /dev/zero; printf '\n\n'; inside journalctl --no-pager -o export; } |
        "$BUILD/reuseshim" log --json | holds '.records == 8 and .damaged == 0'
}

@test "syslog: reuseshim log reads the file that rsyslogd writes, with the time of each" {
    setup_conflict
    rsyslogd_with off
    echo ':msg, contains, "reuseshim" action(type="omfile" file="'"$BATS_TEST_TMPDIR"'/messages" template="RSYSLOG_TraditionalFileFormat")' >>"$BATS_TEST_TMPDIR/rsyslog.conf"
    stop "$daemon_pid"
    inside rm -f /dev/log
    daemon /dev/log rsyslogd -n -i "$BATS_TEST_TMPDIR/rsyslog.pid" -f "$BATS_TEST_TMPDIR/rsyslog.conf"
    refused REUSESHIM_LOG=syslog
    until_true grep -q 'cure  ' "$BATS_TEST_TMPDIR/messages"
    "$BUILD/reuseshim" log --json "$BATS_TEST_TMPDIR/messages" >"$BATS_TEST_TMPDIR/sums"
    holds '.records == 1 and .untimed == 0 and .ports[0].name == $port and .causes[0].name == "listener" and .holders[0].name == "sock, LISTEN"
        and .programs[0].name == "sock"' --arg port "tcp $port" "$BATS_TEST_TMPDIR/sums" || { cat "$BATS_TEST_TMPDIR"/{messages,sums} >&2; false; }
}

@test "journal: values with newlines, quotes, and bytes that are no text come through whole" {
    setup_conflict
    journald
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/"$'a\nPRIORITY=0\xff'
    run -1 inside env LD_PRELOAD="$LIB" REUSESHIM_LOG=journal sh -c 'exec "$0" "$@"' "$BATS_TEST_TMPDIR/"$'a\nPRIORITY=0\xff' tcp bind 127.0.0.1:"$port"
    journal -t reuseshim | holds '.PRIORITY == "3" and .REUSESHIM_PROGRAM == "a\\x0aPRIORITY=0\\xff"'
}

@test "auto: a record goes to the journal where stderr leads there, and not where another stderr has come since" {
    setup_conflict
    journald
    run -1 inside "$SYSTEM_PYTHON" "$SCRIPTS/as_service.py" env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    journal REUSESHIM_LOCAL_PORT="$port" | holds '.REUSESHIM_CAUSE == "listener" and ._TRANSPORT == "journal"'
    run -1 inside "$SYSTEM_PYTHON" "$SCRIPTS/as_service.py" sh -c 'exec "$@" 2>'"$BATS_TEST_TMPDIR/stderr" sh env LD_PRELOAD="$LIB" \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    grep -q 'failed: EADDRINUSE' "$BATS_TEST_TMPDIR/stderr"
    entries_are 1
}

@test "auto: a record goes to the system log once the program has closed its stderr" {
    setup_conflict
    rsyslogd_with off
    run -1 inside sh -c 'exec "$@" 2>&-' sh env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    until_true grep -q "local_port=\"$port\"" "$BATS_TEST_TMPDIR/syslog"
}

@test "syslog: a record is one line of RFC 5424, with host, program, pid, event and structured data" {
    setup_conflict
    rsyslogd_with off
    refused REUSESHIM_LOG=syslog
    [ -z "$stderr" ]
    until_true test -s "$BATS_TEST_TMPDIR/syslog"
    [ "$(sort -u "$BATS_TEST_TMPDIR/syslog" | wc -l)" = 1 ]
    IFS='|' read -r host app pid event priority data message < <(head -n 1 "$BATS_TEST_TMPDIR/syslog")
    [ "$host" = "$(uname -n)" ]
    [ "$app $event $priority" = "sock conflict 27" ]
    [[ $pid =~ ^[0-9]+$ ]]
    [[ $data == '[reuseshim@32473 event="conflict" call="bind" errno="EADDRINUSE" program="sock" protocol="tcp" '* ]]
    [[ $data == *" holder_pid=\"$holder_pid\" "* ]]
    [[ $message == "reuseshim: bind("*", tcp 127.0.0.1:$port) failed: EADDRINUSE; held by "*"because "* ]] ||
        { echo "$message" >&2; false; }
}

@test "syslog: with JSON the message is the record, and a daemon that knows only the older format gets all of it" {
    setup_conflict
    rsyslogd_with on
    refused REUSESHIM_LOG=syslog REUSESHIM_FORMAT=json
    until_true test -s "$BATS_TEST_TMPDIR/syslog"
    "$BUILD/reuseshim" log --json "$BATS_TEST_TMPDIR/syslog" | holds '.causes[0].name == "listener" and .programs[0].name == "sock" and .damaged == 0'
    sed -n 's/.*\] {/{/p' "$BATS_TEST_TMPDIR/syslog" | head -n 1 >"$LOG"
    expect_record '.cause == "listener"' ".holders[0].processes[0].pid == $holder_pid"
}

@test "syslog: what a daemon that knows only the older format makes of a text record, reuseshim log reads, too" {
    setup_conflict
    rsyslogd_with on
    refused REUSESHIM_LOG=syslog
    until_true test -s "$BATS_TEST_TMPDIR/syslog"
    "$BUILD/reuseshim" log --json "$BATS_TEST_TMPDIR/syslog" >"$BATS_TEST_TMPDIR/sums"
    holds '.conflicts > 0 and .damaged == 0 and .programs[0].name == "sock" and .causes[0].name == "listener" and .ports[0].name == $port' \
        --arg port "tcp $port" "$BATS_TEST_TMPDIR/sums" || { cat "$BATS_TEST_TMPDIR"/{syslog,sums} >&2; false; }
}

@test "syslog: quotes, backslashes and brackets in a value are escaped" {
    setup_conflict
    rsyslogd_with off
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/a\"]b c\\"
    run -1 inside env LD_PRELOAD="$LIB" REUSESHIM_LOG=syslog "$BATS_TEST_TMPDIR/a\"]b c\\" tcp bind 127.0.0.1:"$port"
    until_true test -s "$BATS_TEST_TMPDIR/syslog"
    IFS='|' read -r _ app _ event _ data _ < <(head -n 1 "$BATS_TEST_TMPDIR/syslog")
    [ "$app $event" = 'a"]b_c\ conflict' ]
    [[ $data == *' program="a\"\]b c'* ]]
}

@test "without the daemon that is said once on stderr, where the records go instead" {
    setup_conflict
    for log in journal syslog; do
        run -0 --separate-stderr inside env LD_PRELOAD="$LIB" REUSESHIM_LOG=$log "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$port" 2
        [ "${lines[*]::2}" = "98 98" ]
        [[ ${stderr_lines[0]} == *"REUSESHIM_LOG: $log cannot be written (E"* ]]
        [ "$(grep -c "cannot be written" <<<"$stderr")" = 1 ]
        [ "$(grep -c "failed: EADDRINUSE" <<<"$stderr")" = 2 ]
    done
}

@test "a daemon that has stopped reading holds nobody up for much longer than the budget, and costs no descriptor" {
    setup_conflict
    daemon /run/systemd/journal/socket "$SYSTEM_PYTHON" "$SCRIPTS/deaf_journal.py"
    run -0 inside "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$port" 40
    plain=${lines[-1]% *}
    budget=50
    run -0 --separate-stderr inside env LD_PRELOAD="$LIB" REUSESHIM_LOG=journal REUSESHIM_BUDGET_MS=$budget \
        "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$port" 40
    [ "${lines[-1]% *}" = "$plain" ]
    # The explanation and the wait have the budget each; who is held up for much longer is held up for ever.
    awk -v longest="${lines[-1]#* }" -v budget=$budget 'BEGIN { exit !(longest < budget / 10) }'
}
