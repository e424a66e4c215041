#!/usr/bin/env bash
# What the library costs, as ratios measured side by side in one run: bench.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${1:-build}
lib=$build/libreuseshim.so
bench=$build/programs/bench
rounds=${ROUNDS:-11}

. tests/bench/inside.sh

. tests/bench/compare.sh

instructions() {
    local out total=()
    for count in 100 1100; do
        out=$(mktemp)
        env ${2:+LD_PRELOAD=$2} valgrind --tool=callgrind --callgrind-out-file="$out" --quiet \
            "$bench" calls "$1" "$count" >/dev/null 2>&1
        total+=("$(awk '/^summary:|^totals:/ {print $2; exit}' "$out")")
        rm -f "$out"
    done
    echo "$(((total[1] - total[0]) / 1000))"
}

row "exec of /bin/true, over an empty preload library" "$("$build/programs/start" "$lib" "$build/programs/lib/empty.so" 10 150 /bin/true)" "<= 1.02"
if command -v valgrind >/dev/null; then
    for call in socket setsockopt connect; do
        row "instructions added to a successful $call" "$(($(instructions "$call" "$lib") - $(instructions "$call" "")))" "<= 40"
    done
else
    echo "instructions: not measured, valgrind is not installed"
fi
compare "socket+bind+close under restart, over bare" "<= 1.02" \
    "LD_PRELOAD=$lib $bench bind 20000" "$bench bind 20000"
compare "socket+bind+listen+close under restart, over setting the option itself" "<= 1.10" \
    "LD_PRELOAD=$lib $bench listen 20000" "$bench listen-own 20000"
compare "1,000 refused binds of one port in a row, over bare" "<= 3" \
    "LD_PRELOAD=$lib $bench refused 1000 2>/dev/null" "$bench refused 1000"
compare "200 taken ports one after the other, over bare" "<= 6" \
    "LD_PRELOAD=$lib $bench taken 200 2>/dev/null" "$bench taken 200"
row "a seccomp filter installed, over a thread's status read" "$("$build/programs/moment" 300)" ">= 1"
if unshare --net true 2>/dev/null; then
    alone="unshare --net sh -c 'ip link set lo up && exec \"\$@\"' sh"
    rounds=3 compare "1,000 connects with the range used up, over bare" "<= 1.5" \
        "$alone env LD_PRELOAD=$lib $bench exhausted 1000 2>/dev/null" "$alone $bench exhausted 1000"
else
    echo "connects with the range used up: not measured, a network namespace may not be made"
fi
compare "explained EADDRINUSE, over the bare one plus one sock_diag dump" "<= 2" \
    "LD_PRELOAD=$lib REUSESHIM_LOG=/dev/null REUSESHIM_DIAGNOSE=always BENCH_ANEW=1 $bench refused 300" "BENCH_ANEW=1 $bench refused-bare 300"
# A machine with a thousand processes and ten thousand sockets, in which ss(8) and the library look for the one who has
# a port. $1: the holder is in a cgroup of its own, or not.
crowded() {
    local port=1 group='' pid crowd=()
    coproc crowd_control { exec "$bench" crowd 1000 5000; }
    pid=$crowd_control_PID
    read -r _ <&"${crowd_control[0]}"
    if [ "$1" = own-cgroup ]; then
        group=$(cgroup_of_its_own) || { kill "$pid"; echo "no cgroup to be had"; return; }
    fi
    exec 3>&2 2>/dev/null # bash warns of a second coprocess
    coproc holder { [ -z "$group" ] || echo 0 >"$group/cgroup.procs"; exec "$build/programs/sock" tcp bind 0.0.0.0:$port listen hold; }
    crowd=("$holder_PID" "$pid")
    exec 2>&3 3>&-
    read -r _ <&"${holder[0]}"
    compare "$2" "$3" "LD_PRELOAD=$lib REUSESHIM_LOG=/dev/null REUSESHIM_DIAGNOSE=always BENCH_ANEW=1 REUSESHIM_BUDGET_MS=1000 $bench refused-at $port 9" \
        "$bench run-of 9 ss -tanp 'sport = :$port'"
    kill "${crowd[@]}"
    wait 2>/dev/null
    [ -z "$group" ] || rmdir "$group"
}

cgroup_of_its_own() {
    local mount
    for mount in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ "$(stat -fc %T "$mount")" != cgroup2fs ] || { mkdir "$mount/reuseshim-bench.$$" && echo "$mount/reuseshim-bench.$$"; return; }
    done 2>/dev/null
    return 1
}

# What 100 times as many connections on the listener's port cost. Without SO_REUSEADDR, because with it the kernel's own
# check goes through all of them before it comes to the listener.
growth() {
    local few many
    export REUSESHIM_RULES=keep
    few=$(LD_PRELOAD=$lib REUSESHIM_LOG=/dev/null REUSESHIM_DIAGNOSE=always BENCH_ANEW=1 REUSESHIM_BUDGET_MS=10000 "$bench" refused-among 1000 200)
    many=$(LD_PRELOAD=$lib REUSESHIM_LOG=/dev/null REUSESHIM_DIAGNOSE=always BENCH_ANEW=1 REUSESHIM_BUDGET_MS=10000 "$bench" refused-among 100000 200)
    awk -v a="$many" -v b="$few" 'BEGIN {printf "%.2f\n", a / b}'
}

crowded own-cgroup "explained, 10,000 sockets, 1,000 processes, over ss -tanp; own cgroup" "<= 0.10"
crowded shared "explained, 10,000 sockets, 1,000 processes, over ss -tanp; else" "<= 0.33"
row "growth of an explanation from 1,000 to 100,000 connections" "$(growth)" "<= 2"

# A program that has bound a socket, held for a moment by its own stdin.
private_memory() {
    local pid
    coproc holder { LD_PRELOAD=$lib exec "$build/programs/sock" tcp bind 127.0.0.1:1 hold; }
    pid=$holder_PID
    read -r _ <&"${holder[0]}"
    awk -v lib="$lib" '
        /^[0-9a-f]+-/ {split($1, range, "-"); mine = index($0, lib) > 0 || (NF == 5 && range[1] == last)
                       if (mine) last = range[2]}
        mine && /^Anonymous/ {sum += $2}
        END {print sum}' "/proc/$pid/smaps"
    kill "$pid"
    wait "$pid" 2>/dev/null || true
}

row "private memory that the library adds to a process, KB" "$(private_memory)" "<= 16"
row "the library file, KB" "$(($(stat -c %s "$lib") / 1024))" "<= 192"
