#!/usr/bin/env bats
# What a record says of what is known, half known and hidden, and its form.

load helper

@test "with several on the port, the listener comes first and makes the cause" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.2:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.cause == "listener"' '[.holders[].state] == ["LISTEN", "BOUND"]' 'all(.holders[]; .blocks)'
}

@test "more than 32 holders: 32 are listed, the others counted" {
    port=$(free_port)
    words=()
    for i in $(seq 40); do
        words+=(tcp bind 127.0.1."$i":"$port")
    done
    holder "${words[@]}"
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.holders | length == 32' '.holders_omitted == 8' 'all(.holders[]; .owner == "known")'
}

@test "without sock_diag the same comes from /proc" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    expect_record '.diagnosis.source == "proc"' '.cause == "listener"' '.holders[0].state == "LISTEN"' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders[0].uid == 0' \
        '.holders[0].blocks'
    owner_is "$holder_pid"
}

@test "TIME_WAIT from /proc: the timer too" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp6 bind [::1]:"$port" listen tcp6 connect [::1]:"$port" back accept close closeall
    run -1 shim REUSESHIM_DIAGNOSE=always REUSESHIM_RULES=keep "$PROGRAMS/filter" errno netlink \
        "$PROGRAMS/sock" tcp6 bind [::1]:"$port"
    expect_record '.diagnosis.source == "proc"' '.cause == "time-wait"' '.holders[0].local.address == "::1"' \
        '.holders[0].timer_ms > 55000' '.holders[0].timer_ms <= 60000' '.holders[0].owner == "none"'
}

@test "nothing visible holds the port: unseen" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port"
    # /proc does not show bound-only sockets, so this is what an old kernel or another namespace looks like.
    run -1 shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "unseen"' '.holders == []'
}

@test "a socket made in another network namespace: nobody here is accused" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen # innocent
    background unshare --net sh -c "ip link set lo up && exec $PROGRAMS/sock tcp bind 127.0.0.1:$port listen hold"
    cat >"$BATS_TEST_TMPDIR/setns.py" <<'PY'
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
home, other = os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/proc/%s/ns/net" % sys.argv[2], os.O_RDONLY)
assert libc.setns(other, 0) == 0
s = socket.socket()
assert libc.setns(home, 0) == 0
s.bind(("127.0.0.1", int(sys.argv[1])))
PY
    run -1 shim "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/setns.py" "$port" "$last_pid"
    stop
    expect_record '.cause == "unseen"' '.holders == []' '.diagnosis.complete == false'
}

@test "a user in many groups gets the same explanation" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim setpriv --groups "$(seq -s, 1000000 1000400)" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.diagnosis.complete'
}

@test "the budget is spent before the owner is found: owner null, not complete" {
    port=$(free_port)
    ulimit -n 8192
    holder repeat 4000 tcp # stands before the holder in /proc, and takes long to look through
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_BUDGET_MS=1 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].owner == null' '.diagnosis.complete == false' \
        'all(.cures[]; .needs != ["stop-holder"])'
}

@test "options of a holder are read from its own descriptor where that is permitted" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port"
    holder tcp set reuseaddr bind 127.0.0.1:"$port"
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp set reuseport bind 127.0.0.1:"$port"
    expect_record '.holders | length == 2' 'all(.holders[]; .reuseaddr and .reuseport == false and .blocks)'
}

@test "a newcomer with a reuseport program of its own: the holder's option is not denied" {
    port=$(free_port)
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c '
import ctypes, socket, struct, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
s.setsockopt(socket.SOL_SOCKET, 51, struct.pack("HxxxxxxP", 1, ctypes.addressof(code)))
s.bind(("127.0.0.1", int(sys.argv[1])))' "$port"
    expect_record '.errno == "EADDRINUSE"' '.holders[0].reuseport == true' '.cause == "own-group"' \
        '.message | test("reuseport program")'
}

@test "the keys of a record stand in the order of the contract" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record 'keys_unsorted == ["time","event","call","errno","pid","tid","program","uid","fd","protocol",
        "local","remote","options","policy","rule","cause","holders","holders_omitted","outcome","waited_ms",
        "evicted","cures","diagnosis","lost","message"]'
    expect_record '.holders[0] | keys_unsorted == ["protocol","local","remote","state","timer_ms","inode","uid",
        "device","v6only","reuseaddr","reuseport","blocks","cgroup","owner","processes"]'
    expect_record '.holders[0].processes[0] | keys_unsorted == ["pid","program","command","uid","started","relation"]'
    expect_record '.cures[0] | keys_unsorted == ["text","rules","policy","apply_to","needs"]'
    expect_record '.time | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z$")' \
        '(.time | sub("\\.[0-9]+"; "") | fromdate) - now | fabs < 60'
    expect_record '.program == "sock"' '.tid == .pid' '.policy == "restart"' '.rule == "REUSESHIM_RULES:1"'
}

