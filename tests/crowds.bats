#!/usr/bin/env bats
# More than one in the way: who they are, each of them, and what stops them all.

load helper
load cgroup

teardown_file() {
    remove_cgroups
}

# told WORD...: the record of sock's refusal as text.
told() {
    run -1 --separate-stderr ns env LD_PRELOAD="$LIB" "$PROGRAMS/sock" "$@"
    text=$stderr
}

refused() {
    run -1 shim "$PROGRAMS/sock" "$@"
}

@test "two processes on two addresses are both to be stopped for the wildcard, which then can be bound" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    one=$holder_pid
    holder tcp bind 127.0.0.53:"$port" listen
    told tcp bind 0.0.0.0:"$port"
    [ "$(grep -c 'held by' <<<"$text")" = 2 ]
    [[ $text == *"several are in the way; if none of them is needed: stop process "*" (sock), and stop process "*" (sock)"* ]]
    for pid in "$one" "$holder_pid"; do
        grep -q "cure .*stop process $pid (sock)" <<<"$text"
        stop "$pid"
    done
    run -0 shim "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port" listen
}

@test "of processes of one unit the unit is stopped, of others each" {
    port=$(free_port)
    words=(tcp set reuseport bind 127.0.0.1:"$port" listen hold)
    make_cgroup web.service
    for _ in 1 2 3; do
        background_in_cgroup "$PROGRAMS/sock" "${words[@]}"
    done
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cures[0].text == "systemctl stop web.service, if it is not needed"' '[.holders[].processes[0].pid] | unique | length == 3'
    background ns "$PROGRAMS/sock" "${words[@]}"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.cures[0].text | test("several are in the way.*systemctl stop web.service") and test("stop process '"$last_pid"' \\(sock\\)")'
}

@test "sockets are one line only if they are one server's: another user's, and another instance, has a line of its own" {
    needs_root
    port=$(free_port)
    words=(udp set reuseaddr bind 127.0.0.1:"$port")
    holder "${words[@]}"
    background ns setpriv --reuid 4711 --clear-groups "$PROGRAMS/sock" "${words[@]}" hold
    background ns setpriv --reuid 65534 --clear-groups "$PROGRAMS/sock" "${words[@]}" hold
    told udp bind 127.0.0.1:"$port"
    [ "$(grep -c 'held by' <<<"$text")" = 3 ]
    for uid in 0 4711 65534; do
        grep -q "held by .* of uid $uid: " <<<"$text"
    done
    # The same program started with other words, by the same shell.
    port=$(free_port)
    holder udp set reuseaddr bind 127.0.0.1:"$port"
    holder udp set reuseaddr bind 127.0.0.1:"$port" hold
    told udp bind 127.0.0.1:"$port"
    [ "$(grep -c 'held by' <<<"$text")" = 2 ]
}

@test "workers that have a socket each are one line, with the number of each" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" -c '
import os, signal, socket, sys
ready, tell = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); os.write(tell, b"."); signal.pause()
for _ in range(3): os.read(ready, 1)
print("listening", flush=True); signal.pause()' "$port"
    told tcp bind 127.0.0.1:"$port"
    grep -qE "held by .*and 2 more sockets like this, of pids [0-9]+, [0-9]+" <<<"$text"
}

@test "one process on many addresses is one line, and to stop it is the cure though not all are listed" {
    port=$(free_port)
    words=()
    for i in $(seq 50); do
        words+=(tcp bind "127.0.1.$i:$port" listen)
    done
    holder "${words[@]}"
    told tcp bind 0.0.0.0:"$port"
    [ "$(grep -c 'held by' <<<"$text")" = 1 ]
    [[ $text == *" more sockets of this process, on other addresses"* ]]
    [[ $text == *"cure     stop process $holder_pid (sock) if it is not needed"* ]]
    run ns "$BUILD/reuseshim" why -t4 "$port"
    [[ $output == *"31 more sockets of this process, on other addresses"*"18 more"*"stop process $holder_pid (sock)"* ]]
}

@test "watch beside several says that they are several" {
    port=$(free_port)
    for _ in 1 2 3; do
        holder tcp set reuseport bind 127.0.0.1:"$port" listen
    done
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=audit "$PROGRAMS/sock" tcp set reuseport bind 127.0.0.1:"$port" listen
    [[ $stderr == *"each new connection goes to one of them all, by a hash"* ]]
    port=$(free_port)
    for _ in 1 2; do
        holder udp set reuseaddr bind 127.0.0.1:"$port"
    done
    run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=audit "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    [[ $stderr == *"to the newest socket; the other sockets receive none"* ]]
}

@test "a path of AF_UNIX cannot forge a record" {
    path="$BATS_TEST_TMPDIR/p) of uid 0: init; pid 1 (systemd"
    holder unix bind "$path" listen
    told unix bind "$path"
    grep -qF "held by  unix \"$path\"  LISTEN, pid $holder_pid (sock)" <<<"$text"
    grep -qF "remove the file \"$path\"" <<<"$text"
}

@test "a program read from standard input is not called by its first argument" {
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/program" <<'PYTHON'
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[2]))); s.listen(); print("listening", flush=True); time.sleep(1000)
PYTHON
    background ns sh -c 'exec "$0" - nginx "$1" <"$2"' "$SYSTEM_PYTHON" "$port" "$BATS_TEST_TMPDIR/program"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].program | startswith("python3")'
}
