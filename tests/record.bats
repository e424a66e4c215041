#!/usr/bin/env bats
# What a record says of what is known, half known and hidden, and its form.
# bats file_tags=quick

load helper

# ---- which holders --------------------------------------------------------------------------------------------------

@test "with several sockets on the port, the listener comes first and makes the cause" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.2:"$port" listen
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.cause == "listener"' '[.holders[].state] == ["LISTEN", "BOUND"]' 'all(.holders[]; .blocks)'
}

@test "of more than 32 holders 32 are listed and the others counted" {
    port=$(free_port)
    words=()
    for i in $(seq 40); do
        words+=(tcp bind 127.0.1."$i":"$port")
    done
    holder "${words[@]}"
    refused tcp bind 0.0.0.0:"$port"
    expect_record '.holders | length == 32' '.holders_omitted == 8' 'all(.holders[]; .owner == "known")'
}

@test "the options of a holder are read from its own descriptor where that is permitted" {
    port=$(free_port)
    holder tcp set reuseaddr bind 127.0.0.1:"$port"
    holder tcp set reuseaddr bind 127.0.0.1:"$port"
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp set reuseport bind 127.0.0.1:"$port"
    expect_record '.holders | length == 2' 'all(.holders[]; .reuseaddr and .reuseport == false and .blocks)'
}

@test "a holder's SO_REUSEPORT is not denied where the newcomer has a reuseport program of its own" {
    port=$(free_port)
    holder tcp set reuseport bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" "$SCRIPTS/own_reuseport_program.py" "$port"
    expect_record '.errno == "EADDRINUSE"' '.holders[0].reuseport == true' '.cause == "own-group"'
}

# ---- little is known ------------------------------------------------------------------------------------------------

@test "without sock_diag a listener and its process come from /proc" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    expect_record '.diagnosis.source == "proc"' '.cause == "listener"' '.holders[0].state == "LISTEN"' \
        ".holders[0].local == {address: \"127.0.0.1\", port: $port, device: null}" '.holders[0].uid == 0' \
        '.holders[0].blocks'
    owner_is "$holder_pid"
}

@test "without sock_diag the timer of a TIME_WAIT comes from /proc, too" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp6 bind [::1]:"$port" listen tcp6 connect [::1]:"$port" back accept close closeall
    run -1 shim REUSESHIM_DIAGNOSE=always REUSESHIM_RULES=keep "$PROGRAMS/filter" errno netlink \
        "$PROGRAMS/sock" tcp6 bind [::1]:"$port"
    expect_record '.diagnosis.source == "proc"' '.cause == "time-wait"' '.holders[0].local.address == "::1"' \
        '.holders[0].timer_ms | 0 < . and . <= 60000' '.holders[0].owner == "none"'
}

@test "where nothing visible holds the port the cause is unseen, and nobody is named" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port"
    # /proc does not show bound-only sockets, so this is what an old kernel or another namespace looks like.
    run -1 shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink \
        "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "unseen"' '.holders == []'
}

@test "the bind of a socket that was made in another network namespace accuses nobody of this one" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen # innocent
    background unshare --net sh -c "ip link set lo up && exec $PROGRAMS/sock tcp bind 127.0.0.1:$port listen hold"
    run -1 shim "$SYSTEM_PYTHON" "$SCRIPTS/setns_bind.py" "$port" "$last_pid"
    stop
    expect_record '.cause == "unseen"' '.holders == []' '.diagnosis.complete == false'
}

@test "a user in 401 groups gets the same explanation" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim setpriv --groups "$(seq -s, 1000000 1000400)" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.diagnosis.complete'
}

@test "where the budget is spent before the owner is found, owner is null, and the diagnosis not complete" {
    port=$(free_port)
    ulimit -n 8192
    holder repeat 4000 tcp # stands before the holder in /proc, and takes long to look through
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_BUDGET_MS=1 "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' '.holders[0].owner == null' '.diagnosis.complete == false' \
        'all(.cures[]; .needs != ["stop-holder"])'
}

@test "without /proc the bare event is recorded, and who holds the port where that is asked for" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    for diagnose in auto always; do
        run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_FORMAT=json REUSESHIM_LOG=stderr REUSESHIM_DIAGNOSE=$diagnose \
            "$SYSTEM_PYTHON" "$SCRIPTS/chroot_bind.py" "$port" "$BATS_TEST_TMPDIR"
        grep '^{' <<<"$output" >>"$LOG"
    done
    holds '.errno == "EADDRINUSE" and .program == "python3"' "$LOG"
    [ "$(jq -r '.holders[].local.port' "$LOG")" = "$port" ]
    expect_record '.holders[0].state == "LISTEN"' '.holders[0].owner == "hidden"' '.holders[0].uid == 0'
}

# ---- its form -------------------------------------------------------------------------------------------------------

