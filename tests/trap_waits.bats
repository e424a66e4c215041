#!/usr/bin/env bats
# Calls that wait under the trap of reuseshim run: signals, other networks, many at once; and many refusals of one program.

load helper
load trap

setup_file() {
    build_static sock
}

# in_another_network RULE SCRIPT: the script there, under the trap with all it does in the log; in it $sock is the program, and
# until_is COMMAND... polls.
in_another_network() {
    run_it --trap -v -v -r "$1" unshare --net sh -ec 'ip link set lo up; sock=$0; cd "$1"
        until_is() { n=0; until "$@"; do sleep 0.02; [ $((n += 1)) -lt 3000 ]; done; }
        eval "$2"' "$BATS_FILE_TMPDIR/sock" "$BATS_TEST_TMPDIR" "$2"
}

@test "a wait in another network has its record, with who was in the way; and nothing of ours dumps core" {
    needs_root
    # shellcheck disable=SC2016
    run -0 in_another_network 'wait 600s' 'ulimit -c unlimited
        tried_again() { [ "$(grep -c "\"pid\":$1,.* decides" log)" -ge 2 ]; }
        $sock tcp bind 127.0.0.1:7007 listen hold >said & holder=$!
        until_is [ -s said ]
        $sock tcp bind 127.0.0.1:7007 listen & waiter=$!
        until_is tried_again $waiter
        kill $holder; wait $waiter'
    [ -z "$(find "$BATS_TEST_TMPDIR" -name 'core*')" ]
    resolved '.program == "sock"'
}

@test "a wait in another network ends with the record that the library writes" {
    needs_root
    # shellcheck disable=SC2016
    run -1 in_another_network 'wait 300ms' '$sock tcp bind 127.0.0.1:7007 listen hold >said & holder=$!
        until_is [ -s said ]
        $sock tcp bind 127.0.0.1:7007 || { kill $holder; exit 1; }'
    jq -c 'select(.event == "conflict")' "$LOG" |
        holds '.waited_ms >= 250 and .cause == "listener" and .holders[0].processes[0].program == "sock"'
}

@test "signals that nobody handles do not end a wait; one with a handler does" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    # shellcheck disable=SC2016
    signals='import os, signal, socket, sys, threading, time
name, port = sys.argv[1], int(sys.argv[2])
if name == "PIPE": signal.signal(signal.SIGPIPE, signal.SIG_IGN)
if name == "USR1": signal.signal(signal.SIGUSR1, lambda *_: None)
other = os.fork()
while other == 0:
    time.sleep(0.01)
    os.kill(os.getppid(), getattr(signal, "SIG" + name))
began = time.monotonic()
try: socket.socket().bind(("127.0.0.1", port))
except OSError: print("early" if time.monotonic() - began < 1.5 else "full")
os.kill(other, signal.SIGKILL)
os.wait()'
    for name in WINCH CHLD PIPE URG; do
        run -0 run_it --trap -r 'wait 1600ms' "$SYSTEM_PYTHON" -c "$signals" "$name" "$port"
        [ "$output" = full ]
    done
    run -0 run_it --trap -r 'wait 60s' "$SYSTEM_PYTHON" -c "$signals" USR1 "$port"
    [ "$output" = early ] || [ "$output" = full ]
    expect_record '.waited_ms < 50000'
}

@test "^Z during a wait for a TIME_WAIT stops the program, which goes on to wait when it is continued" {
    port=$(free_port)
    ns "$SYSTEM_PYTHON" "$SCRIPTS/leave_time_wait.py" "127.0.0.1:$port:1"
    run -0 ns env REUSESHIM_LOG="$LOG" "$SYSTEM_PYTHON" -c 'import os, signal, sys, time
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
def held():
    try: return "seccomp" in open(f"/proc/{child}/wchan").read()
    except OSError: return False
for _ in range(2):
    while not held(): time.sleep(0.01)
    os.kill(child, signal.SIGTSTP)
    stopped, status = os.waitpid(child, os.WUNTRACED)
    print(os.WIFSTOPPED(status), flush=True)
    os.kill(child, signal.SIGCONT)
os.kill(child, signal.SIGTERM)
print(os.waitpid(child, 0)[1])' "$BUILD/reuseshim" run -r 'wait 600s' "$BATS_FILE_TMPDIR/sock" tcp bind 127.0.0.1:"$port" listen
    [ "${lines[*]}" = "True True 15" ]
}

@test "many that wait at once wait as long as they were told, and hold up nobody" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 run_it --trap -r "port $port wait 1s" "$SYSTEM_PYTHON" -c 'import os, socket, sys, time
def refused(port):
    began = time.monotonic()
    try: socket.socket().bind(("127.0.0.1", port))
    except OSError: return time.monotonic() - began
