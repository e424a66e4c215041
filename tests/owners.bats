#!/usr/bin/env bats
# Who owns a socket, how it is found, and the same answer from sock_diag and from /proc/net.

load helper

cgroup_folder() {
    local mount
    for mount in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ "$(stat -fc %T "$mount" 2>/dev/null)" != cgroup2fs ] || { echo "$mount/reuseshim-test.$$"; return; }
    done
    return 1
}

teardown_file() {
    local folder
    folder=$(cgroup_folder) || return 0
    rmdir "${folder%.*}".* 2>/dev/null || true
}

# holder_in FOLDER WORDS...: a holder that lives in that cgroup.
holder_in() {
    local folder=$1
    shift
    background ns sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$folder" "$PROGRAMS/sock" "$@" hold
    holder_pid=$last_pid
}

@test "the cgroup of a holder, as cgroup v2 names it" {
    needs_root
    folder=$(cgroup_folder) || skip "no cgroup v2 here"
    mkdir "$folder" || skip "no cgroup can be made here"
    port=$(free_port)
    holder_in "$folder" tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record ".holders[0].cgroup == \"/${folder##*/}\""
    owner_is "$holder_pid"
    run -1 ns env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    [[ ${lines[1]} == *" in /${folder##*/}" ]]
    # Seen by one who may not open a cgroup by its number.
    chmod 777 "$BATS_TEST_TMPDIR"
    run -1 ns env REUSESHIM_RULES=keep REUSESHIM_FORMAT=json REUSESHIM_LOG=fd:7 LD_PRELOAD="$LIB" \
        setpriv --reuid 4711 --regid 4711 --clear-groups "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" 7>>"$LOG"
    expect_record ".holders[0].cgroup == \"/${folder##*/}\"" '.holders[0].owner == "hidden"'
    # Gone with everything in it, but for a connection that is closing: no path any more, and no guess.
    stop
    until_true 5 rmdir "$folder"
}

@test "a holder without a cgroup of its own is in the root" {
    [ "$(sed -n 's/^0:://p' /proc/self/cgroup)" = / ] || skip "this shell is in a cgroup of its own"
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].cgroup == "/"'
}

@test "a server and its workers: all that share the socket, up and down the family, by one descriptor" {
    port=$(free_port)
    background ns "$SYSTEM_PYTHON" -c '
import os, signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
for i in range(4):
    if os.fork() == 0: signal.pause()
print("ready", flush=True); signal.pause()' "$port"
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes | length == 5' "any(.holders[0].processes[]; .pid == $last_pid)"
    cure=$(record '.cures[0].text')
    [[ $cure == *"stop the processes "* ]]
}

@test "relations: ancestor, descendant, same program, same user, other user" {
    needs_root
    port=$(free_port)
    refused tcp bind 127.0.0.1:"$port" listen fork closeall tcp bind 127.0.0.1:"$port"
    expect_record '[.holders[0].processes[].relation] == ["ancestor"]'
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c '
import os, signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
pid = os.fork()
if pid == 0: signal.pause()
s.close()
try: socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
finally: os.kill(pid, 9)' "$port"
    expect_record '[.holders[0].processes[].relation] == ["descendant"]'
    holder tcp bind 127.0.0.1:"$port" listen
    refused tcp bind 127.0.0.1:"$port"
    expect_record '.holders[0].processes[0].relation == "same-program"'
    run -1 shim REUSESHIM_RULES=keep socat TCP-LISTEN:"$port",bind=127.0.0.1 -
    expect_record '.holders[0].processes[0].relation == "same-user"'
    stop
    holder uid 4711 tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_RULES=keep socat TCP-LISTEN:"$port",bind=127.0.0.1 -
    expect_record '.holders[0].processes[0].relation == "other-user"'
}

# same_from_both WORDS...: the record from each source; equal in all that /proc knows.
same_from_both() {
    local what="del(${without:-.time})"' | del(.time, .pid, .tid, .diagnosis, .holders[].cgroup, .holders[].v6only, .holders[].device, .holders[].timer_ms)
        | .holders[].local.device = null | (.holders[].remote | select(. != null)).device = null'
    refused "$@"
    expect_record '.diagnosis.source == "sock_diag"'
    record "$what" >"$BATS_TEST_TMPDIR/sock_diag"
    run -1 shim REUSESHIM_RULES=keep REUSESHIM_DIAGNOSE=always "$PROGRAMS/filter" errno netlink "$PROGRAMS/sock" "$@"
    expect_record '.diagnosis.source == "proc"'
    record "$what" >"$BATS_TEST_TMPDIR/proc"
    diff <(jq -S . "$BATS_TEST_TMPDIR/sock_diag") <(jq -S . "$BATS_TEST_TMPDIR/proc")
}

