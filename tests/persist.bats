#!/usr/bin/env bats
# wait and evict: a refusal is not the end, but nothing that a process holds is ever touched.

load helper
load scenarios

# The socket words under rules; the last record says how it ended.
under() {
    local rules=$1
    shift
    run shim REUSESHIM_RULES="$rules" "$PROGRAMS/sock" "$@"
}

# background_wait RULES WORDS...: the socket words under rules, until they have been refused and sleep; pid in $waiting.
background_wait() {
    local rules=$1
    shift
    "${enter[@]}" --target "$namespace_pid" -- env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        REUSESHIM_RULES="$rules" "$PROGRAMS/sock" "$@" >/dev/null 2>&1 3>&- &
    waiting=$!
    started+=("$waiting")
    until_true grep -q poll "/proc/$waiting/wchan"
}

@test "wait: a holder that stops in time is waited for, and the call succeeds" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    background_wait "wait 1000s" tcp set keepalive bind 127.0.0.1:"$port" listen
    kill "$holder_pid"
    wait "$waiting"
    # It may have been seen last when it had ended, and its socket not yet.
    expect_record '.event == "resolved"' '.outcome == "waited"' '.waited_ms > 0' '.evicted == 0' '.call == "bind"' \
        '.errno == null' '.cause == "listener"' ".holders[0].processes | length == 0 or .[0].pid == $holder_pid"
}

@test "wait: a listen that is refused waits as well, until the socket that listens there is closed" {
    port=$(free_port)
    run -0 shim REUSESHIM_RULES="wait 100s" "$SYSTEM_PYTHON" "$SCRIPTS/wait_to_listen.py" "$port"
    expect_record '.event == "resolved"' '.call == "listen"' '.outcome == "waited"'
}

@test "wait: when the time is up the call fails, and the record says for how long it waited" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    before=$(date +%s%3N)
    under "wait 400ms" tcp bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    took=$(($(date +%s%3N) - before))
    expect_record '.event == "conflict"' '.outcome == "failed"' ".waited_ms >= 400 and .waited_ms <= $took" '.errno == "EADDRINUSE"'
}

@test "wait: a TIME_WAIT that certainly outlasts it is not waited for at all" {
    port=$(free_port)
    arrange_time_wait
    under "wait 5s" tcp bind 0.0.0.0:"$port"
    [ "$status" = 1 ]
    expect_record '.event == "conflict"' '.outcome == "failed"' '.waited_ms == 0' '.cause == "time-wait"'
}

@test "wait: where nothing but a TIME_WAIT is in the way it sleeps once, for as long as that lasts" {
    port=$(free_port)
    arrange_time_wait
    spawn ns strace -qq -E LD_PRELOAD="$LIB" -E REUSESHIM_RULES="wait 2m" -E REUSESHIM_LOG=none -e trace=ppoll,ppoll_time64 \
        -o "$BATS_TEST_TMPDIR/sleeps" "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    until_true grep -q tv_sec "$BATS_TEST_TMPDIR/sleeps"
    # The pauses of other waits are parts of a second.
    seconds=$(sed -nE '1s/.*tv_sec=([0-9]+).*/\1/p' "$BATS_TEST_TMPDIR/sleeps")
    [ "$seconds" -ge 2 ] && [ "$seconds" -le 60 ]
}

@test "wait: a signal ends it long before its time, with EADDRINUSE, and its handler has run" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 shim REUSESHIM_RULES="wait 1000s" "$SYSTEM_PYTHON" "$SCRIPTS/wait_for_signal.py" "$port"
    expect_record '.event == "conflict"' '.outcome == "failed"' '.waited_ms > 0 and .waited_ms < 500000'
}

@test "evict: a TIME_WAIT is removed, the call succeeds at once, and the record says what was removed" {
    needs_root
    port=$(free_port)
    arrange_time_wait
    under evict tcp bind 0.0.0.0:"$port" errno
    [ "$status" = 0 ]
    [ "$output" = "errno=0" ]
    expect_record '.event == "resolved"' '.outcome == "evicted"' '.evicted == 1' '.waited_ms == 0' '.cause == "time-wait"' \
        '.holders[0].state == "TIME_WAIT"'
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    arrange_time_wait
    run -0 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=evict "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    [[ ${lines[0]} == *" succeeded"*1*removed* ]]
    [[ ${lines[1]} == *"tcp 127.0.0.1:$port"*"TIME_WAIT"* ]]
}

