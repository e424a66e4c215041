# What the bats files share: where the build is, a network namespace for each test, and no loose ends.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
BUILD=${REUSESHIM_TEST_BUILD:-$TOP/build}
LIB=$BUILD/libreuseshim.so
PROGRAMS=$BUILD/programs
SYSTEM_PYTHON=/usr/bin/python3

# Nothing of the caller's own settings may reach a test.
unset LD_PRELOAD "${!REUSESHIM_@}"

setup() {
    started=()
    made=()
    LOG=$BATS_TEST_TMPDIR/log
    namespace_start
}

# Everything that runs in the test's namespace goes with it, whoever started it; so does what was made elsewhere.
teardown() {
    [ "${#made[@]}" = 0 ] || rm -rf "${made[@]}"
    [ -z "${namespace_pid:-}" ] || pkill -KILL --ns "$namespace_pid" --nslist net . || true
    [ "${#started[@]}" = 0 ] || kill -KILL "${started[@]}" 2>/dev/null || true
    # By name: bats keeps a background job of its own for BATS_TEST_TIMEOUT.
    wait "${started[@]}" ${namespace_pid:+"$namespace_pid"} 2>/dev/null || true
}

# A folder that another user can reach, wherever this tree and bats' own folders are; its path in $open.
open_folder() {
    open=$(mktemp -d)
    made+=("$open")
    chmod "${1:-755}" "$open"
}

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
    until_true 5 test -s "$BATS_TEST_TMPDIR/up"
}

# For tests in which several users take part.
needs_root() {
    [ "$(id -u)" = 0 ] || skip "needs root, to act as several users"
}

# Runs a command in the test's namespace.
ns() {
    "${enter[@]}" --target "$namespace_pid" -- "$@"
}

# Runs a command there with the shim; VARIABLE=value words may come first.
shim() {
    ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$@"
}

# until_true SECONDS COMMAND...: polls until the command succeeds.
until_true() {
    local tries=$(($1 * 50))
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || { echo "gave up waiting for: $*" >&2; return 1; }
        read -rt 0.02 <> <(:) || true
    done
}

# Starts a command in the background and waits until it has printed a line ("ready", "listening").
background() {
    local out=$BATS_TEST_TMPDIR/out.${#started[@]}
    # Not through the function: a subshell of it would stand between, and have the pid.
    [ "$1" != ns ] || set -- "${enter[@]}" --target "$namespace_pid" -- "${@:2}"
    "$@" >"$out" 2>"$out.err" 3>&- &
    last_pid=$!
    started+=("$last_pid")
    last_out=$out
    until_true 10 test -s "$out" || { cat "$out.err" >&2; return 1; }
}

# The socket words of tests/programs/sock.c, in the background, in the namespace, without the shim.
holder() {
    background ns "$PROGRAMS/sock" "$@" hold
    holder_pid=$last_pid
}

# Stops what background or holder started last, and waits for its end.
stop() {
    kill "${1:-$last_pid}"
    wait "${1:-$last_pid}" 2>/dev/null || true
}

# A free port, from the kernel of the test's namespace.
free_port() {
    ns "$PROGRAMS/sock" "${1:-tcp}" bind "${2:-0.0.0.0}:0" port
}

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

# The record of a newcomer that does these socket words under the shim, with no rule in play.
refused() {
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" "$@"
}

owner_is() {
    expect_record '.holders[0].owner == "known"' ".holders[0].processes[0].pid == $1" \
        ".holders[0].processes[0].program == \"${2:-sock}\""
}
