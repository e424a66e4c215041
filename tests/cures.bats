#!/usr/bin/env bats
# Every cure of every situation is taken, as the record gives it, and the refused call then succeeds.

load helper
load scenarios

# The same situation once more, in a namespace of its own.
begin_again() {
    namespace_renew
    rm -f "$BATS_TEST_TMPDIR"/{s.*,t.*}
    party_pids=()
}

# sysctls TEXT: what a cure's text wants set, as "sysctl NAME=VALUE".
sysctls() {
    grep -oE "net\.[a-z0-9_.]+='?[0-9 -]+" <<<"$1" | sed "s/'//; s/ *$//" || true
}

# take NAME CURE: both sides as the cure, a JSON object, wants them; what it asks of a person is done; then the call is made.
take() {
    local HOLDER_RULES='' NEW_RULES='' LAST_PORT='' NEW_UID='' ATTACH_LATER='' ANY_PORT=''
    local text rules apply needs setting reserves='' seconds=0
    text=$(jq -r .text <<<"$2") rules=$(jq -r '.rules // ""' <<<"$2")
    apply=$(jq -r .apply_to <<<"$2") needs=$(jq -r '.needs | join(" ")' <<<"$2")
    setting=$(sysctls "$text")
    begin_again
    [[ $apply == this ]] || HOLDER_RULES=$rules
    [[ $apply == holder ]] || NEW_RULES=$rules
    if [[ $needs == *CAP_NET_ADMIN*stop-holder* ]]; then # for the next time the holder starts
        reserves=yes LAST_PORT=$((port + 9))
        ns_sysctl "$setting"
    fi
    "arrange_$1"
    [[ $needs != *stop-holder* || -n $reserves ]] || stop_holder "$1"
    [[ -z $setting || -n $reserves ]] || ns_sysctl "$setting"
    [[ -n $rules || -n $setting || $(type -t "by_hand_$1") != function ]] || "by_hand_$1"
    [[ $needs != *wait* ]] || seconds=$(grep -oE '[0-9]+ s' <<<"$text" | grep -oE '[0-9]+')
    succeeds_within "$1" "$seconds" || { echo "does not work: $2"; return 1; }
}

# Stops the processes that the record names; where a connection is in the way, its peer closes first, or TIME_WAIT comes of it.
stop_holder() {
    "attempt_$1"
    [ "$status" = 1 ]
    [[ -z ${peer_pid:-} ]] || { stop "$peer_pid" && until_true peer_is_gone; }
    # shellcheck disable=SC2046
    kill $(record '.holders[0].processes[].pid')
    until_true all_gone
}

peer_is_gone() {
    [ -z "$(ns ss -Htan state established "sport = :$port")" ]
}

# A process that has ended, but for its parent, is in no namespace.
all_gone() {
    ! namespace_processes | grep -qxF "$(record '.holders[0].processes[].pid')"
}

# succeeds_within NAME SECONDS: one attempt that begins after that time must succeed, if none did before.
succeeds_within() {
    local end=$((SECONDS + $2)) last=''
    while [ -z "$last" ]; do
        ((SECONDS <= end && $2 > 0)) || last=yes
        "attempt_$1"
        [ "$status" != 0 ] || return 0
        pause 0.5
    done
    return 1
}

# cures NAME COUNT: takes every cure of the situation, of which there must be so many.
cures() {
    local cure count=0
    begin_again
    port=${port:-$(free_port)} peer_pid=
    "arrange_$1"
    "attempt_$1"
    [ "$status" = 1 ]
    record '.cures[]' >"$BATS_TEST_TMPDIR/cures" || true
    while read -r cure <&9; do
        take "$1" "$cure"
        count=$((count + 1))
    done 9<"$BATS_TEST_TMPDIR/cures"
    echo "$1: $count cures taken"
    [ "$count" = "$2" ]
    port=''
}

@test "each cure of a listener works: beside the same address, a narrower one, or one that two processes hold" {
    cures listener 2
    cures listener_wide 2
    cures listener_two_processes 2
}

@test "each cure between MPTCP and TCP works, whichever of the two listens" {
    cures listener_of_mptcp 2
    cures listener_for_mptcp 2
}

@test "each cure of a socket that is only bound works" {
    cures bound 2
}

@test "each cure of a connection works, accepted or outgoing" {
    cures connected 2
    cures client_with_port 2
}

@test "each cure of an outgoing connection that happened to get the port works, in TCP and in UDP" {
    port=40000 cures ephemeral_client 3
    port=40000 cures udp_client 2
}