other = socket.socket(); other.bind(("127.0.0.1", 0)); other.listen()
port, read, write = int(sys.argv[1]), *os.pipe()
for _ in range(30):
    if os.fork() == 0:
        os.write(write, b"%.3f\n" % refused(port))
        os._exit(0)
os.close(write)
look = refused(other.getsockname()[1])
times = sorted(map(float, os.fdopen(read).read().split()))
print(len(times), times[0], times[-1], look)' "$port"
    echo "$output"
    read -r count least most look <<<"$output"
    [ "$count" = 30 ]
    # A look of each, and its record; looks of all at each try are ten times as many.
    awk -v least="$least" -v most="$most" -v look="$look" 'BEGIN {exit !(least >= 0.95 && most < 2 + 90 * look)}'
    [ "$(jq -c 'select(.local.port == '"$port"' and .cause == "listener")' "$LOG" | wc -l)" = 30 ]
}

@test "a program that tries many ports is explained the first ones, and has a record of each" {
    background ns "$SYSTEM_PYTHON" "$SCRIPTS/many_listeners.py" 200
    run -0 run_it --trap "$SYSTEM_PYTHON" -c 'import socket
taken = [line.split() for line in open("/proc/net/tcp")][1:]
ports = [int(line[1].split(":")[1], 16) for line in taken if line[3] == "0A"]
for port in ports:
    try: socket.socket().bind(("127.0.0.1", port))
    except OSError: pass
print(len(ports))'
    [ "$output" = 200 ]
    [ "$(jq -c 'select(.event == "conflict" and .errno == "EADDRINUSE")' "$LOG" | wc -l)" = 200 ]
    [ "$(jq -c 'select(.diagnosis.reason == "busy")' "$LOG" | wc -l)" -gt 100 ]
    head -n 3 "$LOG" | holds '.cause == "listener"'
}

@test "the same refusal again is told from memory in another network and of a path, too; another path and another network are others" {
    run -0 ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run --trap "$SYSTEM_PYTHON" -c 'import ctypes, os, socket, sys
def taken(family, address, times):
    holder = socket.socket(family); holder.bind(address); holder.listen()
    for _ in range(times):
        try: socket.socket(family).bind(address)
        except OSError: pass
os.chdir(sys.argv[1])
taken(socket.AF_UNIX, "one", 20)
for _ in range(2):
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000): sys.exit(1)
    os.system("ip link set lo up")
    taken(socket.AF_INET, ("127.0.0.1", 7007), 20)
taken(socket.AF_UNIX, "two", 1)' "$BATS_TEST_TMPDIR"
    [ "$(jq -c 'select(.event == "conflict")' "$LOG" | wc -l)" = 61 ]
    [ "$(jq -c 'select(.diagnosis.source == "earlier")' "$LOG" | wc -l)" = 57 ]
    [ "$(jq -r 'select(.local.path == "two") | .diagnosis.source' "$LOG")" != earlier ]
}

@test "under a rule that evicts the same refusal is told once, too, and MPTCP with its fallback to TCP is one" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -0 run_it --trap -p restart-now "$SYSTEM_PYTHON" -c 'import socket, sys
def refused(protocol):
    try: socket.socket(proto=protocol).bind(("127.0.0.1", int(sys.argv[1])))
    except OSError: pass
refused(262); refused(0)
for _ in range(9): refused(262)' "$port"
    [ "$(jq -r '.diagnosis.source' "$LOG" | sort | uniq -c | tr -s ' \n' ' ')" = " 9 earlier 1 sock_diag " ]
}

@test "a refusal that no process can be started to look for has a record that says so" {
    needs_root
    open_folder 777
    LOG=$open/log
    holder unix bind "$open/taken" listen
    # Root is not held to the limit, which counts for the supervisor once it is there.
    run -1 ns setpriv --reuid 54321 --regid 54321 --clear-groups env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json \
        "$BUILD/reuseshim" run --trap "$SYSTEM_PYTHON" -c 'import os, resource, socket, sys
for pid in filter(str.isdigit, os.listdir("/proc")):
    if os.stat(f"/proc/{pid}").st_uid == os.getuid() and open(f"/proc/{pid}/comm").read() == "reuseshim-trap\n":
        resource.prlimit(int(pid), resource.RLIMIT_NPROC, (0, 0))
try: socket.socket(socket.AF_UNIX).bind(sys.argv[1])
except OSError as error: sys.exit(1)' "$open/taken"
    expect_record '.event == "conflict"' '.diagnosis.reason == "no process left"'
}