@test "evict: a FIN_WAIT2 without a process and an orphan with unsent data are removed as well" {
    needs_root
    for one in fin_wait2 orphan; do
        port=$(free_port) party_pids=()
        "arrange_$one"
        under evict tcp bind 127.0.0.1:"$port"
        [ "$status" = 0 ]
        expect_record '.event == "resolved"' '.outcome == "evicted"' '.evicted == 1'
    done
}

@test "evict: nothing that a process holds is touched, connections and listeners alike" {
    needs_root
    port=$(free_port) party_pids=()
    arrange_connected
    under evict tcp bind 127.0.0.1:"$port"
    [ "$status" = 1 ]
    expect_record '.event == "conflict"' '.evicted == 0' '.cause == "connected"'
    [ "$(ns ss -Htan state established "sport = :$port" | wc -l)" = 1 ]
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port"
    before=$(ns ss -Htan | sort)
    under evict tcp bind 127.0.0.1:"$port"
    expect_record '.evicted == 0' '.cause == "listener"'
    [ "$(ns ss -Htan | sort)" = "$before" ]
}

@test "evict: beside a live server nothing is removed, not even what it left closing: that would be in vain" {
    needs_root
    port=$(free_port) party_pids=()
    # A server that listens, with one connection in TIME_WAIT and one that still has data on its way.
    party tcp set reuseaddr bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept send close
    arrange_leftover() { ns "$PROGRAMS/sock" tcp connect 127.0.0.1:"$port"; }
    arrange_leftover
    # Their states go on; none of them goes.
    ns ss -Htan | grep -q FIN-WAIT-1
    before=$(ns ss -Htan | awk '{print $4, $5}' | sort)
    under "tcp force reuseaddr evict" tcp bind 127.0.0.1:"$port" listen
    [ "$status" = 1 ]
    expect_record '.event == "conflict"' '.cause == "listener"' '.evicted == 0'
    diff <(echo "$before") <(ns ss -Htan | awk '{print $4, $5}' | sort)
}

@test "evict and wait: what a server that is just stopping leaves behind is removed as well" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept
    background_wait "evict wait 1000s" tcp set keepalive bind 127.0.0.1:"$port" listen
    kill -KILL "$holder_pid" # both ends close: a TIME_WAIT of a minute, or a FIN_WAIT
    wait "$waiting"
    expect_record '.event == "resolved"' '.evicted >= 1' '.waited_ms > 0'
}

@test "evict: of 20,000 TIME_WAIT sockets exactly the 3 that block are removed" {
    needs_root
    ns_sysctl net.ipv4.tcp_max_tw_buckets=100000
    # 20,000 to other ports and to other addresses of the same port, and 3 on 127.0.0.1:7777.
    ns "$SYSTEM_PYTHON" "$SCRIPTS/leave_time_wait.py" 127.0.0.2:7777:9999 127.0.0.1:7778:9998 127.0.0.1:7777:3
    run -0 shim REUSESHIM_RULES=evict "$PROGRAMS/sock" tcp bind 127.0.0.1:7777
    expect_record '.event == "resolved"' '.evicted == 3'
    [ -z "$(ns ss -Htan state time-wait "src 127.0.0.1:7777")" ]
    # The others go by themselves only, after a minute: none of the last that came is missing.
    [ "$(ns ss -Htan state time-wait "src 127.0.0.1:7778" | wc -l)" = 9998 ]
}

@test "evict without CAP_NET_ADMIN says so once, removes nothing, and goes on to wait" {
    needs_root
    port=$(free_port)
    arrange_time_wait
    open_folder 777
    LOG=$open/log
    run -1 ns setpriv --bounding-set -net_admin --inh-caps -net_admin env LD_PRELOAD="$LIB" REUSESHIM_RULES="evict wait 300ms" \
        REUSESHIM_FORMAT=json REUSESHIM_LOG="$LOG" "$PROGRAMS/sock" tcp repeat 3 bind 127.0.0.1:"$port"
    [ "$(jq -c 'select(.event == "error") | .message' "$LOG" | grep -c CAP_NET_ADMIN)" = 1 ]
    [ "$(jq -c 'select(.event == "conflict" and .evicted == 0)' "$LOG" | wc -l)" = 3 ]
    [ "$(ns ss -Htan state time-wait "sport = :$port" | wc -l)" = 1 ]
}

