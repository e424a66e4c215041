#!/usr/bin/env bash
# More than design figures: what starting, doors, servers and answers cost beside everything else there is, in one run, in turn.
# everything.sh BUILD. CSV=FILE keeps the rows; PEER=/path/lib.so puts another preload library beside ours; ROUNDS= as ever.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${1:-build}
lib=$build/libreuseshim.so bench=$build/programs/bench empty=$build/programs/lib/empty.so
export rounds=${ROUNDS:-11}

# The crowds need processes and sockets of their own.
if [ -z "${BENCH_INSIDE:-}" ]; then
    BENCH_INSIDE=1 exec unshare --net --pid --fork --mount-proc --kill-child sh -c 'ip link set lo up; "$0" "$@"; exit' "$0" "${1:-build}"
fi
unset LD_PRELOAD "${!REUSESHIM_P@}" "${!REUSESHIM_R@}" "${!REUSESHIM_L@}"
. tests/bench/compare.sh

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

# peer WHAT A B: the same of the other library, which stands for $lib in A.
also_peer() {
    [ -z "${PEER:-}" ] || compare "  the same of ${PEER##*/}" "" "${2//$lib/$PEER}" "$3"
}

both() {
    compare "$1" "$2" "$3" "$4"
    also_peer "$1" "$3" "$4"
}

echo "-- starting a program; each figure is 400 starts, in turn"
for _ in $(seq 200); do echo 'true; /bin/true'; done >"$folder/script"
printf '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n' >"$folder/hello.c"
for over in "$empty" none; do
    what="an empty library"
    [ "$over" != none ] || what="no library"
    row "exec of /bin/true, over $what (30 rounds of 400, 95 % interval)" "$("$build/programs/start" "$lib" "$over" 30 400 /bin/true)" "<= 1.02 over empty"
    row "sh with 200 commands, over $what (10 rounds of 5)" "$("$build/programs/start" "$lib" "$over" 10 5 /bin/sh "$folder/script")" ""
    row "cc -c of hello.c, over $what (10 rounds of 10)" "$("$build/programs/start" "$lib" "$over" 10 10 /usr/bin/cc -c -o /dev/null "$folder/hello.c")" ""
    row "python3 -c pass, over $what (10 rounds of 20)" "$("$build/programs/start" "$lib" "$over" 10 20 /usr/bin/python3 -c pass)" ""
    [ -z "${PEER:-}" ] || row "  exec of /bin/true under ${PEER##*/}, over $what" "$("$build/programs/start" "$PEER" "$over" 30 400 /bin/true)" ""
done

echo "-- calls that succeed, ns"
for threads in 1 2 8; do
    both "socket, bind, close; $threads threads" "" "LD_PRELOAD=$lib $bench threads $threads bind 5000" "$bench threads $threads bind 5000"
    both "socket, bind, listen, close; $threads threads" "" "LD_PRELOAD=$lib $bench threads $threads listen 5000" "$bench threads $threads listen 5000"
done
for call in socket setsockopt connect; do
    both "$call" "" "LD_PRELOAD=$lib $bench time-calls $call 200000" "$bench time-calls $call 200000"
done

echo "-- servers, requests a second: above 1 is faster with the library"
requests_nginx() {
    LD_PRELOAD=$1 nginx -c "$folder/nginx.conf" -e "$folder/err" & local pid=$!
    until ss -Htln 'sport = :8080' | grep -q .; do sleep 0.02; done
    wrk -t1 -c8 -d1 http://127.0.0.1:8080/ | awk '/^Requests/ {print $2}'
    kill -QUIT $pid
    wait $pid 2>/dev/null || true
}
requests_redis() {
    LD_PRELOAD=$1 redis-server --port 7000 --save '' --appendonly no --dir "$folder" >/dev/null & local pid=$!
    until ss -Htln 'sport = :7000' | grep -q .; do sleep 0.02; done
    redis-benchmark -p 7000 -c 8 -n 30000 -t get --csv 2>/dev/null | awk -F'"' '/^"GET"/ {print $4}'
    kill $pid
    wait $pid 2>/dev/null || true
}
cat >"$folder/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $folder/pid; error_log $folder/err; user root;
events { worker_connections 64; }
http { access_log off; server { listen 127.0.0.1:8080; location / { return 200 "here"; } } }
CONF
chmod 755 "$folder"
! command -v nginx wrk >/dev/null || both "nginx under wrk, a new process for each figure" "" "requests_nginx $lib" "requests_nginx ''"
! command -v redis-server redis-benchmark >/dev/null || both "redis under redis-benchmark" "" "requests_redis $lib" "requests_redis ''"

echo "-- an explained refusal, over others' way to the same answer"
# hold PLACE: somebody listens on port 1; $holder.
hold() {
    local by=()
    [[ $1 != *user ]] || by=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    "${by[@]}" "$folder/sock" tcp bind 0.0.0.0:1 listen hold >"$folder/holder" & holder=$!
}
# answers SOCKETS PROCESSES PLACE: who has the port, among so many; the holder is the "first" process, the "last", or of "another
# user". That it is in a cgroup of its own is in bench.sh.
answers() {
    local crowd holder asked="LD_PRELOAD=$lib REUSESHIM_LOG=/dev/null REUSESHIM_DIAGNOSE=always BENCH_ANEW=1 REUSESHIM_BUDGET_MS=10000 $bench refused-at 1 9"
    hold "$3"
    coproc crowd { exec "$bench" crowd "$2" "$(($1 / 2))"; }
    read -r _ <&"${crowd[0]}"
    [ "$3" = first ] || { kill "$holder"; wait "$holder" 2>/dev/null || true; hold "$3"; }
    until ss -Htln 'sport = :1' | grep -q .; do sleep 0.02; done
    compare "$1 sockets, $2 processes, holder $3: over ss -tanp" "" "$asked" "$bench run-of 3 ss -tanp 'sport = :1'"
    ! command -v lsof >/dev/null || compare "$1 sockets, $2 processes, holder $3: over lsof" "" "$asked" "$bench run-of 3 lsof -iTCP:1"
    ! command -v fuser >/dev/null || compare "$1 sockets, $2 processes, holder $3: over fuser" "" "$asked" "$bench run-of 3 fuser 1/tcp"
    kill "$holder" "$crowd_PID"
    wait 2>/dev/null || true
}
rounds=3
cp "$build/programs/sock" "$folder"
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
answers 1000 1000 "another user"
for place in first last; do
    answers 10 10 $place
    answers 1000 1000 $place
    answers 100000 5000 $place
done
