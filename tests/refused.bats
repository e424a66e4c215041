#!/usr/bin/env bats
# The other errors that bind gives in the same breath: each is recorded as "refused", with its cause, and its cures work.

load helper
load cgroup

teardown_file() {
    remove_cgroups
}

# refused_for CAUSE ERRNO WORDS...: the record of a bind that does not fail for a socket in its way.
refused_for() {
    run -1 shim REUSESHIM_RULES="${NEW_RULES:-keep}" "$PROGRAMS/sock" "${@:3}"
    [[ $output == *": $2" ]]
    expect_record '.event == "refused"' ".errno == \"$2\"" ".cause == \"$1\"" '.holders == []' '.outcome == "failed"' \
        '.message | length > 10' '.cures | length > 0'
}

# why_says CAUSE OPERAND [OPTION]...: the command answers the same; it is neither free (0) nor in use (1).
why_says() {
    run -111 ns "$BUILD/reuseshim" why --json "${@:2}"
    jq -e ".event == \"refused\" and .cause == \"$1\"" <<<"$output"
}

# with_cure N WORDS...: the same call under the rules of that cure.
with_cure() {
    run -0 shim REUSESHIM_RULES="$(record ".cures[$1].rules" | jq -r .)" "$PROGRAMS/sock" "${@:2}"
}

# A pair of interfaces, of which the other end is out of the way.
veth() {
    ns ip link add veth0 type veth peer name veth1
    ns ip link set veth1 up
    ns ip link set veth0 "${1:-up}"
}

@test "an address that no interface has: those of this machine are named, and freebind binds it all the same" {
    port=$(free_port)
    refused_for address-absent EADDRNOTAVAIL tcp bind 10.1.2.3:"$port"
    expect_record ".cures[0].text | test(\"127.0.0.1:$port\")" '.cures[1].needs == ["wait"]'
    with_cure 2 tcp bind 10.1.2.3:"$port" listen
    why_says address-absent 10.1.2.3:"$port"
    refused_for address-absent EADDRNOTAVAIL tcp6 bind [2001:db8::7]:"$port"
    with_cure 2 tcp6 bind [2001:db8::7]:"$port" listen
    refused_for address-absent EADDRNOTAVAIL tcp6 bind [::ffff:10.1.2.3]:"$port"
    expect_record '.cures[2].text | test("net.ipv4.ip_nonlocal_bind=1")'
    with_cure 2 tcp6 bind [::ffff:10.1.2.3]:"$port" listen
}

@test "an absent address with a port that is privileged as well: both are said, and no cure is for the one alone" {
    needs_root
    open_folder
    cp "$LIB" "$PROGRAMS/sock" "$open"
    run -1 --separate-stderr ns setpriv --reuid 4711 --clear-groups env LD_PRELOAD="$open/${LIB##*/}" REUSESHIM_FORMAT=json \
        "$open/sock" tcp bind 10.1.2.3:80
    holds '.cause == "address-absent" and (.message | test("CAP_NET_BIND_SERVICE")) and all(.cures[]; .rules == null or (.rules | test("freebind") | not))' \
        <<<"${stderr_lines[0]}"
}

@test "an address that another machine on the link has, too, is told so, with what to do" {
    port=$(free_port)
    veth up
    ns ip -6 address add 2001:db8:6::9/64 dev veth0 nodad
    ns ip -6 address add 2001:db8:6::9/64 dev veth1
    until_true ns sh -c 'ip -6 address show dev veth1 | grep -q dadfailed'
    ns ip -6 address del 2001:db8:6::9/64 dev veth0
    refused_for address-tentative EADDRNOTAVAIL tcp6 bind [2001:db8:6::9]:"$port"
    expect_record '.message | test("another machine")' '.cures[0].text | test("another address")'
}