@test "each cure of a listener that a server left behind works, with exec and without" {
    cures inherited_exec 2
    cures inherited_fork 1
}

# bats test_tags=long
@test "each cure of a TIME_WAIT works: restart-now, the policy on both sides, and the minute that it takes to wait" {
    cures time_wait 4
}

@test "each cure of a FIN_WAIT2 works: restart-now, the policy on both sides, and waiting, which ends sooner here" {
    FIN_SECONDS=10 cures fin_wait2 4
}

@test "each cure of an orphan works" {
    cures orphan 3
}

@test "each cure of another user's SO_REUSEPORT works" {
    needs_root
    cures other_user 1
}

@test "each cure of a reuseport program that comes too early works" {
    cures own_group 1
}

@test "each cure of a 4-tuple that exists works, from an address and from the wildcard" {
    cures same_tuple 1
    cures same_tuple_wildcard 1
}

@test "each cure of a range without a free port works, for bind, listen, connect and UDP" {
    port=40000 cures exhausted_bind 2
    port=40000 cures exhausted_listen 1
    port=40000 cures exhausted_connect 1
    port=40000 cures exhausted_udp 1
}

@test "each cure of a UDP socket works: bound, connected, and of a multicast group" {
    cures udp_bound 1
    cures udp_connected 1
    cures udp_multicast 2
}

@test "each cure between IPv4 and a dual-stack IPv6 socket works: ours, theirs, and one that it accepted" {
    cures dual_stack_ours 3
    cures dual_stack_theirs 3
    cures accepted_ipv6 2
}

@test "each cure of an AF_UNIX path or name works, of a live socket and of a stale file" {
    cures unix_live 1
    cures unix_abstract 1
    cures unix_stale 1
}

# ---- the default policy beside a cure -----------------------------------------------------------------------------

# serves_twice RULES: a server under these rules and the default policy serves, closes first, and serves again at once.
serves_twice() {
    local kind=tcp address=127.0.0.1
    [[ $1 != ipv6* ]] || kind=tcp6 address='[::1]'
    for _ in 1 2; do
        ns env LD_PRELOAD="$LIB" REUSESHIM_LOG=none REUSESHIM_RULES="$1" "$PROGRAMS/sock" "$kind" bind "$address:$port" listen \
            "$kind" connect "$address:$port" back accept close closeall || { echo "no restart under: $1" >&2; return 1; }
    done
    [ -n "$(ns ss -Htan state time-wait "sport = :$port")" ]
}

@test "a cure takes nothing away that the default policy gives: under the rules of each the next restart works" {
    local one rules tried=0
    for one in "${scenarios[@]}"; do
        [[ $one != unix* && $one != udp* && $one != exhausted* && $one != *mptcp ]] || continue
        begin_again
        port=$(free_port) peer_pid=
        [[ $one != ephemeral* ]] || port=40000
        "arrange_$one"
        rm -f "$LOG"
        NEW_RULES="port 1 keep" "attempt_$one" # about nothing here: the default policy decides
        [ -s "$LOG" ] || continue
        record '.cures[].rules | strings' >"$BATS_TEST_TMPDIR/rules" || true
        while read -r rules <&9; do
            begin_again
            serves_twice "$(jq -r . <<<"$rules")"
            tried=$((tried + 1))
        done 9<"$BATS_TEST_TMPDIR/rules"
    done
    echo "$tried rules tried"
    ((tried >= 12))
}

@test "every situation of scenarios.bash is tried here" {
    for one in "${scenarios[@]}"; do
        grep -qE "cures $one [1-9]" "$BATS_TEST_FILENAME"
    done
}

@test "the rules of a cure give the holder nothing that only the newcomer has: no SO_REUSEADDR on UDP, no v6only" {
    port=$(free_port udp)
    holder udp6 bind [::]:"$port"
    refused udp set reuseaddr bind 0.0.0.0:"$port"
    expect_record 'any(.cures[]; .apply_to == "holder" and .rules == "ipv6 udp port '"$port"' force v6only")'
    stop
    port=$(free_port)
    holder tcp6 bind [::]:"$port" listen
    refused tcp6 set v6only bind [::]:"$port"
    expect_record 'all(.cures[] | select(.apply_to == "both"); .rules | test("v6only") | not)'
}

@test "a list of processes that does not fit into a cure whole is no cure" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_long_names.py" "$port" "$BATS_TEST_TMPDIR" 7
    refused tcp bind 127.0.0.1:"$port"
    # Of eight the master is named, with its children.
    expect_record '.holders[0].processes | length >= 7' 'any(.cures[]; .needs == ["stop-holder"] and (.text | test("and its children")))'
}