@test "the same fields from sock_diag and from /proc/net: listener, connection, TIME_WAIT, UDP" {
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

@test "the same fields from both sources for a range without a free port" {
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40001"
    holder udp bind 0.0.0.0:0
    holder udp bind 0.0.0.0:0
    same_from_both udp bind 0.0.0.0:0
    expect_record '.cause == "ports-exhausted"'
}

@test "hidepid: processes that /proc leaves out are not taken for none" {
    needs_root
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    open_folder 777
    run -1 ns unshare --mount sh -c 'mount -t proc -o hidepid=invisible proc /proc && exec env LD_PRELOAD="$0" REUSESHIM_RULES=keep \
        REUSESHIM_FORMAT=json REUSESHIM_LOG="$1/log" "$2" uid 4711 tcp bind 127.0.0.1:"$3"' "$LIB" "$open" "$PROGRAMS/sock" "$port"
    LOG=$open/log
    expect_record '.holders[0].owner == "hidden"' '.message | test("not every process shows")' \
        'all(.cures[]; .needs != ["stop-holder"])'
}

@test "in a PID namespace nobody is said to be the only one" {
    needs_root
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/outer.py" <<'PY'
import os, socket, subprocess, sys, signal
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); s.set_inheritable(True)
subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "bash", "-c",
    'sleep 100 >/dev/null 2>&1 & for f in /proc/self/fd/*; do n=${f##*/}; [ $n -lt 3 ] || eval "exec $n>&-"; done; "$@"; kill $!', "bash"] + sys.argv[2:], close_fds=False)
PY
    run ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/outer.py" "$port" env LD_PRELOAD="$LIB" REUSESHIM_RULES=keep \
        REUSESHIM_FORMAT=json REUSESHIM_LOG="$LOG" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.cause == "listener"' 'all(.cures[]; .needs != ["stop-holder"])'
}

@test "a holder whose first thread has ended is found by its others" {
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/lead.c" <<'C'
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void *stay(void *unused) { puts("ready"); fflush(stdout); pause(); return unused; }
int main(int argc, char **argv)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1) || pthread_create(&thread, NULL, stay, NULL)) return 1;
    pthread_exit(NULL);
}
C
    gcc -o "$BATS_TEST_TMPDIR/lead" "$BATS_TEST_TMPDIR/lead.c" -lpthread
    background ns "$BATS_TEST_TMPDIR/lead" "$port"
    refused tcp bind 127.0.0.1:"$port"
    owner_is "$last_pid" lead
}

@test "that, in a cgroup of its own, takes at most 4 KB of stack, too, whatever the log and the rule" {
    needs_root
    folder=$(cgroup_folder) || skip "no cgroup v2 here"
    mkdir "$folder" || skip "no cgroup can be made here"
    port=$(free_port)
    cat >"$BATS_TEST_TMPDIR/lead.py" <<'PY'
import ctypes, os, socket, sys, threading, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=lambda: (print("ready", flush=True), time.sleep(60))).start()
ctypes.CDLL(None).syscall(60, 0)  # exit(2) of this thread alone
PY
    background ns sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$folder" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/lead.py" "$port"
    for settings in "REUSESHIM_POLICY=restart" "REUSESHIM_LOG=journal" "REUSESHIM_LOG=syslog" "REUSESHIM_RULES=tcp evict wait 20ms"; do
        run -0 --separate-stderr ns env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$settings" "$PROGRAMS/host" depth "$port"
        echo "$settings: $output bytes"
        [ "$output" -gt 500 ]
        [ "$output" -le 4096 ]
    done
    expect_record ".holders[0].processes[0].pid == $last_pid" ".holders[0].cgroup == \"/${folder##*/}\""
}

@test "a supervisor that hands its socket on under another number: the child is named, too" {
    port=$(free_port)
    run -1 shim REUSESHIM_RULES=keep "$SYSTEM_PYTHON" -c '
import os, signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
child = os.fork()
if child == 0:
    os.dup2(s.fileno(), 9); s.close(); signal.pause()
newcomer = os.fork()
if newcomer == 0:
    s.close()
    try: socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
    except OSError: os._exit(1)
status = os.waitpid(newcomer, 0)[1]
os.kill(child, 9)
sys.exit(os.waitstatus_to_exitcode(status))' "$port"
    expect_record '.holders[0].processes | length == 2' '.holders[0].processes[0].relation == "ancestor"'
}
