#!/usr/bin/env bash
# make demo: on this machine, a server that sets no option; refused and explained, then restarted under the shim.
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

# Prints a command as one would type it.
shown() {
    printf '$ %s\n' "${*//$build/build}"
}

# Starts a server for one client; true once it listens. Its messages are shown.
start() {
    shown "$@" "$port 1"
    : >"$out"
    "$@" "$port" 1 >"$out" 2>&1 &
    server_pid=$!
    for _ in $(seq 100); do
        if grep -q listening "$out"; then
            sed 's/^/  /' "$out"
            return 0
        fi
        kill -0 "$server_pid" 2>/dev/null || break
        read -rt 0.05 <> <(:)
    done
    wait "$server_pid" 2>/dev/null
    server_pid=
    sed 's/^/  /' "$out"
    return 1
}

serve_a_client() {
    exec 4<>"/dev/tcp/127.0.0.1/$port" || return 1
    IFS= read -r -t 5 -u 4 line && printf '  a client reads: %s\n' "$line"
    exec 4<&- 4>&-
    wait "$server_pid"
    server_pid=
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

port=$("$build/programs/sock" tcp bind 127.0.0.1:0 port)
say "1. An old server that sets no socket option. It serves a client and stops."
start "$legacy" || fail "the server did not start"
serve_a_client
say "2. Started again at once, it is refused: the connection that it closed is in TIME_WAIT."
start "$legacy" && fail "the second start should have been refused"
say "3. The same, and the shim tells who holds the port, why, and what helps."
start env LD_PRELOAD="$lib" REUSESHIM_RULES=keep "$legacy" && fail "the start should have been refused"

port=$("$build/programs/sock" tcp bind 127.0.0.1:0 port)
say "4. Another port, and this time the shim is there from the first start."
start env LD_PRELOAD="$lib" "$legacy" || fail "the server did not start under the shim"
serve_a_client
say "5. Stopped, and started again at once: it comes up."
start env LD_PRELOAD="$lib" "$legacy" || fail "the second start under the shim failed"
serve_a_client
say "Nothing is left running."
