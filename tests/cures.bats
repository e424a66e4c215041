#!/usr/bin/env bats
# Every cure of every situation is taken, as the record gives it, and the refused call then succeeds.

load helper
load scenarios

# The same situation once more, in a namespace of its own, with both sides as the cure wants them.
begin_again() {
    pkill -KILL --ns "$namespace_pid" --nslist net . || true
    wait "${started[@]}" "$namespace_pid" 2>/dev/null || true
    started=() party_pids=()
    rm -f "$BATS_TEST_TMPDIR"/{hold,up,out.*,s.*,t.*}
    namespace_start
}

# sysctls TEXT: what a cure's text wants set, as "sysctl NAME=VALUE".
sysctls() {
    grep -oE "net\.[a-z0-9_.]+='?[0-9 -]+" <<<"$1" | tr -d "'" || true
}

# What no rule can do: the text says it, this does it.
follow_text() {
    case $1 in
    *"remove the file"*) rm "$(sed -E 's/.*remove the file ([^ ]*).*/\1/' <<<"$1")" ;;
    *"attach the program"*) ATTACH_LATER=1 ;;
    *"choose the local port"*) ANY_PORT='bind 127.0.0.1:0' ;;
    *"run it as the holder's user, uid "*) NEW_UID=${1##*uid } ;;
    esac
}

# take NAME CURE: the cure as a JSON object.
take() {
    local HOLDER_RULES='' NEW_RULES='' ATTACH_LATER='' NEW_UID='' LAST_PORT='' ANY_PORT=''
    local text rules apply needs setting limit=0
    text=$(jq -r .text <<<"$2") rules=$(jq -r '.rules // ""' <<<"$2")
    apply=$(jq -r .apply_to <<<"$2") needs=$(jq -r '.needs | join(" ")' <<<"$2")
    begin_again
    [[ $apply == this ]] || HOLDER_RULES=$rules
    [[ $apply == holder ]] || NEW_RULES=$rules
    if [[ $text == *"before the client starts"* ]]; then # what shall be so next time
        LAST_PORT=$((port + 9))
        ns sysctl -qw "$(sysctls "$text")"
    fi
    "arrange_$1"
    if [[ $needs == *stop-holder* && $text != *"before the client starts"* ]]; then
        "attempt_$1"
        [ "$status" = 1 ]
        # Where a connection is in the way, its peer closes first, as the text says.
        [[ $text != *"unless the peer closes first"* || -z ${peer_pid:-} ]] || { stop "$peer_pid" && until_true 5 peer_is_gone; }
        # shellcheck disable=SC2046
        kill $(record '.holders[0].processes[].pid')
        until_true 5 all_gone
    fi
    while read -r setting; do
        [[ -z $setting || $text == *"before the client starts"* ]] || ns sysctl -qw "$setting"
    done <<<"$(sysctls "$text")"
    follow_text "$text"
    [[ $needs != *wait* ]] || limit=$(sed -E 's/wait ([0-9]+) s.*/\1/' <<<"$text")
    succeeds_within "$1" "$limit" || { echo "does not work: $2"; return 1; }
}

peer_is_gone() {
    [ -z "$(ns ss -Htan state established "sport = :$port")" ]
}

all_gone() {
    ! pgrep --ns "$namespace_pid" --nslist net -x 'sock|leave|sleep|python3.*' | grep -qxF "$(record '.holders[0].processes[].pid')"
}

# Tries until the time that the cure names has passed; at once for the others.
succeeds_within() {
    local deadline=$((SECONDS + $2 + 1))
    while :; do
        "attempt_$1"
        [ "$status" != 0 ] || return 0
        ((SECONDS < deadline && $2 > 0)) || return 1
        read -rt 0.5 <> <(:) || true
    done
}

# cures NAME [LEAST]: takes every cure of the situation, of which there must be at least so many.
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

@test "listener" {
    cures listener 2
    cures listener_wide 2
    cures listener_two_processes 2
}

@test "bound" {
    cures bound 2
}

@test "connected" {
    cures connected 2
    cures client_with_port 2
}

@test "ephemeral-client" {
    port=40000 cures ephemeral_client 3
    port=40000 cures udp_client 2
}

@test "inherited" {
    cures inherited_exec 2
    cures inherited_fork 1
}

@test "time-wait: both instances under restart, and the minute that it takes to wait" {
    cures time_wait 3
}

@test "time-wait: a FIN_WAIT2 that ends sooner" {
    cures fin_wait2 3
}

@test "orphan" {
    cures orphan 2
}

@test "other-user" {
    needs_root
    cures other_user 1
}

@test "own-group" {
    cures own_group 1
}

@test "same-tuple" {
    cures same_tuple 1
    cures same_tuple_wildcard 1
}

@test "ports-exhausted" {
    port=40000 cures exhausted_bind 1
    port=40000 cures exhausted_listen 1
    port=40000 cures exhausted_connect 1
    port=40000 cures exhausted_udp 1
}

@test "udp" {
    cures udp_bound 1
    cures udp_connected 1
    cures udp_multicast 2
}

@test "dual stack" {
    cures dual_stack_ours 3
    cures dual_stack_theirs 3
    cures accepted_ipv6 2
}

@test "unix" {
    cures unix_live 1
    cures unix_abstract 1
    cures unix_stale 1
}

@test "no situation is left out" {
    for one in "${scenarios[@]}"; do
        grep -qE "cures $one [1-9]" "$BATS_TEST_FILENAME"
        grep -qE "(scenario|exhausted_bind .*) ?$one" "$BATS_TEST_DIRNAME/causes.bats" || [[ $one == listener_wide || $one == exhausted_* ]]
    done
}

@test "what a cure gives the holder is not the newcomer's own: no SO_REUSEADDR on its UDP port, no v6only" {
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

@test "a list of processes that does not fit whole is no cure" {
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/many.py" <<'PY'
import ctypes, os, signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); s.set_inheritable(True)
for i in range(7):
    if os.fork() == 0:
        name = sys.argv[2] + "/" + str(i) * 60
        os.symlink("/bin/sleep", name)
        os.execv(name, [name, "100"])
print("ready", flush=True); signal.pause()
PY
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/many.py" "$port" "$BATS_TEST_TMPDIR"
    refused tcp bind 127.0.0.1:"$port"
    expect_record 'all(.cures[]; .text | test("[a-z0-9)]$"))'
}
