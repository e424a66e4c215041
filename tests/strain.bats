#!/usr/bin/env bats
# A host program in the middle of something: signals, cancellation, threads, shared tables of descriptors, other namespaces.

load helper

# strain STATE [COUNT]: refused binds in that state, each explained in full into $LOG.
strain() {
    port=$(free_port)
    holder tcp bind 0.0.0.0:"$port" listen
    run -0 shim REUSESHIM_DIAGNOSE="${diagnose:-always}" "$PROGRAMS/strain" "$1" "$port" "${@:2}"
}

records() { wc -l <"$LOG"; }

@test "a signal handler that leaves a refused bind by longjmp leaves nothing behind" {
    strain jump 50
    [ "$(records)" -gt 0 ]
    holds '.cause == "listener"' "$LOG" >/dev/null
}

@test "a thread that is canceled during a refused bind leaves nothing behind, with both types of cancellation" {
    for type in deferred asynchronous; do
        strain "cancel-$type" 50
    done
    holds . "$LOG" >/dev/null
}

@test "a connect that waits is a cancellation point as ever" {
    strain cancel-connect
}

@test "64 threads are refused, and each refusal is a record" {
    diagnose=auto strain threads 20
    [ "$output" = "$(records)" ]
    [ "$(jq -r .tid "$LOG" | sort -u | wc -l)" = 64 ]
}

@test "processes that share their table of descriptors are explained their refusals, and share nothing else afterwards" {
    strain clones 20
    [ "$output" = "$(records)" ]
    holds '.cause == "listener"' "$LOG" >/dev/null
}

@test "a process that leaves its network and its mounts between two binds is explained the second where it is" {
    strain unshared
    [ "$(records)" = 2 ]
    expect_record '.holders[0].processes[0].relation == "self"' '.local.address == "0.0.0.0"'
}

@test "a signal handler binds while the program is refused, 2,000 times, and each refusal is a record" {
    diagnose=auto strain handler 2000
    [ "$output" = "$(records)" ]
}

# bats test_tags=long
@test "a signal handler binds while the program is refused, 100,000 times, and each refusal is a record" {
    diagnose=auto strain handler 100000
    [ "$output" = "$(records)" ]
}
