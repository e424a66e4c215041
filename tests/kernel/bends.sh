#!/usr/bin/env bash
# Bends each rule of the model in turn and proves that the comparison with the kernel notices: bends.sh BUILD TRIALS...
# TRIALS are what pairs -t and automatic -t wrote. Prints TAP.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=$1
shift

# What is bent, and how: a sed command that must change shim/conflict/rules.c.
bends=(
    "nothing|"
    "two devices meet|s/newcomer->device != holder->device)/false)/"
    "no device meets no device only|s/newcomer->device \&\& holder->device_known \&\& holder->device \&\&/holder->device_known \&\&/"
    "reuseaddr of the newcomer is enough|s/kleene_and(newcomer->options\[OPTION_REUSEADDR\], holder->reuseaddr)/newcomer->options[OPTION_REUSEADDR]/"
    "reuseaddr of the holder is enough|s/kleene_and(newcomer->options\[OPTION_REUSEADDR\], holder->reuseaddr)/holder->reuseaddr/"
    "reuseaddr never helps|s/kleene_and(newcomer->options\[OPTION_REUSEADDR\], holder->reuseaddr)/NO/"
    "reuseaddr helps against a listener|s/protocol_is_tcp(newcomer->protocol) \&\& holder->state == STATE_LISTEN)/false)/"
    "reuseport of the newcomer is enough|s/kleene_and(newcomer->options\[OPTION_REUSEPORT\], holder->reuseport)/newcomer->options[OPTION_REUSEPORT]/"
    "reuseport of the holder is enough|s/kleene_and(newcomer->options\[OPTION_REUSEPORT\], holder->reuseport)/holder->reuseport/"
    "the user does not matter|s/return newcomer->uid == holder->uid;/return YES;/"
    "root may join anybody|s/return newcomer->uid == holder->uid;/return newcomer->uid == 0 || newcomer->uid == holder->uid;/"
    "TIME_WAIT has a user|/^static tristate same_user/,/^}/s/rules_is_time_wait(holder)/false/"
    "FIN_WAIT2 without a process is no TIME_WAIT|s/holder->state == STATE_TIME_WAIT || (.*);/holder->state == STATE_TIME_WAIT;/"
    "a group of its own may join|s/kleene_not(newcomer->own_group)/YES/"
    "v6only of [::] does not matter|0,/reach.v4 = kleene_not(v6only);/s//reach.v4 = YES;/"
    "[::] never takes IPv4|0,/reach.v4 = kleene_not(v6only);/s//reach.v4 = NO;/"
    "127.0.0.6 is an address like others|s/{127, 0, 0, 6}/{127, 0, 0, 7}/"
    "TCP meets that 127.0.0.6, too|s/(by_address \&\& newcomer->kernel >= KERNEL(6, 1))/false/"
    "mapped newcomers meet that 127.0.0.6|s/(newcomer->local.family != AF_INET ||/(false ||/"
    "a mapped address is an IPv6 one|s/local->family == AF_INET || endpoint_is_mapped(local)/local->family == AF_INET/"
    "a wildcard meets only itself|s/memcmp(one, other, size) == 0 || .*;/memcmp(one, other, size) == 0;/"
    "bind to port 0 looks at options|s/kleene_not(kleene_and(newcomer->autobind_reuse, relaxed))/kleene_not(relaxed)/"
    "ip_autobind_reuse changes nothing|s/kleene_not(kleene_and(newcomer->autobind_reuse, relaxed))/YES/"
    "ip_autobind_reuse accepts reuseport|s/kleene_and(share_by_address(newcomer, holder), kleene_not(share_by_port(newcomer, holder)))/share_by_address(newcomer, holder)/"
    "connect shares what bind placed|s/by_bind ? YES : kleene_not(holder->connect_placed)/NO/"
    "connect shares no port at all|s/by_bind ? YES : kleene_not(holder->connect_placed)/YES/"
    "connect does not look at the peer's port|s/newcomer->remote.port != holder->remote.port ||/false ||/"
)

count=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for bend in "${bends[@]}"; do
    name=${bend%%|*}
    sed "${bend#*|}" shim/conflict/rules.c >"$work/rules.c"
    count=$((count + 1))
    if [ -n "${bend#*|}" ] && cmp -s "$work/rules.c" shim/conflict/rules.c; then
        result="not ok" said="the rule is not there to be bent"
    elif ! "${CC:-cc}" -std=c11 -D_DEFAULT_SOURCE -Iinclude -O2 -w -o "$work/replay" tests/kernel/replay.c "$work/rules.c" \
        shim/base/address.c shim/base/protocol.c shim/base/text.c 2>"$work/errors"; then
        result="not ok" said="does not compile: $(head -1 "$work/errors")"
    else
        said=$("$work/replay" "$@")
        result="not ok"
        if [ "$name" = nothing ]; then
            [ "$said" != 0 ] || result=ok
        elif [ "${said:-0}" -gt 0 ]; then
            result=ok
        fi
        said="$said mismatches"
    fi
    [ "$result" = ok ] || failed=$((failed + 1))
    echo "$result $count - bent: $name: $said"
done
echo "1..$count"
[ "$failed" = 0 ]
