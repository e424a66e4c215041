#!/usr/bin/env bash
# What `reuseshim run --trap` costs, as ratios measured side by side in one run: trap.sh BUILD. Go is needed for the last rows; without
# it they are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${1:-build}
run="env REUSESHIM_LOG=none $build/reuseshim run --trap --"
rounds=${ROUNDS:-11}

. tests/bench/inside.sh
. tests/bench/compare.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A program under a filter that asks about one call it never makes: what any seccomp filter costs, ours among them.
least="$build/programs/filter errno ptrace"

cost=$build/programs/call_cost
compare "a call that is not asked about (getppid), over bare" "-" "$run $cost getppid 200000" "$cost getppid 200000"
compare "the same, over the least filter" "<= 1.05" "$run $cost getppid 200000" "$least $cost getppid 200000"
compare "listen under the trap, over bare" "-" "$run $cost listen 2000" "$cost listen 2000"

# A processor for the servers and one for who asks, or the scatter is ten times the difference.
on_first=() on_second=()
if [ "$(nproc)" -gt 1 ]; then on_first=(env GOMAXPROCS=1 taskset -c 0) on_second=(taskset -c 1); fi

# serve WHICH COMMAND: the Go server under COMMAND, on a port of its own.
serve() {
    local said=$work/said.$1
    ports[$1]=$((20000 + RANDOM % 10000))
    # shellcheck disable=SC2086
    "${on_first[@]}" $2 "$work/server" 127.0.0.1:"${ports[$1]}" >"$said" 2>/dev/null &
    servers[$1]=$!
    until [ -s "$said" ]; do :; done
    rm "$said"
}

# requests A B: nanoseconds a request of the server under A and under B, and the ratio, turn by turn. Each pair of servers is new,
# and either is started first in turn: where a process lies in memory makes more of a difference than a filter.
requests() {
    local i ports servers
    for i in $(seq "$rounds"); do
        serve $((i % 2)) "${@:i % 2 + 1:1}"
        serve $((1 - i % 2)) "${@:2 - i % 2:1}"
        "${on_second[@]}" "$build/programs/requests_in_turn" "${ports[0]}" "${ports[1]}" 25 | awk '{printf "%s %s %.4f\n", $1, $2, $1 / $2}'
        kill "${servers[@]}"
        wait "${servers[@]}" 2>/dev/null || true
    done
}

if command -v go >/dev/null; then
    sed -n "/<<'GO'/,/^GO/p" tests/trap_programs.bats | sed '1d;$d' >"$work/server.go"
    (cd "$work" && HOME=$work GOCACHE=$work/cache GOFLAGS=-mod=mod CGO_ENABLED=0 go build -o server server.go)
    sum_up "a request to a Go net/http server under the trap, over bare" "-" "$(requests "$run" env)"
    sum_up "the same, over the least filter" "<= 1.01" "$(requests "$run" "$least")"
    sum_up "the same, bare over bare: what the machine makes of it" "-" "$(requests env env)"
else
    echo "a request to a Go server: not measured, Go is not installed"
fi
