# Situations in which Linux refuses a call, one for each cause and shape that the library knows. Each has
#
#   arrange_NAME   makes what stands in the way
#   attempt_NAME   makes the call that is refused; $status and $output as of bats' run, its record in $LOG
#   cause_NAME     the cause that the record must name
#   by_hand_NAME   where a cure is something that no rule can do: does that
#
# What they take:
#
#   port           the port that it is about; of a range of automatic ports it is the only one
#   HOLDER_RULES   the rules under which the other side runs; empty: without the library
#   NEW_RULES      the rules under which the refused call is made; empty: "keep", nothing is changed
#   FIN_SECONDS    how long a FIN_WAIT2 without a process lasts (60)
#
# What a cure changes of a call that is made once more:
#
#   LAST_PORT      the range of automatic ports is from $port to this one
#   NEW_UID        the user that makes the call
#   ATTACH_LATER   the reuseport program is attached after listen, not before bind
#   ANY_PORT       the local port is left to the kernel: these words stand for bind with $port
#
# What they leave:
#
#   party_pids     the processes on the other side that are in the way, in a list that the caller has emptied
#   peer_pid       the process at the other end of a connection that is in the way
#
# shellcheck shell=bash
# shellcheck disable=SC2034

scenarios=(listener listener_wide listener_two_processes listener_of_mptcp listener_for_mptcp bound connected client_with_port ephemeral_client inherited_exec
    inherited_fork time_wait fin_wait2 orphan other_user own_group same_tuple same_tuple_wildcard exhausted_bind exhausted_listen
    exhausted_connect exhausted_udp udp_bound udp_connected udp_client udp_multicast dual_stack_ours dual_stack_theirs
    accepted_ipv6 unix_live unix_abstract unix_stale)

# The socket words, in the background, as the other side.
party() {
    local env=(env)
    [ -z "${HOLDER_RULES:-}" ] ||
        env=(env LD_PRELOAD="$LIB" REUSESHIM_RULES="$HOLDER_RULES" REUSESHIM_LOG=none)
    background ns "${env[@]}" "$PROGRAMS/sock" "$@" hold
    party_pids+=("$last_pid")
}

attempt() {
    run shim REUSESHIM_RULES="${NEW_RULES:-keep}" "$PROGRAMS/sock" "$@"
}

# Only that port is there for automatic use; ${LAST_PORT} widens it.
one_port() {
    ns_sysctl net.ipv4.ip_local_port_range="$port ${LAST_PORT:-$port}"
}

cause_listener=listener
arrange_listener() { party tcp bind 127.0.0.1:"$port" listen; }
attempt_listener() { attempt tcp bind 127.0.0.1:"$port" listen; }

cause_listener_wide=listener
arrange_listener_wide() { party tcp bind 127.0.0.1:"$port" listen; }
attempt_listener_wide() { attempt tcp bind 0.0.0.0:"$port" listen; }

cause_listener_two_processes=listener
arrange_listener_two_processes() { party tcp bind 127.0.0.1:"$port" listen fork; }
attempt_listener_two_processes() { attempt tcp bind 127.0.0.1:"$port" listen; }

# What a Go server makes by default, on either side.
cause_listener_of_mptcp=listener
arrange_listener_of_mptcp() { party mptcp bind 127.0.0.1:"$port" listen; }
attempt_listener_of_mptcp() { attempt tcp bind 127.0.0.1:"$port" listen; }

cause_listener_for_mptcp=listener
arrange_listener_for_mptcp() { party tcp bind 127.0.0.1:"$port" listen; }
attempt_listener_for_mptcp() { attempt mptcp bind 127.0.0.1:"$port" listen; }

cause_bound=bound
arrange_bound() { party tcp bind 127.0.0.1:"$port"; }
attempt_bound() { attempt tcp bind 127.0.0.1:"$port"; }