@test "text of another process is escaped before it is written" {
    port=$(free_port)
    evil=$'\e[31mred\n{"x":1}\xff'
    background ns bash -c 'exec -a "$0" "$@"' "$evil" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    refused tcp bind 127.0.0.1:"$port"
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.holders[0].processes[0].command | startswith("\u001b[31mred\n{\"x\":1}\ufffd tcp bind")'
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $output == *'\x1b[31mred\x0a{"x":1}\xff tcp bind'* ]]
    [[ $output != *$'\e'* ]]
}

@test "a record in text: one line that says it all, details under the same prefix" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    [[ ${lines[0]} =~ ^reuseshim\[([0-9]+)\]\ sock:\ bind\([0-9]+,\ tcp\ 0\.0\.0\.0:$port\)\ failed:\ EADDRINUSE$ ]]
    pid=${BASH_REMATCH[1]}
    [[ ${lines[1]} == "reuseshim[$pid]   held by  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock) of uid 0: "* ]]
    [[ ${lines[2]} == "reuseshim[$pid]   because  it listens there"* ]]
    [[ ${lines[3]} == "reuseshim[$pid]   cure     "* ]]
}

@test "the rules of a cure keep what the policy gave: [::] with reuseaddr against an IPv4 listener" {
    port=$(free_port)
    # A TIME_WAIT that lets only SO_REUSEADDR in, and a listener that v6only gets around.
    ns "$PROGRAMS/sock" tcp6 set reuseaddr bind [::1]:"$port" listen tcp6 connect [::1]:"$port" back accept close closeall
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$PROGRAMS/sock" tcp6 bind [::]:"$port"
    rules=$(record '.cures[] | select(.rules | strings | test("v6only")) | .rules' | jq -r .)
    [ "$rules" = "ipv6 tcp port $port force reuseaddr,v6only" ]
    run -0 shim REUSESHIM_RULES="$rules" "$PROGRAMS/sock" tcp6 bind [::]:"$port" listen
}

@test "the cures of a TIME_WAIT: taking it away, waiting for as long as is said, or both instances under the shim" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    refused tcp bind 127.0.0.1:"$port"
    expect_record '[.cures[] | .apply_to] == ["this", "this", "both"]' '.cures[0].policy == "restart-now"' \
        '.cures[0].needs == ["CAP_NET_ADMIN"]' '.cures[1].text | test("^wait 6[4-6] s ")'
    rules=$(record '.cures[2].rules' | jq -r .)
    other=$(free_port)
    both=(shim REUSESHIM_RULES="${rules//$port/$other}" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$other" listen)
    "${both[@]}" tcp connect 127.0.0.1:"$other" back accept close closeall
    "${both[@]}"
}

@test "FIN_WAIT2 may yet become TIME_WAIT: its timer is not promised as the end" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close close
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].state == "FIN_WAIT2"' '.cause == "time-wait"' \
        '(.cures[1].text | capture("wait (?<s>[0-9]+) s").s | tonumber) > 100'
}

@test "to stop the holder is advised only to one who has seen every process" {
    needs_root
    port=$(free_port)
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".cures[0].text | startswith(\"stop process $holder_pid (sock)\")" '.cures[0].needs == ["stop-holder"]'
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=json REUSESHIM_LOG=fd:7 \
        "$PROGRAMS/sock" uid 4711 tcp bind 127.0.0.1:"$port" 7>>"$LOG"
    expect_record '.uid == 4711' 'all(.cures[]; .needs != ["stop-holder"])'
}

@test "without /proc the bare event is recorded, and the whole of it where that is asked for" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    cat >"$BATS_TEST_TMPDIR/chroot.py" <<'PY'
import os, socket, sys
s = socket.socket()
os.chroot(sys.argv[2])
s.bind(("127.0.0.1", int(sys.argv[1])))
PY
    run -1 ns env LD_PRELOAD="$LIB" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/chroot.py" "$port" "$BATS_TEST_TMPDIR"
    [[ ${lines[0]} == "reuseshim["*"] ?: bind("*"failed: EADDRINUSE" ]]
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_DIAGNOSE=always "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/chroot.py" "$port" "$BATS_TEST_TMPDIR"
    [[ ${lines[1]} == *"held by  tcp 127.0.0.1:$port  LISTEN, owner hidden (uid 0)" ]]
}
