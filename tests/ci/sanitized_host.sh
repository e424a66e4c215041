#!/usr/bin/env bash
# The doors linked into a host program, so that the sanitizer sees both sides: sanitized_host.sh CC FLAG...
# Run in a network namespace of its own, on a tree that has been built.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${REUSESHIM_CI_INSIDE:-}" ]; then
    REUSESHIM_CI_INSIDE=1 exec unshare --net "$0" "$@"
fi
ip link set lo up
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

# shellcheck disable=SC2046
"$1" -std=gnu11 -D_DEFAULT_SOURCE -Iinclude -Ishim -g -O1 "${@:2}" -o "$work/host" tests/programs/host.c \
    $(git ls-files 'shim/*.c' | grep -vE '^shim/(command|trap)/') -lpthread -ldl

port=$(build/programs/sock tcp bind 127.0.0.1:0 port)
mkfifo "$work/ready"
build/programs/sock tcp bind 127.0.0.1:"$port" listen hold >"$work/ready" &
read -r _ <"$work/ready"

# LeakSanitizer needs descriptors of its own at the end, which "no-descriptors" does not leave it.
export ASAN_OPTIONS=detect_leaks=0 REUSESHIM_LOG=$work/log REUSESHIM_FORMAT=json
status=0
for state in plain "storm 3200" small-stack signal vfork no-descriptors; do
    read -r name count <<<"$state"
    "$work/host" "$name" "$port" ${count:+"$count"} || { echo "state $name"; status=1; }
done
[ "$(wc -l <"$work/log")" -gt 3200 ] || { echo "$(wc -l <"$work/log") records"; status=1; }
exit $status
