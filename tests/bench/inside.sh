# A bench goes on in a network namespace of its own where that is allowed, so that nobody else's sockets are in the figures.
# Sourced with the bench's own arguments.
# shellcheck shell=bash

if [ -z "${BENCH_INSIDE:-}" ]; then
    export BENCH_INSIDE=1
    namespace=(unshare --net)
    [ "$(id -u)" = 0 ] || namespace=(unshare --user --map-root-user --net)
    exec "${namespace[@]}" sh -c 'ip link set lo up; exec "$0" "$@"' "$0" "${1:-build}"
fi
unset LD_PRELOAD "${!REUSESHIM_P@}" "${!REUSESHIM_R@}" "${!REUSESHIM_L@}"
