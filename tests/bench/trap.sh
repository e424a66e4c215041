#!/usr/bin/env bash
# What `reuseshim run --trap` costs, as ratios measured side by side in one run: trap.sh BUILD. Go and wrk are needed for the last
# row; without them it is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${1:-build}
run="env REUSESHIM_LOG=none $build/reuseshim run --trap --"
rounds=${ROUNDS:-11}

. tests/bench/inside.sh
. tests/bench/compare.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cost=$build/programs/call_cost
compare "a call that is not asked about (getppid), over bare" "-" "$run $cost getppid 200000" "$cost getppid 200000"
compare "listen under the trap, over bare" "-" "$run $cost listen 2000" "$cost listen 2000"

# A processor each, and one for Go, or the scatter is ten times the difference.
on_first=() on_second=()
if [ "$(nproc)" -gt 1 ]; then on_first=(env GOMAXPROCS=1 taskset -c 0) on_second=(taskset -c 1); fi

# requests COMMAND...: how many nanoseconds a request of a Go server takes, 16 connections.
requests() {
    local port=$((20000 + RANDOM % 10000)) server
    "${on_first[@]}" "$@" "$work/server" 127.0.0.1:$port >"$work/said" 2>/dev/null &
    server=$!
    until [ -s "$work/said" ]; do :; done
    "${on_second[@]}" wrk -t1 -c16 -d2s "http://127.0.0.1:$port/" | awk '/^Requests\/sec/ {printf "%.0f\n", 1e9 / $2}'
    kill "$server"
    wait "$server" 2>/dev/null || true
    rm "$work/said"
}

if command -v go >/dev/null && command -v wrk >/dev/null; then
    sed -n "/<<'GO'/,/^GO/p" tests/trap_programs.bats | sed '1d;$d' >"$work/server.go"
    (cd "$work" && HOME=$work GOCACHE=$work/cache GOFLAGS=-mod=mod CGO_ENABLED=0 go build -o server server.go)
    # shellcheck disable=SC2086
    trapped() { requests $run; }
    compare "a request to a Go net/http server under the trap, over bare" "<= 1.01" trapped "requests env"
else
    echo "a request to a Go server: not measured, Go or wrk is not installed"
fi
