#!/usr/bin/env bats
# A program that tries again and again pays for the first explanations only, and no refusal goes without a record.

load helper

# tries PORT COUNT [VARIABLE=value]...: a program that is refused the port so many times in a row.
tries() {
    run -0 shim "${@:3}" "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$1" "$2"
}

# bats file_tags=quick
@test "the first refusal is told in full, and the same one again in a line with the holder as it was found" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    tries "$port" 100
    [ "$(wc -l <"$LOG")" = 100 ]
    head -n 1 "$LOG" | holds '.repeated == 0 and .diagnosis.source == "sock_diag" and .diagnosis.age_ms == null and .cures != []'
    tail -n +2 "$LOG" | holds ".diagnosis.source == \"earlier\" and .diagnosis.age_ms >= 0 and .cause == \"listener\" and .cures == []
        and .holders[0].local.port == $port and .holders[0].state == \"LISTEN\" and .holders[0].processes[0].pid == $holder_pid"
    [ "$(jq -r .repeated "$LOG")" = "$(seq 0 99)" ]
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" "$SYSTEM_PYTHON" "$SCRIPTS/be_refused.py" "$port" 3
    [ "$(grep -c again <<<"$stderr")" = 2 ]
    [[ ${stderr_lines[-1]} == *"failed: EADDRINUSE again (2 before); held by tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock), as found 0."* ]]
}

@test "another port, call, protocol or error is another refusal; so is the same one of a child" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen udp bind 127.0.0.1:"$port"
    run -1 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" udp bind 127.0.0.1:"$port" tcp bind 0.0.0.0:"$port"
    holds '.repeated == 0 and .diagnosis.source == "sock_diag"' "$LOG"
    rm "$LOG"
    run -1 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" fork tcp bind 127.0.0.1:"$port" bind 127.0.0.1:"$port"
    [ "$(jq -r '"\(.repeated) \(.diagnosis.source)"' "$LOG")" = $'0 sock_diag\n0 sock_diag\n1 earlier' ]
}

@test "of many taken ports the first three are explained, the others told briefly, with the reason, and none is left out" {
    run -0 shim "$SYSTEM_PYTHON" "$SCRIPTS/try_taken.py" 200
    [ "$(wc -l <"$LOG")" = 200 ]
    [ "$(jq -r .local.port "$LOG" | sort -u | wc -l)" = 200 ]
    explained=$(jq -c 'select(.diagnosis.source == "sock_diag")' "$LOG" | wc -l)
    echo "$explained explained"
    ((explained >= 3 && explained <= 100))
    jq -c 'select(.diagnosis.source != "sock_diag")' "$LOG" | holds '.diagnosis.reason == "busy" and .holders == [] and .repeated == 0'
    head -n 3 "$LOG" | holds '.cause == "listener"'
}

@test "REUSESHIM_DIAGNOSE=always is never too busy to explain, and says the same but once, under a seccomp filter, too" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for under in "" "$PROGRAMS/filter errno ptrace"; do
        rm -f "$LOG"
        # shellcheck disable=SC2086
        run ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json REUSESHIM_DIAGNOSE=always $under \
            "$PROGRAMS/sock" tcp repeat 20 bind 127.0.0.1:"$port"
        [ "$(wc -l <"$LOG")" = 20 ]
        head -n 1 "$LOG" | holds '.diagnosis.source == "sock_diag" and .cures != [] and .repeated == 0'
        tail -n +2 "$LOG" | holds '.diagnosis.source == "earlier" and .repeated > 0 and .holders[0].processes[0].pid == '"$holder_pid"
    done
    # Another port each time: no share of the time is kept.
    rm "$LOG"
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json REUSESHIM_DIAGNOSE=always "$SYSTEM_PYTHON" "$SCRIPTS/try_taken.py" 200
    [ "$(wc -l <"$LOG")" = 200 ]
    holds '.diagnosis.source == "sock_diag"' "$LOG"
}

@test "threads that are refused at the same time each get their record, with their own tid" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 shim "$SYSTEM_PYTHON" "$SCRIPTS/refused_in_threads.py" "$port" 8 50
    [ "$(wc -l <"$LOG")" = 400 ]
    [ "$(jq -r .tid "$LOG" | sort | uniq -c | awk '{print $1}' | sort -u)" = 50 ]
    holds '.cause == "listener"' <(jq -c 'select(.diagnosis.reason == null)' "$LOG")
}

@test "a bind that gets in by the retry leaves no record of a conflict" {
    port=$(free_port)
    ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    run -0 shim "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
    [ ! -e "$LOG" ]
}

# bats test_tags=long
@test "after ten seconds the same refusal is explained anew" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 shim "$SYSTEM_PYTHON" "$SCRIPTS/refused_until_explained.py" "$port" "$LOG"
    # The time between the two explanations, in seconds.
    ((output >= 9))
    expect_record '.diagnosis.source == "sock_diag"' '.repeated > 0'
}
