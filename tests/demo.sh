#!/usr/bin/env bash
# make demo: on this machine, a server that sets no option; refused and explained, then restarted under the library.
set -uo pipefail
build=$(cd "$(dirname "$0")/.." && pwd)/build
[ $# -lt 1 ] || build=$(cd "$1" && pwd)
lib=$build/libreuseshim.so
legacy=$build/programs/legacy
unset LD_PRELOAD "${!REUSESHIM_@}"
server_pid=
out=$(mktemp)
trap '[ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null; rm -f "$out"' EXIT

say() {
    printf '\n%s\n' "$*"
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

# Prints a command as one would type it.
shown() {
    printf '$ %s\n' "${*//$build/build}"
}

# until_true COMMAND...: polls until it succeeds; false after two minutes.
until_true() {
    local deadline=$((SECONDS + 120))
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        read -rt 0.02 <> <(:) || true
    done
}

listening() {
    grep -qx listening "$out"
}

running() {
    kill -0 "$server_pid" 2>/dev/null
}

listens_or_ended() {
    listening || ! running
}

# Starts a server for one client; true if it listens. Its messages are shown.
start() {
    shown "$@" "$port 1"
    : >"$out"
    "$@" "$port" 1 >"$out" 2>&1 &
    server_pid=$!
    until_true listens_or_ended || fail "the server neither listens nor ends"
    sed 's/^/  /' "$out"
    listening && return
    wait "$server_pid"
    server_pid=
    return 1
}

# A connection of this machine whose local port is the server's is in TIME_WAIT (state 06 in /proc/net/tcp).
in_time_wait() {
    local address state hex
    printf -v hex '%04X' "$port"
    while read -r _ address _ state _; do
        [ "$address $state" != "0100007F:$hex 06" ] || return 0
    done </proc/net/tcp
    return 1
}

# The side that closes first gets TIME_WAIT, so the client keeps its end open until the server has closed and ended.
serve_a_client() {
    local line
    exec 4<>"/dev/tcp/127.0.0.1/$port" || fail "the server does not answer"
    IFS= read -r -t 120 -u 4 line || fail "the server sent nothing"
    printf '  a client reads: %s\n' "$line"
    read -r -t 120 -u 4
    [ $? = 1 ] || fail "the server does not close"
    wait "$server_pid"
    server_pid=
    exec 4<&- 4>&-
    until_true in_time_wait || fail "no connection of port $port is in TIME_WAIT"
}

port=$("$build/programs/sock" tcp bind 127.0.0.1:0 port)
say "1. An old server that sets no socket option. It serves a client and stops."
start "$legacy" || fail "the server did not start"
serve_a_client
say "2. Started again at once, it is refused: the connection that it closed is in TIME_WAIT."
start "$legacy" && fail "the second start should have been refused"
say "3. The same, and the library tells who holds the port, why, and what helps."
start env LD_PRELOAD="$lib" REUSESHIM_RULES=keep "$legacy" && fail "the start should have been refused"

port=$("$build/programs/sock" tcp bind 127.0.0.1:0 port)
say "4. Another port, and this time the library is there from the first start."
start env LD_PRELOAD="$lib" "$legacy" || fail "the server did not start under the library"
serve_a_client
say "5. Stopped, and started again at once: it comes up."
start env LD_PRELOAD="$lib" "$legacy" || fail "the second start under the library failed"
serve_a_client
say "Nothing is left running."