@test "wait waits for an address that is still to come, and restart-now does not" {
    port=$(free_port)
    spawn shim REUSESHIM_RULES="tcp wait 100s" "$PROGRAMS/sock" tcp bind 10.1.2.3:"$port" listen hold
    # It has been refused once when it sleeps.
    until_true grep -q poll "/proc/$last_pid/wchan"
    ns ip address add 10.1.2.3/32 dev lo
    until_true grep -q ready "$last_out"
    expect_record '.event == "resolved"' '.outcome == "waited"' '.waited_ms > 0' '.cause == "address-absent"'
    run -1 shim REUSESHIM_POLICY=restart-now "$PROGRAMS/sock" tcp bind 10.9.9.9:"$port"
    expect_record '.event == "refused"' '.waited_ms == 0'
}

@test "an IPv6 address of which duplicate address detection has not ended is tentative, and wait gets it" {
    port=$(free_port)
    ns ip link add veth0 type veth peer name veth1
    ns_sysctl net.ipv6.conf.veth0.dad_transmits=60
    ns ip link set veth1 up
    ns ip link set veth0 up
    ns ip address add 2001:db8::1/64 dev veth0
    until_true ns sh -c 'ip -6 address show dev veth0 tentative | grep -q 2001:db8::1'
    refused_for address-tentative EADDRNOTAVAIL tcp6 bind [2001:db8::1]:"$port"
    expect_record '.message | test("veth0")' '.cures[0].needs == ["wait"]'
    why_says address-tentative [2001:db8::1]:"$port"
    spawn shim REUSESHIM_RULES="tcp wait 100s" "$PROGRAMS/sock" tcp6 bind [2001:db8::1]:"$port" listen hold
    until_true grep -q poll "/proc/$last_pid/wchan"
    ns ip address change 2001:db8::1/64 dev veth0 nodad || {
        ns ip address del 2001:db8::1/64 dev veth0 && ns ip address add 2001:db8::1/64 dev veth0 nodad
    }
    until_true grep -q ready "$last_out"
}

@test "an address on an interface that is down names the interface, and setting it up helps" {
    port=$(free_port)
    veth down
    ns ip address add 2001:db8::1/64 dev veth0
    refused_for interface-down EADDRNOTAVAIL tcp6 bind [2001:db8::1]:"$port"
    expect_record '.message | test("veth0")' '.cures[0].text | test("ip link set veth0 up")'
    why_says interface-down [2001:db8::1]:"$port"
    ns ip link set veth0 up
    until_true shim "$PROGRAMS/sock" tcp6 bind [2001:db8::1]:"$port" listen
    # What a sandbox has in which nobody set up loopback.
    run -1 shim unshare --net "$PROGRAMS/sock" tcp6 bind [::1]:"$port"
    expect_record '.event == "refused"' '.cause == "interface-down"' '.message | test("lo")'
}

@test "::1 where IPv6 is off is named as that" {
    port=$(free_port)
    ns_sysctl net.ipv6.conf.lo.disable_ipv6=1
    refused_for ipv6-off EADDRNOTAVAIL tcp6 bind [::1]:"$port"
    expect_record '.cures[0].text | test("127.0.0.1.*disable_ipv6=0")'
    why_says ipv6-off [::1]:"$port"
}

@test "a link-local address without its interface is told with it" {
    port=$(free_port)
    veth up
    address=$(ns ip -6 -o address show dev veth0 scope link | grep -oE 'fe80::[0-9a-f:]+')
    refused_for no-interface EINVAL tcp6 bind ["$address"]:"$port"
    expect_record ".cures[0].text | test(\"$address%veth0\")"
    # With the wrong one it is told, too; the right one works.
    run -111 ns "$BUILD/reuseshim" why "[$address%veth1]:$port"
    [[ $output == *"the one that was named has not got it, but veth0"*"$address%veth0"* ]]
    until_true ns "$BUILD/reuseshim" why "[$address%veth0]:$port"
}

