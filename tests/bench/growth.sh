#!/usr/bin/env bash
# How the cost of an explained refusal grows, as the table of README.md here: growth.sh BUILD. The floor is what cannot be avoided: the
# refused bind and one dump of the sockets of that port, and for processes the links of all descriptors, by a plain loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${1:-build}
lib=$build/libreuseshim.so bench=$build/programs/bench
if [ -z "${BENCH_INSIDE:-}" ]; then
    BENCH_INSIDE=1 exec unshare --net --pid --fork --mount-proc --kill-child sh -c 'ip link set lo up; "$0" "$@"; exit' "$0" "${1:-build}"
fi
unset LD_PRELOAD "${!REUSESHIM_P@}" "${!REUSESHIM_R@}" "${!REUSESHIM_L@}"
explained=(env LD_PRELOAD="$lib" REUSESHIM_LOG=/dev/null REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always BENCH_ANEW=1 REUSESHIM_BUDGET_MS=10000)

median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
table_row() { awk -v what="$1" -v ours="$2" -v floor="$3" 'BEGIN {printf "| %s | %.0f | %.0f | %.2f |\n", what, ours / 1000, floor / 1000, ours / floor}'; }

echo "| | explained, us | floor, us | ratio |"
echo "|---|---|---|---|"
for sockets in 1000 10000 100000; do
    ours=$(for _ in 1 2 3; do "${explained[@]}" "$bench" refused-among "$sockets" 50; done | median)
    floor=$(for _ in 1 2 3; do env BENCH_ANEW=1 "$bench" bare-among "$sockets" 50; done | median)
    table_row "$sockets connections on the port" "$ours" "$floor"
done
for processes in 10 1000 5000; do
    "$build/programs/sock" tcp bind 0.0.0.0:1 listen hold >/dev/null & holder=$!
    coproc crowd { exec "$bench" crowd "$processes" 0; }
    read -r _ <&"${crowd[0]}"
    ours=$(for _ in 1 2 3; do "${explained[@]}" "$bench" refused-at 1 9; done | median)
    floor=$(for _ in 1 2 3; do "$bench" walk 3; done | median)
    table_row "$processes processes" "$ours" "$floor"
    kill "$holder" "$crowd_PID"
    wait 2>/dev/null || true
done
for threads in 1 2 8; do
    ours=$(for _ in 1 2 3; do env LD_PRELOAD="$lib" REUSESHIM_LOG=/dev/null REUSESHIM_RULES=keep "$bench" threads "$threads" refused 500; done | median)
    floor=$(for _ in 1 2 3; do "$bench" threads "$threads" refused 500; done | median)
    table_row "$threads threads, each refused 500 times" "$ours" "$floor"
done