@test "the keys of a record stand in the order of the contract" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record 'keys_unsorted == ["time","event","call","errno","pid","tid","program","uid","fd","protocol",
        "local","remote","options","policy","rule","cause","holders","holders_omitted","outcome","waited_ms",
        "evicted","cures","diagnosis","repeated","lost","message"]'
    expect_record '.holders[0] | keys_unsorted == ["protocol","local","remote","state","timer_ms","inode","uid",
        "device","v6only","reuseaddr","reuseport","blocks","cgroup","owner","unit","container","processes"]'
    expect_record '.holders[0].processes[0] | keys_unsorted == ["pid","program","executable","command","uid","started","state","relation"]'
    expect_record '.diagnosis | keys_unsorted == ["source","reason","complete","elapsed_us","age_ms"]'
    expect_record '.cures[0] | keys_unsorted == ["text","rules","policy","apply_to","needs"]'
    expect_record '.time | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z$")'
    expect_record '.program == "sock"' '.tid == .pid' '.policy == "restart"' '.rule == "REUSESHIM_RULES:1"'
}

@test "text of another process is escaped before it is written, in JSON and in text" {
    port=$(free_port)
    evil=$'\e[31mred\n{"x":1}\xff'
    background ns bash -c 'exec -a "$0" "$@"' "$evil" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen hold
    refused tcp bind 127.0.0.1:"$port"
    [ "$(wc -l <"$LOG")" = 1 ]
    expect_record '.holders[0].processes[0].command | startswith("\u001b[31mred\n{\"x\":1}\ufffd tcp bind")'
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ $output == *'"\x1b[31mred\x0a{\x22x\x22:1}\xff tcp bind'* ]]
    [[ $output != *$'\e'* ]]
}

@test "a record in text is one line that says it all, and details under the same prefix: held by, because, cure" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    [[ ${lines[0]} =~ ^reuseshim\[([0-9]+)\]\ sock:\ bind\([0-9]+,\ tcp\ 0\.0\.0\.0:$port\)\ failed:\ EADDRINUSE$ ]]
    pid=${BASH_REMATCH[1]}
    [[ ${lines[1]} == "reuseshim[$pid]   held by  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)"* ]]
    [[ ${lines[2]} == "reuseshim[$pid]   because  "* ]]
    [[ ${lines[3]} == "reuseshim[$pid]   cure     "* ]]
}

# ---- cures ----------------------------------------------------------------------------------------------------------

@test "the rules of a cure keep what the policy gives: the retry with SO_REUSEADDR for a [::] that v6only gets around a listener" {
    port=$(free_port)
    # A TIME_WAIT that lets only SO_REUSEADDR in, and a listener that v6only gets around.
    ns "$PROGRAMS/sock" tcp6 set reuseaddr bind [::1]:"$port" listen tcp6 connect [::1]:"$port" back accept close closeall
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim "$PROGRAMS/sock" tcp6 bind [::]:"$port"
    rules=$(record '.cures[] | select(.rules | strings | test("v6only")) | .rules' | jq -r .)
    [ "$rules" = "ipv6 tcp port $port force v6only retry reuseaddr" ]
    run -0 shim REUSESHIM_RULES="$rules" "$PROGRAMS/sock" tcp6 bind [::]:"$port" listen
}

# The longest wait that a cure of the last record names, in seconds.
wait_of_cure() {
    record '[.cures[] | select(.needs == ["wait"]).text | capture("(?<s>[0-9]+) s").s | tonumber] | max'
}

@test "the cures of a TIME_WAIT are to take it away, to wait a little longer than its timer, or the library on both sides" {
    port=$(free_port)
    ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close closeall
    refused tcp bind 127.0.0.1:"$port"
    expect_record '[.cures[] | .apply_to] == ["this", "this", "both", "both"]' '.cures[0].policy == "restart-now"' \
        '[.cures[].needs] == [["CAP_NET_ADMIN"], ["wait"], [], []]' '.cures[3].policy == "client"'
    expect_record ".holders[0].timer_ms / 1000 | . + 5 <= $(wait_of_cure) and $(wait_of_cure) <= . + 7"
    rules=$(record '.cures[2].rules' | jq -r .)
    other=$(free_port)
    both=(shim REUSESHIM_RULES="${rules//$port/$other}" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$other" listen)
    "${both[@]}" tcp connect 127.0.0.1:"$other" back accept close closeall
    "${both[@]}"
}

@test "a FIN_WAIT2 may yet become TIME_WAIT: the wait that is advised is a minute longer than its timer" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen tcp connect 127.0.0.1:"$port" back accept close close
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].state == "FIN_WAIT2"' '.cause == "time-wait"' \
        ".holders[0].timer_ms / 1000 + 60 <= $(wait_of_cure)"
}
