#!/usr/bin/env bats
# What the library costs, in figures that do not depend on how busy the machine is. The times are make bench's.

load helper

# calls_of COMMAND...: how many system calls it makes; the library is in $preload.
calls_of() {
    ns strace -f -qq -o "$BATS_TEST_TMPDIR/trace" ${preload:+-E LD_PRELOAD="$preload"} -E REUSESHIM_LOG="$LOG" "$@" >/dev/null
    wc -l <"$BATS_TEST_TMPDIR/trace"
}

# added MODE...: how many system calls the library adds to one round of that mode of bench; what is done once falls out.
added() {
    local bare with
    bare=$(($(calls_of "$PROGRAMS/bench" "$@" 30) - $(calls_of "$PROGRAMS/bench" "$@" 10)))
    with=$(($(preload=$LIB calls_of "$PROGRAMS/bench" "$@" 30) - $(preload=$LIB calls_of "$PROGRAMS/bench" "$@" 10)))
    echo "$(((with - bare) / 20))"
}

# instructions CALL: how many the library adds to one that succeeds.
instructions() {
    local count lib total=()
    for lib in "$LIB" ''; do
        for count in 100 1100; do
            ns env ${lib:+LD_PRELOAD="$lib"} valgrind --tool=callgrind --callgrind-out-file="$BATS_TEST_TMPDIR/callgrind" --quiet \
                "$PROGRAMS/bench" calls "$1" "$count" >/dev/null 2>&1
            total+=("$(awk '/^summary:|^totals:/ {print $2; exit}' "$BATS_TEST_TMPDIR/callgrind")")
        done
    done
    echo "$(((total[1] - total[0] - total[3] + total[2]) / 1000))"
}

# at_most LIMIT FIGURE WHAT
at_most() {
    echo "$3: $2, at most $1 wanted"
    [ "$2" -le "$1" ]
}

@test "loading the library makes no system call that loading an empty one does not make" {
    [ "$(preload=$LIB calls_of true)" = "$(preload=$PROGRAMS/lib/empty.so calls_of true)" ]
}

@test "no system call is added to a bind that succeeds, nor to a connect, a socket or another option" {
    at_most 0 "$(added bind)" "bind"
    for call in connect socket setsockopt; do
        at_most 0 "$(added calls "$call")" "$call"
    done
}

@test "at most two system calls are added to a listen" {
    at_most 2 "$(added listen)" "listen"
}

@test "at most 16 system calls are added to a refusal that repeats another one, its record included" {
    at_most 16 "$(added refused)" "a repeated refusal"
}

@test "at most 200 system calls explain the refusal of a port that a sibling holds, among few processes" {
    at_most 200 "$(unshare --net --pid --fork --mount-proc env LIB="$LIB" LOG="$LOG" PROGRAMS="$PROGRAMS" sh -c 'ip link set lo up
        "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen hold >/dev/null 3>&- &
        until ss -Htln "sport = :1" | grep -q .; do :; done
        for lib in "$LIB" "$PROGRAMS/lib/empty.so"; do
            strace -qq -o "$LOG.trace" -E LD_PRELOAD="$lib" -E REUSESHIM_LOG="$LOG" "$PROGRAMS/sock" tcp bind 127.0.0.1:1 >/dev/null
            wc -l <"$LOG.trace"
        done' | { read -r with; read -r without; echo $((with - without)); })" "an explanation"
    grep -q 'held by .* (sock)' "$LOG"
}

# bats test_tags=long
@test "at most 40 instructions are added to a connect, a socket and another option" {
    for call in connect socket setsockopt; do
        at_most 40 "$(instructions "$call")" "$call"
    done
}

@test "loading looks up at most 6 names, and relocates at most 250 words" {
    at_most 6 "$(readelf -rW "$LIB" | grep -cE 'GLOB_DAT|JUMP_SLO|R_[A-Z0-9_]*_(64|32|ABS64) ')" "names"
    at_most 250 "$(readelf -rW "$LIB" | grep -cE '^[0-9a-f]{8,}')" "relocations"
}

@test "an exec leaves at most 2 pages of the library changed" {
    at_most 2 "$(ns env LD_PRELOAD="$LIB" cat /proc/self/smaps | awk -v lib="${LIB##*/}" -v page="$(getconf PAGESIZE)" '
        /^[0-9a-f]+-/ {mine = index($0, lib)}
        mine && /^Anonymous/ {sum += $2}
        END {print sum * 1024 / page}')" "pages"
}
