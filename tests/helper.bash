# What the bats files share: where the build is, a network namespace for each test, and no loose ends. README.md here tells
# which variables of the caller count.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
BUILD=${REUSESHIM_TEST_BUILD:-$TOP/build}
LIB=$BUILD/libreuseshim.so
PROGRAMS=$BUILD/programs
SCRIPTS=$TOP/tests/programs
SYSTEM_PYTHON=/usr/bin/python3

# Nothing of the caller's own settings may reach a test.
unset LD_PRELOAD
for name in "${!REUSESHIM_@}"; do
    [[ $name == REUSESHIM_TEST_* ]] || unset "$name"
done
# A busy machine may take its time; only tests of the budget itself set it.
export REUSESHIM_BUDGET_MS=60000

setup() {
    started=()
    made=()
    LOG=$BATS_TEST_TMPDIR/log
    namespace_start
}

# Everything that runs in the test's namespace goes with it, whoever started it; so does what was made elsewhere.
teardown() {
    local pid
    [ "${#made[@]}" = 0 ] || rm -rf "${made[@]}"
    # The number of one that has ended may be a stranger's by now, and bats keeps a job of its own for BATS_TEST_TIMEOUT.
    for pid in $(jobs -rp); do
        [[ " ${started[*]} " != *" $pid "* ]] || kill -KILL "$pid" 2>/dev/null || true
    done
    for pid in $(namespace_processes); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    # By name: bats keeps a background job of its own for BATS_TEST_TIMEOUT, and without a name wait waits for all.
    [ -z "${started[*]}${namespace_pid:-}" ] || wait "${started[@]}" ${namespace_pid:+"$namespace_pid"} 2>/dev/null || true
}

# A folder that another user can reach, wherever this tree and bats' own folders are; its path in $open.
open_folder() {
    open=$(mktemp -d)
    made+=("$open")
    chmod "${1:-755}" "$open"
}

# ---- the namespace ----------------------------------------------------------------------------------------------

# A namespace with nothing in it but loopback, held open by a process of its own.
namespace_start() {
    local unshare=(unshare --net)
    enter=(nsenter --net)
    if [ "$(id -u)" != 0 ]; then
        unshare=(unshare --user --map-root-user --net)
        enter=(nsenter --user --net --preserve-credentials)
    fi
    mkfifo "$BATS_TEST_TMPDIR/hold"
    "${unshare[@]}" sh -c 'ip link set lo up && echo up >"$0/up" && exec cat "$0/hold"' "$BATS_TEST_TMPDIR" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/namespace-error" 3>&- &
    namespace_pid=$!
    until_said "$namespace_pid" "$BATS_TEST_TMPDIR/up" || { cat "$BATS_TEST_TMPDIR/namespace-error" >&2; return 1; }
}

# The same once more, with nothing in it.
namespace_renew() {
    teardown
    started=()
    rm -f "$BATS_TEST_TMPDIR"/{hold,up,out.*}
    namespace_start
}

# The processes in it. Also that of a program which has left its parents.
namespace_processes() {
    local folder
    [ -n "${namespace_pid:-}" ] || return 0
    for folder in /proc/[0-9]*; do
        [ ! "$folder/ns/net" -ef "/proc/$namespace_pid/ns/net" ] || echo "${folder##*/}"
    done
}

# Runs a command in the test's namespace.
ns() {
    "${enter[@]}" --target "$namespace_pid" -- "$@"
}

# ns_sysctl NAME=VALUE: a setting of that namespace, as sysctl(8) takes it.
ns_sysctl() {
    local name=${1%%=*}
    ns sh -c 'echo "$1" >"/proc/sys/$0"' "${name//.//}" "${1#*=}"
}

# Puts into `words` what runs a command with the library; VARIABLE=value words may come first. REUSESHIM_TEST_TRAP: under the
# trap of `reuseshim run` instead.
under_library() {
    words=(ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$@")
    [ -n "${REUSESHIM_TEST_TRAP:-}" ] || return 0
    words=(ns env REUSESHIM_DIAGNOSE=always REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json) # connect, too
    while [[ ${1:-} == [A-Z]*=* ]]; do
        words+=("$1")
        shift
    done
    words+=("$BUILD/reuseshim" run --trap -- "$@")
}

# Runs a command there with the library.
shim() {
    local words
    under_library "$@"
    "${words[@]}"
}

# A free port, from the kernel of the test's namespace.
free_port() {
    ns "$PROGRAMS/sock" "${1:-tcp}" bind "${2:-0.0.0.0}:0" port
}

# ---- waiting ----------------------------------------------------------------------------------------------------

# Seconds. What is waited for comes in a moment; the limit is for what never comes, and no slow machine reaches it.
PATIENCE=180

# For so many seconds, by reading a FIFO to which nobody writes. No process is made: where numbers of processes are used again
# within seconds, as here, bash may take a new child for an old one that it has not forgotten, and wait for it for ever.
pause() {
    local never=$BATS_RUN_TMPDIR/never
    [ -p "$never" ] || mkfifo "$never" 2>/dev/null || [ -p "$never" ]
    read -rt "$1" <>"$never" || true
}

# Polls until the command succeeds.
until_true() {
    local end=$((SECONDS + PATIENCE))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "gave up waiting for: $*" >&2; return 1; }
        pause 0.02
    done
}

