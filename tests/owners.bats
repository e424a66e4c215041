#!/usr/bin/env bats
# Who owns a socket, how it is found, what is said where it cannot be, and the same answer from sock_diag and from /proc/net.
# bats file_tags=quick

load helper
load cgroup

teardown_file() {
    remove_cgroups
}

# As another user in the test's namespace; the record goes to $LOG, which that user could not open.
refused_as_other_user() {
    run -1 ns env REUSESHIM_RULES=keep REUSESHIM_FORMAT=json REUSESHIM_LOG=fd:7 LD_PRELOAD="$LIB" \
        "$PROGRAMS/sock" uid 4711 "$@" 7>>"$LOG"
}

# ---- cgroups ------------------------------------------------------------------------------------------------------

@test "the cgroup of a holder is given as cgroup v2 names it, in JSON and in text, also to one who may not look into it" {
    make_cgroup
    port=$(free_port)
    background_in_cgroup "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".holders[0].cgroup == \"/${folder##*/}\""
    owner_is "$last_pid"
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ ${lines[1]} == *" /${folder##*/}"* ]]
    refused_as_other_user tcp bind 127.0.0.1:"$port"
    expect_record ".holders[0].cgroup == \"/${folder##*/}\"" '.holders[0].owner == "likely"' \
        ".holders[0].processes[0].pid == $last_pid" 'any(.cures[]; .needs == ["root"])'
    stop
    until_true rmdir "$folder"
}

@test "a holder in the cgroup of its starter is in that one" {
    may_skip no-cgroup2
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".holders[0].cgroup == \"$(sed -n 's/^0:://p' "/proc/$holder_pid/cgroup")\""
}

@test "a holder in a cgroup of its own whose first thread has ended is found in at most 4 KB of stack, whatever log and rule" {
    make_cgroup
    port=$(free_port)
    background_in_cgroup "$SYSTEM_PYTHON" "$SCRIPTS/first_thread_ends.py" "$port"
    for settings in "REUSESHIM_POLICY=restart" "REUSESHIM_LOG=journal" "REUSESHIM_LOG=syslog" "REUSESHIM_RULES=tcp evict wait 20ms"; do
        run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$settings" "$PROGRAMS/host" depth "$port"
        echo "$settings: $output bytes"
        [ "$output" -gt 500 ]
        [ "$output" -le 4096 ]
    done
    expect_record ".holders[0].processes[0].pid == $last_pid" ".holders[0].cgroup == \"/${folder##*/}\""
}

# ---- several processes, and which they are to us -------------------------------------------------------------------

@test "a server and its four workers, which share the socket, are all named, in the record and in the cure" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/server_with_workers.py" "$port" 4
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes | length == 5' "any(.holders[0].processes[]; .pid == $last_pid)"
    expect_record '(.holders[0].processes | map(.pid)) - [.cures[0].text | scan("[0-9]+") | tonumber] == []' \
        '.cures[0].needs == ["stop-holder"]'
}

@test "the child to which a supervisor has handed its socket under another number is named, too" {
    port=$(free_port)
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/supervisor.py" "$port"
    expect_record '.holders[0].processes | length == 2' '.holders[0].processes[0].relation == "ancestor"'
}

@test "a holder whose first thread has ended is found by its others" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/first_thread_ends.py" "$port"
    refused tcp bind 127.0.0.1:"$port"
    owner_is "$last_pid" "$(cat "/proc/$last_pid/comm")"
}

@test "relation says what the holder is to us: self, ancestor, descendant, same-program, same-user or other-user" {
    needs_root
    port=$(free_port)
    relation_is() {
        expect_record "[.holders[0].processes[].relation] == [\"$1\"]"
    }
    refused tcp bind 127.0.0.1:"$port" listen tcp bind 127.0.0.1:"$port"
    relation_is self
    expect_record '.holders[0].processes[0].pid == .pid'
    refused tcp bind 127.0.0.1:"$port" listen fork closeall tcp bind 127.0.0.1:"$port"
    relation_is ancestor
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/refused_by_child.py" "$port"
    relation_is descendant
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    relation_is same-program
    other=(shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c 'import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))' "$port")
    run -1 "${other[@]}"
    relation_is same-user
    stop
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    run -1 "${other[@]}"
    relation_is other-user
    expect_record '.holders[0].uid == 4711' '.holders[0].processes[0].uid == 4711' '.uid == 0'
    owner_is "$holder_pid"
}

