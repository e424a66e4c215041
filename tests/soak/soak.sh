#!/usr/bin/env bash
# nginx under wrk and redis under redis-benchmark, killed and started again every moment under restart-now, and a redis that stays and
# changes its port all the time: soak.sh BUILD SECONDS. Every start must succeed, what stays must not grow, no record may be lost.
set -euo pipefail
cd "$(dirname "$0")/../.."
lib=$PWD/$1/libreuseshim.so seconds=$2

# In network and PID namespaces of its own: nothing outlives it, and nobody's port is taken.
if [ -z "${SOAK_INSIDE:-}" ]; then
    SOAK_INSIDE=1 exec unshare --net --pid --fork --mount-proc --kill-child sh -c 'ip link set lo up; exec "$0" "$@"' "$0" "$@"
fi

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
chmod 755 "$folder"
log=$folder/log
: >"$log" # nothing may come to be told
export REUSESHIM_POLICY=restart-now REUSESHIM_LOG=$log REUSESHIM_FORMAT=json

cat >"$folder/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $folder/nginx.pid; error_log $folder/nginx.err; user root;
events { worker_connections 512; }
http { access_log off; keepalive_requests 20; server { listen 127.0.0.1:8080; location / { return 200 "here"; } } }
CONF

listens() { ss -Htln "sport = :$1" | grep -q .; }
until_it() {
    local tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 3000 ] || { echo "soak: gave up waiting for: $*"; exit 1; }
        sleep 0.02
    done
}

start() {
    case $1 in
    nginx) LD_PRELOAD=$lib nginx -c "$folder/nginx.conf" -e "$folder/nginx.err" >>"$folder/out" 2>&1 & ;;
    *) LD_PRELOAD=$lib redis-server --port "$2" --save '' --appendonly no --logfile "$folder/redis.log" --dir "$folder" >>"$folder/out" 2>&1 & ;;
    esac
    pid=$!
}

# come_back NAME PORT: dead or alive, the next one must serve; a server that could not bind has exited.
come_back() {
    start "$1" "$2"
    while ! listens "$2"; do
        kill -0 "$pid" 2>/dev/null || { failed=$((failed + 1)); start "$1" "$2"; }
        sleep 0.02
    done
    starts=$((starts + 1))
}

# What a process has: descriptors, mappings, resident KB.
holdings() { echo "$(find "/proc/$1/fd" -type l 2>/dev/null | wc -l) $(wc -l <"/proc/$1/maps") $(awk '/^VmRSS/ {print $2}' "/proc/$1/status")"; }

move() {
    redis-cli -p "$1" config set port "$2" >/dev/null
    until_it listens "$2"
    moves=$((moves + 1))
}

starts=0 failed=0 moves=0
start redis 7000
stays=$pid
until_it listens 7000
for _ in 1 2 3 4; do move 7000 7001; move 7001 7000; done # what it allocates once
before=$(holdings "$stays")
come_back nginx 8080
nginx=$pid
come_back redis 7100
redis=$pid

# The loads go on whoever is there to answer them.
while :; do wrk -t1 -c8 -d2 http://127.0.0.1:8080/ >/dev/null 2>&1 || sleep 0.1; done &
while :; do redis-benchmark -p 7100 -c 8 -n 20000 -q -t set,get >/dev/null 2>&1 || sleep 0.1; done &

end=$((SECONDS + seconds)) signals=(TERM KILL)
while [ $SECONDS -lt $end ]; do
    signal=${signals[$((starts / 2 % 2))]}
    for name in nginx redis; do
        [ $name = nginx ] && port=8080 || port=7100
        pkill "-$signal" -P "${!name}" 2>/dev/null || true
        kill "-$signal" "${!name}" 2>/dev/null || true
        wait "${!name}" 2>/dev/null || true
        come_back "$name" "$port"
        printf -v $name %s "$pid"
    done
    move 7000 7001
    move 7001 7000
    sleep 0.5
done
after=$(holdings "$stays")
for event in conflict resolved error; do
    records+=" $(grep -c "\"event\":\"$event\"" "$log" || true) $event,"
done
lost=$(jq -s 'map(.lost) | add // 0' "$log")
echo "$starts starts, $failed failed; $moves changes of port; descriptors, mappings, resident KB before: $before, after: $after; records:$records $lost lost"
read -r fds maps kb <<<"$before"
read -r fds_after maps_after kb_after <<<"$after"
[ "$failed" = 0 ] && [ "$lost" = 0 ] && [ "$starts" -gt 2 ] && [ "$fds_after" -le "$fds" ] && [ "$maps_after" -le "$((maps + 1))" ] && [ "$kb_after" -le "$((kb + kb / 10))" ]