# until_said PID FILE: until there is something in the file; false if the process has ended and there is nothing.
until_said() {
    until_true said_or_ended "$@" && [ -s "$2" ]
}

said_or_ended() {
    [ -s "$2" ] || ! kill -0 "$1"
}

# Starts a command in the background; its pid is in $last_pid, its output in $last_out.
spawn() {
    last_out=$BATS_TEST_TMPDIR/out.${#started[@]}
    : >"$last_out"
    # Not through the functions: a subshell of theirs would stand between, and have the pid.
    if [ "$1" = shim ]; then
        local words
        under_library "${@:2}"
        set -- "${words[@]}"
    fi
    [ "$1" != ns ] || set -- "${enter[@]}" --target "$namespace_pid" -- "${@:2}"
    "$@" >"$last_out" 2>"$last_out.err" 3>&- &
    last_pid=$!
    started+=("$last_pid")
}

# The same, and waits until it has printed a line ("ready", "listening").
background() {
    spawn "$@"
    until_said "$last_pid" "$last_out" || { cat "$last_out.err" >&2; return 1; }
}

# The socket words of tests/programs/sock.c, in the background, in the namespace, without the library.
holder() {
    background ns "$PROGRAMS/sock" "$@" hold
    holder_pid=$last_pid
}

# Stops what background or holder started last, and waits for its end.
stop() {
    kill "${1:-$last_pid}"
    wait "${1:-$last_pid}" 2>/dev/null || true
}

# ---- records ----------------------------------------------------------------------------------------------------

# record FILTER: a jq expression over the last record in the log, as compact JSON.
record() {
    [ -s "$LOG" ] && tail -n 1 "$LOG" | jq -ec "$1" # jq 1.6 calls it true if there is nothing
}

# holds FILTER [FILE]: true for every JSON value of the input, of which there is at least one.
holds() {
    jq -se "length > 0 and all(.[]; $1)" "${@:2}" >/dev/null
}

# expect_record FILTER...: each must be true for the last record.
expect_record() {
    local filter
    for filter in "$@"; do
        if ! record "$filter" >/dev/null; then
            echo "not so: $filter" >&2
            tail -n 1 "$LOG" | jq . >&2
            return 1
        fi
    done
}

# expect_times BEFORE: the record was written, and the holder's process started, between then and now, in seconds since 1970.
expect_times() {
    # A start is known to the second, from ticks since boot.
    expect_record "(.time[:19] + \"Z\" | fromdate) | $1 <= . and . <= now" \
        "(.holders[0].processes[0].started | fromdate) | $1 - 2 <= . and . <= now + 1"
}

# The record of a newcomer that does these socket words under the library, with no rule in play.
refused() {
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" "$@"
}

owner_is() {
    expect_record '.holders[0].owner == "known"' ".holders[0].processes[0].pid == $1" \
        ".holders[0].processes[0].program == \"${2:-sock}\""
}

# ---- what a machine may lack ------------------------------------------------------------------------------------

# may_skip KEY: skips the test if the line of tests/skips with that key proves its reason here; else the test goes on.
may_skip() {
    local line proof
    line=$(grep "^$1 | " "$TOP/tests/skips") || { echo "tests/skips has no line for '$1'" >&2; return 1; }
    proof=${line#* | }
    if (cd "$TOP" && bash -c "${proof% | *}") >/dev/null 2>&1; then
        skip "${line##* | }"
    fi
}

# For tests in which several users take part.
needs_root() {
    may_skip not-root
}

# What has to stand before a 32-bit program here: nothing, or qemu-i386.
i386_emulator() {
    "$SYSTEM_PYTHON" "$SCRIPTS/runs_i386.py" || echo qemu-i386
}

# i386 [VARIABLE=value]... PROGRAM [ARG]...: runs a 32-bit program in the namespace.
i386() {
    local settings=()
    if [ -z "$(i386_emulator)" ]; then
        ns env "$@"
        return
    fi
    while [[ $1 == [A-Z]*=* ]]; do
        settings+=(-E "$1")
        shift
    done
    ns qemu-i386 "${settings[@]}" "$@"
}

# ---- what the command knows -------------------------------------------------------------------------------------

# words_for VARIABLE=VALUE: what a complaint about the value, in which there is a '?', offers in its place, one a line.
words_for() {
    env "$1" "$BUILD/reuseshim" check 2>&1 | sed -nE "s/.*: '\?': expected (an option: )?([^;]*).*/\2/p" | sed 's/ or /, /; s/, /\n/g'
}

# words_of FILE: the first string of each row of a list among the headers, as of causes.h.
words_of() {
    sed -nE 's/^ *_\([A-Z0-9_]+, "([^"]*)".*/\1/p' "$TOP/include/reuseshim/$1"
}

option_words() {
    words_for REUSESHIM_RULES="force ?"
}

# The names of the subcommands, one a line.
subcommands() {
    "$BUILD/reuseshim" --help | sed -nE 's/^  reuseshim ([a-z]+) .*/\1/p'
}