@test "bindresvport wants a privileged port, too; and root without the capability is told that it was taken away" {
    needs_root
    open_folder 777
    LOG=$open/log
    ns_sysctl net.ipv4.ip_unprivileged_port_start=1024
    refused_for privileged-port EACCES uid 4711 tcp resv
    expect_record '.call == "bindresvport"' '.cures[0].text | test("net_bind_service")' '.cures[1].text | test("start=512$")'
    run -1 ns setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" \
        REUSESHIM_FORMAT=json "$PROGRAMS/sock" tcp bind 0.0.0.0:80
    expect_record '.uid == 0' '.cause == "privileged-port"' '.cures[0].text | test("--cap-add NET_BIND_SERVICE")'
}

@test "a port below the bound names the bound, the capability and the setting; the setting helps" {
    needs_root
    open_folder 777
    LOG=$open/log
    ns_sysctl net.ipv4.ip_unprivileged_port_start=1024
    refused_for privileged-port EACCES uid 4711 tcp bind 127.0.0.1:80
    expect_record '.message | test("1024")' '.cures[0].text | test("CAP_NET_BIND_SERVICE|net_bind_service")' \
        '.cures[1].text | test("ip_unprivileged_port_start=80")'
    run -111 ns setpriv --reuid 4711 --regid 4711 --clear-groups "$BUILD/reuseshim" why --json 80
    jq -e '.event == "refused" and .cause == "privileged-port"' <<<"$output"
    ns_sysctl net.ipv4.ip_unprivileged_port_start=80
    run -0 shim "$PROGRAMS/sock" uid 4711 tcp bind 127.0.0.1:80 listen
}

@test "a socket that has an address already is told so" {
    port=$(free_port)
    refused_for already-bound EINVAL tcp bind 127.0.0.1:"$port" bind 127.0.0.1:"$((port + 1))"
    expect_record '.cures[0].text | test("new socket")'
}

@test "a bind that Landlock forbids is denied, and the sentence says who may have forbidden it" {
    port=$(free_port)
    run -1 shim "$PROGRAMS/landlock" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    : refused_for denied EACCES, through another program
    expect_record '.event == "refused"' '.errno == "EACCES"' '.cause == "denied"' '.message | test("Landlock")'
}

@test "a bind that a BPF program on the cgroup forbids, as SocketBindDeny= does, is denied, and the unit's setting is named" {
    make_cgroup "$BATS_TEST_NUMBER.service"
    "$PROGRAMS/deny_bind" "$folder"
    port=$(free_port)
    run -1 ns sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$folder" env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.event == "refused"' '.errno == "EPERM"' '.cause == "denied"' \
        ".cures[0].text | test(\"$BATS_TEST_NUMBER.service.*SocketBindAllow=tcp:$port\")"
}

@test "a multicast group that a socket joins twice is refused to setsockopt, and the record names the group" {
    refused_twice() { run -1 shim "$PROGRAMS/sock" "$@"; }
    refused_twice udp bind 0.0.0.0:0 join 239.1.2.3 join 239.1.2.3
    expect_record '.call == "setsockopt"' '.errno == "EADDRINUSE"' '.cause == "already-member"' '.event == "conflict"' \
        '.local.address == "239.1.2.3"'
    refused_twice udp6 bind [::]:0 join ff02::1:3 join ff02::1:3
    expect_record '.call == "setsockopt"' '.cause == "already-member"' '.local.address == "ff02::1:3"'
    : refused_for already-member is a conflict, not a refusal
    # The newer form of the call, which has a whole address in it.
    for group in 239.1.2.3 ff02::1:3; do
        run -1 shim "$SYSTEM_PYTHON" "$SCRIPTS/join_by_address.py" "$group"
        expect_record '.call == "setsockopt"' '.cause == "already-member"' ".local.address == \"$group\""
    done
}

@test "an invalid bind of another kind, and one of a family of its own, leave no record" {
    run -1 shim "$PROGRAMS/sock" tcp6 set v6only bind [::ffff:127.0.0.1]:"$(free_port)"
    [ ! -s "$LOG" ]
}
