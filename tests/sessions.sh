#!/usr/bin/env bash
# tests/sessions.sh [--write] [FILE]...: runs the sessions that the documents show with the program in build/, and shows what is
# no longer so; exit code 1 if anything is. With --write it puts the new text into the documents. Where nothing of substance
# differs the old text stays. Without FILE: README.md and the man pages. As root.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

write=
[ "${1:-}" != --write ] || { write=yes && shift; }
[ $# -gt 0 ] || set -- "$top/README.md" "$top"/shim/*/*.[157]
mapfile -t files < <(realpath -e -- "$@")
[ "${#files[@]}" = $# ] || exit 1
[ "$(id -u)" = 0 ] || { echo "the sessions need root" >&2; exit 1; }

# What bats gives the files that are shared with it.
# shellcheck disable=SC2317 # helper.bash calls it
bats_require_minimum_version() { :; }
BATS_TEST_DIRNAME=$top/tests
work=$(mktemp -d)
BATS_RUN_TMPDIR=$work/run BATS_FILE_TMPDIR=$work/file
mkdir "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
. "$top/tests/helper.bash"
. "$top/tests/sessions.bash"
. "$top/tests/machine.bash"
started=() made=() namespace_pid=
exec 3>&1

# shellcheck disable=SC2317 # by trap
finish() {
    teardown 2>/dev/null
    [ ! -e "$BATS_FILE_TMPDIR/nspawn" ] || stop_machine 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

if [ ! -x "$BUILD/reuseshim" ] || [ ! -x "$PROGRAMS/legacy" ]; then
    echo "make all programs first" >&2
    exit 1
fi

# ready_for STAGE: a machine, which is started once, or a namespace with nothing in it.
ready_for() {
    if [ "$1" != systemd ]; then
        namespace_renew
    elif [ ! -e "$BATS_FILE_TMPDIR/init" ]; then
        start_machine
    fi
} 2>/dev/null

# look_at FILE N: runs that session; false if it is no longer so, and then shows it, or writes it.
look_at() {
    local file=$1 session=$BATS_TEST_TMPDIR/session.$2 first last
    read -r first last <"$session.lines"
    ready_for "$(cat "$session.stage")" || { echo "$file:$first: no ground for the session" >&2; return 1; }
    session_differs "$2" || return 0
    "$SYSTEM_PYTHON" "$SCRIPTS/session_merge.py" "$session" "$session.ran" "$session.expected" "$session.got" >"$session.new"
    echo "$file:$first:"
    diff "$session" "$session.new"
    if [ -n "$write" ]; then
        in_document "$file" <"$session.new" >"$session.text"
        sed -i -e "$((first - 1))r $session.text" -e "$first,${last}d" "$file"
    fi
    [ -n "$write" ]
}

status=0
for file in "${files[@]}"; do
    BATS_TEST_TMPDIR=$work/document.$(basename "$file")
    mkdir "$BATS_TEST_TMPDIR"
    sessions_of "$file"
    # From the last to the first, so that the numbers of the lines hold.
    for ((n = $(find "$BATS_TEST_TMPDIR" -name 'session.*.lines' | wc -l); n > 0; n--)); do
        look_at "$file" "$n" || status=1
    done
done
exit $status