# ---- who does not show ---------------------------------------------------------------------------------------------

@test "another user's process is hidden from one who may not look at it; the socket's uid is given, and stopping not advised" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused_as_other_user tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.uid == 4711' '.holders[0].owner == "hidden"' '.holders[0].uid == 0' \
        '.holders[0].processes == []' '.message | test("user")' 'all(.cures[]; .needs != ["stop-holder"])'
    # Who may look is advised.
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".cures[0].text | contains(\"$holder_pid (sock)\")" '.cures[0].needs == ["stop-holder"]'
}

@test "processes that a /proc with hidepid leaves out are not taken for none" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    open_folder 777
    run -1 ns unshare --mount sh -c 'mount -t proc -o hidepid=invisible proc /proc && exec env LD_PRELOAD="$0" REUSESHIM_RULES=keep \
        REUSESHIM_FORMAT=json REUSESHIM_LOG="$1/log" "$2" uid 4711 tcp bind 127.0.0.1:"$3"' "$LIB" "$open" "$PROGRAMS/sock" "$port"
    LOG=$open/log
    expect_record '.holders[0].owner == "hidden"' '.message | test("user")' 'all(.cures[]; .needs != ["stop-holder"])'
}

@test "a socket of another PID namespace is hidden, and the message says where its process is" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env REUSESHIM_RULES=keep REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        unshare --pid --fork --mount-proc env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden"' '.message | test("PID namespace")' \
        ".cures[-1].text == \"to see whose it is, on the host, outside of this container: sudo reuseshim why 127.0.0.1:$port\""
    run ns unshare --pid --fork --mount-proc "$BUILD/reuseshim" why 127.0.0.1:"$port"
    [[ $output == *"on the host, outside of this container: sudo reuseshim why 127.0.0.1:$port"* ]]
}

@test "a Landlock sandbox that hides what others have open is no proof that nobody has" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$PROGRAMS/landlock" files env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden" or .holders[0].owner == "likely"' '.message | test("belongs to the kernel") | not' \
        '.cures[-1].text | test("sudo reuseshim why")'
}

@test "in a PID namespace no process is said to be the only one that has to be stopped" {
    needs_root
    port=$(free_port)
    run ns "$SYSTEM_PYTHON" "$SCRIPTS/share_into_pid_namespace.py" "$port" env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep \
        REUSESHIM_FORMAT=json REUSESHIM_LOG="$LOG" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.cures[0].needs == ["stop-holder"]' '.cures[0].text | test("may have it open, too")'
}

@test "a socket that the kernel made for itself, or whose descriptor is on its way, is hidden, and the message says so" {
    needs_root
    port=$(free_port udp)
    # WireGuard, VXLAN, ...: not every kernel has them.
    if ns ip link add rs0 type vxlan id 7 dstport "$port" dev lo || ns ip link add rs0 type geneve id 7 remote 127.0.0.1 dstport "$port"; then
        ns ip link set rs0 up
        refused udp bind 0.0.0.0:"$port"
        expect_record '.holders[0].owner == "hidden"' '.message | test("kernel")'
    fi
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/descriptor_in_transit.py" "$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].owner == "hidden"' '.holders[0].processes == []' '.message | test("kernel.*io_uring|io_uring.*kernel")' \
        'all(.cures[]; .needs != ["stop-holder"])'
}

# ---- sock_diag and /proc/net ---------------------------------------------------------------------------------------

