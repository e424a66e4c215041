#!/usr/bin/env bats
# What a program may do under the trap of reuseshim run that would confuse a careless supervisor.

load helper
load trap

setup_file() {
    build_static sock shifty filter
}

@test "an address that changes under the supervisor's hands, and a descriptor that is another file, end as they would bare" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for what in address descriptor; do
        run -0 run_it "$BATS_FILE_TMPDIR/shifty" "$what" 500 "$port"
        [ "$output" = "otherwise 0" ]
    done
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "a thread is explained when the first one has ended" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 run_it -r keep "$BATS_FILE_TMPDIR/shifty" first 3 "$port"
    [ "$output" = "otherwise 0" ]
    [ "$(wc -l <"$LOG")" = 3 ]
    head -n 1 "$LOG" | holds '.cause == "listener" and .pid != .tid'
}

@test "while the supervisor is stopped a call waits, can be killed, and goes on when the supervisor does" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    exec {go}<>"$BATS_TEST_TMPDIR/go"
    for end in kill continue; do
        background ns "$BUILD/reuseshim" run --trap sh -c 'echo ready; read -r _ <"$0"; exec "$1" tcp bind 127.0.0.1:0' "$BATS_TEST_TMPDIR/go" "$BATS_FILE_TMPDIR/sock"
        until_true eval '[ "$(supervisors | wc -l)" = 2 ]'
        mapfile -t stopped < <(supervisors)
        kill -STOP "${stopped[@]}"
        echo >&"$go"
        until_true is_held "$last_pid"
        [ $end = continue ] || kill -KILL "$last_pid"
        [ $end = kill ] || kill -CONT "${stopped[@]}"
        code=0
        wait "$last_pid" 2>/dev/null || code=$?
        [ "$code" = "$([ $end = kill ] && echo 137 || echo 0)" ]
        kill -CONT "${stopped[@]}" 2>/dev/null || true
        until_true eval '[ -z "$(supervisors)" ]'
    done
}

@test "a filter of the program's own comes first: one that answers bind with an error, and one that kills for it" {
    run -1 run_it "$BATS_FILE_TMPDIR/filter" errno bind "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:0
    [ "$output" = "bind: EPERM" ]
    run -159 run_it "$BATS_FILE_TMPDIR/filter" kill bind "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:0
    until_true eval '[ -z "$(supervisors)" ]'
}

@test "in user, network, PID and mount namespaces of its own a program is reached, and explained from there; as another user, too" {
    needs_root
    open_folder 777
    cp "$BATS_FILE_TMPDIR/sock" "$BUILD/reuseshim" "$open"
    for who in "" "setpriv --reuid 4711 --regid 4711 --clear-groups"; do
        LOG=$open/log.$RANDOM
        install -m 666 /dev/null "$LOG"
        # shellcheck disable=SC2016,SC2086
        run -0 ns $who env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$open/reuseshim" run -r keep --trap unshare --user --map-root-user --net --pid --mount --fork sh -c '
            ip link set lo up
            "$0" tcp bind 127.0.0.1:5000 listen tcp bind 127.0.0.1:5000 errno; exit 0' "$open/sock"
        [[ $output == *errno=98* ]]
        expect_record '.cause == "listener" or .cause == "bound"' '.holders[0].local.port == 5000' '.holders[0].processes[0].relation == "self"'
    done
}
