#!/usr/bin/env bash
# one.sh SUITE [UNIT]...: runs these units of a suite, or all, and prints a line "TEST<tab>RESULT" for each test; RESULT is ok,
# fail or skip. run.sh starts it in namespaces of its own, with the library or without; so it begins with what only one who
# is in there can see to.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
suite=$1
shift
: "${store:?} ${scratch:?}"

ip link set lo up
if [ -n "${LD_PRELOAD:-}" ] && ! grep -qF "$LD_PRELOAD" /proc/self/maps; then
    echo "the library is not in this process" >&2
    exit 1
fi
# Two runs at a time share no file: the suites are a copy on write, and what is named after a process id has another one.
mount -t tmpfs tmpfs "$scratch" && mkdir "$scratch"/{.upper,.work} &&
    mount -t overlay overlay -o "lowerdir=$store,upperdir=$scratch/.upper,workdir=$scratch/.work" "$store" || exit 1
export TMPDIR=$scratch HOME=$scratch LC_ALL=C.UTF-8 TZ=UTC
unset TERM DISPLAY

# limited SECONDS COMMAND...: no unit may hold up the rest. Its own namespace of processes, so that nothing outlives it.
limited() {
    local seconds=$1
    shift
    # shellcheck disable=SC2016
    unshare --pid --fork --kill-child --mount-proc bash -c 'echo "$1" >/proc/sys/kernel/ns_last_pid; shift; exec "$@"' bash \
        $((1000 + RANDOM)) timeout -k 5 "$seconds" "$@" </dev/null
}

# tap NAME: makes "NAME N<tab>RESULT" of TAP.
tap() {
    awk -v name="$1" '
        /^(not )?ok / {
            result = /^not/ ? "fail" : "ok"
            if (/# *[Ss][Kk][Ii][Pp]/) result = "skip"
            if (/# *[Tt][Oo][Dd][Oo]/) result = "skip"
            sub(/^not /, "")
            print name " " $2 "\t" result
        }
        /^1\.\.0/ { print name "\tskip" }'
}

# ended NAME STATUS: how the unit as a whole ended is a result, too.
ended() {
    case $2 in
    0) printf '%s (end)\tok\n' "$1" ;;
    124 | 137) printf '%s (end)\ttimeout\n' "$1" ;;
    *) printf '%s (end)\tfail\n' "$1" ;;
    esac
}

# shellcheck source=tests/transparency/suites/cpython.sh
. "suites/$suite.sh"
# shellcheck disable=SC2046
[ $# != 0 ] || set -- $(units)
run "$@"