# A server that has stopped to listen and still talks to a client of another process.
cause_connected=connected
arrange_connected() { serve_one 127.0.0.1 && call_it tcp 127.0.0.1; }
serve_one() {
    background ns env ${HOLDER_RULES:+LD_PRELOAD="$LIB" REUSESHIM_RULES="$HOLDER_RULES"} REUSESHIM_LOG=none \
        "$SYSTEM_PYTHON" "$SCRIPTS/accept_one.py" "$1" "$port"
    party_pids+=("$last_pid")
}
call_it() {
    background ns "$PROGRAMS/sock" "$1" connect "$2":"$port" hold
    peer_pid=$last_pid
    until_true no_listener "$port"
}
no_listener() { [ -z "$(ns ss -Htln "sport = :$1")" ]; }
attempt_connected() { attempt tcp bind 127.0.0.1:"$port"; }

# It asked for that very port before it connected.
cause_client_with_port=connected
arrange_client_with_port() {
    background ns "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen hold
    peer_pid=$last_pid
    party tcp bind 127.0.0.1:"$port" connect 127.0.0.1:1
}
attempt_client_with_port() { attempt tcp bind 0.0.0.0:"$port"; }

cause_ephemeral_client=ephemeral-client
arrange_ephemeral_client() {
    one_port
    background ns "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen hold
    peer_pid=$last_pid
    party tcp connect 127.0.0.1:1
}
attempt_ephemeral_client() { attempt tcp bind 0.0.0.0:"$port"; }

# A server that starts a child without closing anything, and is gone.
cause_inherited_exec=inherited
arrange_inherited_exec() {
    background ns env ${HOLDER_RULES:+LD_PRELOAD="$LIB" REUSESHIM_RULES="$HOLDER_RULES"} REUSESHIM_LOG=none \
        "$PROGRAMS/leave" "$port" sleep 1000
    wait "$last_pid"
}
attempt_inherited_exec() { attempt tcp bind 127.0.0.1:"$port" listen; }

cause_inherited_fork=inherited
arrange_inherited_fork() {
    background ns "$PROGRAMS/leave" "$port"
    wait "$last_pid"
}
attempt_inherited_fork() { attempt tcp bind 127.0.0.1:"$port" listen; }

cause_time_wait=time-wait
arrange_time_wait() {
    ns env ${HOLDER_RULES:+LD_PRELOAD="$LIB" REUSESHIM_RULES="$HOLDER_RULES"} REUSESHIM_LOG=none \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
}
attempt_time_wait() { attempt tcp bind 0.0.0.0:"$port" listen; }

# The peer never closes.
cause_fin_wait2=time-wait
arrange_fin_wait2() {
    ns_sysctl net.ipv4.tcp_fin_timeout="${FIN_SECONDS:-60}"
    party tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close close
}
attempt_fin_wait2() { attempt tcp bind 0.0.0.0:"$port" listen; }

# The peer never reads.
cause_orphan=orphan
arrange_orphan() {
    party tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept send close close
}
attempt_orphan() { attempt tcp bind 127.0.0.1:"$port" listen; }

cause_other_user=other-user
arrange_other_user() { party uid 4711 tcp set reuseport bind 127.0.0.1:"$port" listen; }
attempt_other_user() { attempt ${NEW_UID:+uid "$NEW_UID"} tcp set reuseport bind 127.0.0.1:"$port" listen; }
by_hand_other_user() { NEW_UID=$(record '.holders[0].uid'); }

cause_own_group=own-group
arrange_own_group() { party tcp set reuseport bind 127.0.0.1:"$port" listen; }
attempt_own_group() {
    local early=attach late=
    [ -z "${ATTACH_LATER:-}" ] || early='' late=attach
    attempt tcp set reuseport $early bind 127.0.0.1:"$port" listen $late
}
by_hand_own_group() { ATTACH_LATER=1; }