@test "restart-now: with CAP_NET_ADMIN 100 instances in a row start after ones that ran without the library" {
    needs_root
    for _ in $(seq 100); do
        port=$(free_port)
        arrange_time_wait
        run -0 shim REUSESHIM_POLICY=restart-now "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port" listen
    done
    [ "$(jq -c 'select(.event == "resolved" and .outcome == "evicted")' "$LOG" | wc -l)" = 100 ]
}

# bats test_tags=long
@test "restart-now: without CAP_NET_ADMIN 100 instances at a time get in by waiting" {
    needs_root
    pids=()
    for i in $(seq 100); do
        port=$((7000 + i))
        arrange_time_wait
    done
    for i in $(seq 100); do
        ns setpriv --bounding-set -net_admin --inh-caps -net_admin env LD_PRELOAD="$LIB" REUSESHIM_POLICY=restart-now \
            REUSESHIM_FORMAT=json REUSESHIM_LOG="$LOG" "$PROGRAMS/sock" tcp bind 0.0.0.0:$((7000 + i)) listen 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    [ "$(jq -c 'select(.event == "resolved" and .outcome == "waited" and .waited_ms > 0)' "$LOG" | wc -l)" = 100 ]
}

@test "evict and AF_UNIX: a stale socket file is removed where a rule says unix or path, and else not" {
    path=$BATS_TEST_TMPDIR/run/x.sock
    mkdir "${path%/*}"
    for rules in "unix evict" "path */x.sock evict" "unix path $BATS_TEST_TMPDIR/run/* evict"; do
        rm -f "$path"
        ns "$PROGRAMS/sock" unix bind "$path" listen
        [ -S "$path" ]
        under evict unix bind "$path" listen
        [ "$status" = 1 ] # not without one of the two words
        expect_record '.cause == "unix-stale"' '.evicted == 0'
        under "$rules" unix bind "$path" listen errno
        [ "$status" = 0 ] && [ "$output" = "errno=0" ]
        expect_record '.event == "resolved"' '.outcome == "evicted"' '.evicted == 1' '.protocol == "unix"' \
            ".local == {path: \"$path\"}"
    done
}

@test "evict and AF_UNIX: a live socket of whatever type or network namespace is never touched, nor what is no socket" {
    path=$BATS_TEST_TMPDIR/live
    holder unix bind "$path" listen
    under "unix evict" unix bind "$path"
    [ "$status" = 1 ] && [ -S "$path" ]
    expect_record '.cause == "unix-live"' '.evicted == 0' ".holders[0].processes[0].pid == $holder_pid"
    stop
    rm "$path"
    holder unix bind "$path" # bound, not listening
    under "unix evict" unix bind "$path"
    [ "$status" = 1 ] && [ -S "$path" ]
    stop
    rm "$path"
    background "$PROGRAMS/sock" unix bind "$path" listen hold # of another network namespace
    under "unix evict" unix bind "$path"
    [ "$status" = 1 ] && [ -S "$path" ]
    echo precious >"$BATS_TEST_TMPDIR/file"
    mkdir "$BATS_TEST_TMPDIR/folder"
    ns "$PROGRAMS/sock" unix bind "$BATS_TEST_TMPDIR/stale"
    ln -s stale "$BATS_TEST_TMPDIR/link"
    for other in file folder link; do
        under "unix evict" unix bind "$BATS_TEST_TMPDIR/$other"
        [ "$status" = 1 ]
        expect_record '.evicted == 0'
    done
    [ -L "$BATS_TEST_TMPDIR/link" ] && [ -S "$BATS_TEST_TMPDIR/stale" ]
    [ "$(cat "$BATS_TEST_TMPDIR/file")" = precious ]
}

@test "evict and AF_UNIX: where the folder may not be written that is told, and the file stays" {
    needs_root
    open_folder
    ns "$PROGRAMS/sock" unix bind "$open/s"
    chmod 777 "$open/s"
    run -1 ns setpriv --reuid 4711 --regid 4711 --clear-groups env LD_PRELOAD="$LIB" REUSESHIM_RULES="unix evict" \
        "$PROGRAMS/sock" unix bind "$open/s"
    [[ $output == *"evict: "*stays* ]]
    [ -S "$open/s" ]
}

@test "wait and AF_UNIX: a path is waited for until its holder has removed the file" {
    path=$BATS_TEST_TMPDIR/w
    holder unix bind "$path" listen
    background_wait "unix wait 1000s" unix bind "$path" listen
    rm "$path"
    wait "$waiting"
    expect_record '.event == "resolved"' '.outcome == "waited"'
}