# same_from_both WORDS...: the record from each source; equal in all that /proc knows.
same_from_both() {
    local what="del(${without:-.time})"' | del(.time, .pid, .tid, .diagnosis, .holders[].cgroup, .holders[].v6only, .holders[].device, .holders[].timer_ms,
        .holders[].reuseaddr, .holders[].reuseport) # these two are read from the descriptor, not under the filter
        | .holders[].local.device = null | (.holders[].remote | select(. != null)).device = null'
    refused "$@"
    expect_record '.diagnosis.source == "sock_diag"'
    record "$what" >"$BATS_TEST_TMPDIR/sock_diag"
    run -1 shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink "$PROGRAMS/sock" "$@"
    expect_record '.diagnosis.source == "proc"'
    record "$what" >"$BATS_TEST_TMPDIR/proc"
    diff <(jq -S . "$BATS_TEST_TMPDIR/sock_diag") <(jq -S . "$BATS_TEST_TMPDIR/proc")
}

@test "sock_diag and /proc/net give the same fields of a listener, a connection, a TIME_WAIT, a UDP and an IPv6 socket" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    same_from_both tcp bind 0.0.0.0:"$port"
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept back close
    same_from_both tcp bind 127.0.0.1:"$port"
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    # Whether waiting helps hangs on bound-only sockets, which /proc does not show.
    without='.cures' same_from_both tcp bind 127.0.0.1:"$port"
    port=$(free_port udp)
    holder udp bind 127.0.0.1:"$port"
    same_from_both udp bind 127.0.0.1:"$port"
    port=$(free_port tcp6 '[::]')
    holder tcp6 bind [::1]:"$port" listen
    same_from_both tcp6 bind [::1]:"$port"
}

@test "sock_diag and /proc/net give the same fields of a range without a free port" {
    ns_sysctl net.ipv4.ip_local_port_range="40000 40001"
    holder udp bind 0.0.0.0:0
    holder udp bind 0.0.0.0:0
    same_from_both udp bind 0.0.0.0:0
    expect_record '.cause == "ports-exhausted"'
}

@test "a unit's name that a shell would take for more than a word is quoted in the cure, or the process is told instead" {
    port=$(free_port)
    make_cgroup 'system.slice/wg-quick@my\x2dnet.service'
    background_in_cgroup "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cures[0].text | startswith("systemctl stop '"'wg-quick@my\\\\x2dnet.service'"'")'
    port=$(free_port)
    make_cgroup "system.slice/a.service; touch \$HOME #'.service"
    background_in_cgroup "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record ".cures[0].text | startswith(\"stop process $last_pid \")"
}

@test "root is told how to speak to another user's manager; what cron has started, to stop the process; of conmon, its container" {
    id=$(printf '%064d' 7)
    while read -r group text; do
        port=$(free_port)
        make_cgroup "$group"
        background_in_cgroup "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
        run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
        expect_record ".cures[0].text | startswith(\"${text/PID/$last_pid}\")"
    done <<WORDS
user.slice/user-1000.slice/user@1000.service/app.slice/web.service systemctl --user -M 1000@ stop web.service, if
system.slice/cron.service stop process PID (sock)
machine.slice/libpod-conmon-$id.scope podman stop ${id:0:12}, if
WORDS
}

# bats test_tags=long
@test "an applet of busybox goes by its own name, by a link and by hand, and is no other instance of another one" {
    port=$(free_port)
    spawn ns busybox nc -l -p "$port"
    until_true ns sh -c "ss -Htln 'sport = :$port' | grep -q ."
    for rule in "program httpd force reuseport" "program busybox force reuseport"; do
        run -1 shim REUSESHIM_RULES="$rule" busybox httpd -f -p "$port"
        expect_record '.program == "httpd" and .rule == "REUSESHIM_RULES:1"' 'all(.cures[]; .policy != "handover")' \
            '.holders[0].processes[0] | .program == "nc" and .executable == "busybox" and .relation != "same-program"'
    done
}