cause_same_tuple=same-tuple
arrange_same_tuple() {
    background ns "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen hold
    party tcp set reuseaddr bind 127.0.0.1:"$port" connect 127.0.0.1:1
}
# shellcheck disable=SC2086 # several words
attempt_same_tuple() { attempt tcp set reuseaddr ${ANY_PORT:-bind 127.0.0.1:"$port"} connect 127.0.0.1:1; }
by_hand_same_tuple() { ANY_PORT='bind 127.0.0.1:0'; }

cause_same_tuple_wildcard=same-tuple
arrange_same_tuple_wildcard() { arrange_same_tuple; }
# shellcheck disable=SC2086
attempt_same_tuple_wildcard() { attempt tcp set reuseaddr ${ANY_PORT:-bind 0.0.0.0:"$port"} connect 127.0.0.1:1; }
by_hand_same_tuple_wildcard() { by_hand_same_tuple; }

cause_exhausted_bind=ports-exhausted
arrange_exhausted_bind() { one_port; party tcp bind 0.0.0.0:"$port" listen; }
attempt_exhausted_bind() { attempt tcp bind 0.0.0.0:0; }

cause_exhausted_listen=ports-exhausted
arrange_exhausted_listen() { arrange_exhausted_bind; }
attempt_exhausted_listen() { attempt tcp listen; }

cause_exhausted_connect=ports-exhausted
arrange_exhausted_connect() { arrange_exhausted_bind; }
attempt_exhausted_connect() { attempt tcp connect 127.0.0.1:"$port"; }

cause_exhausted_udp=ports-exhausted
arrange_exhausted_udp() { one_port; party udp bind 0.0.0.0:"$port"; }
attempt_exhausted_udp() { attempt udp connect 127.0.0.1:9; }

cause_udp_bound=bound
arrange_udp_bound() { party udp bind 127.0.0.1:"$port"; }
attempt_udp_bound() { attempt udp bind 0.0.0.0:"$port"; }

cause_udp_connected=connected
arrange_udp_connected() { party udp bind 127.0.0.1:"$port" connect 127.0.0.1:9; }
attempt_udp_connected() { attempt udp bind 127.0.0.1:"$port"; }

cause_udp_client=ephemeral-client
arrange_udp_client() { one_port; party udp connect 127.0.0.1:9; }
attempt_udp_client() { attempt udp bind 0.0.0.0:"$port"; }

cause_udp_multicast=bound
arrange_udp_multicast() { party udp bind 239.1.2.3:"$port"; }
attempt_udp_multicast() { attempt udp bind 239.1.2.3:"$port"; }

cause_dual_stack_ours=listener
arrange_dual_stack_ours() { party tcp bind 0.0.0.0:"$port" listen; }
attempt_dual_stack_ours() { attempt tcp6 bind [::]:"$port" listen; }

cause_dual_stack_theirs=listener
arrange_dual_stack_theirs() { party tcp6 bind [::]:"$port" listen; }
attempt_dual_stack_theirs() { attempt tcp bind 0.0.0.0:"$port" listen; }

cause_accepted_ipv6=connected
arrange_accepted_ipv6() { serve_one :: && call_it tcp6 "[::1]"; }
attempt_accepted_ipv6() { attempt tcp bind 0.0.0.0:"$port"; }

cause_unix_live=unix-live
arrange_unix_live() { party unix bind "$BATS_TEST_TMPDIR/s.$port" listen; }
attempt_unix_live() { attempt unix bind "$BATS_TEST_TMPDIR/s.$port" listen; }
by_hand_unix_live() { rm "$BATS_TEST_TMPDIR/s.$port"; }

cause_unix_abstract=unix-live
arrange_unix_abstract() { party unix bind "@/$port" listen; }
attempt_unix_abstract() { attempt unix bind "@/$port" listen; }

cause_unix_stale=unix-stale
arrange_unix_stale() { ns "$PROGRAMS/sock" unix bind "$BATS_TEST_TMPDIR/t.$port" listen; }
attempt_unix_stale() { attempt unix bind "$BATS_TEST_TMPDIR/t.$port" listen; }
by_hand_unix_stale() { rm "$BATS_TEST_TMPDIR/t.$port"; }
