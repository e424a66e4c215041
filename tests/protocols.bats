#!/usr/bin/env bats
# Each policy on a real protocol: the problem without it, and the cure with it.

load helper

# An FTP server of the old kind: active mode, every data connection from one port, no option set on it. It sends nothing
# before so many transfers are under way at a time.
ftp_server() {
    cat >"$BATS_TEST_TMPDIR/ftpd.py" <<'PY'
import socket, sys, threading
data_port, together = int(sys.argv[1]), int(sys.argv[2])
barrier = threading.Barrier(together)
def serve(c):
    peer = None
    f = c.makefile("rwb", buffering=0)
    f.write(b"220 old\r\n")
    for line in f:
        word, _, rest = line.decode().strip().partition(" ")
        if word == "PORT":
            n = rest.split(","); peer = (".".join(n[:4]), int(n[4]) * 256 + int(n[5]))
            f.write(b"200 ok\r\n")
        elif word == "RETR":
            d = socket.socket()
            try:
                d.bind(("127.0.0.1", data_port)); d.connect(peer)
            except OSError as e:
                barrier.abort(); f.write(b"425 %s\r\n" % str(e).encode()); continue
            f.write(b"150 here\r\n")
            try: barrier.wait(20)
            except threading.BrokenBarrierError: pass
            d.sendall(rest.encode()); d.close(); f.write(b"226 done\r\n")
        elif word == "QUIT":
            f.write(b"221 bye\r\n"); return
        else:
            f.write(b"331 more\r\n" if word == "USER" else b"230 ok\r\n" if word == "PASS" else b"200 ok\r\n")
l = socket.socket(); l.bind(("127.0.0.1", 21)); l.listen(64)
print("ready", flush=True)
while True: threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
PY
    background ns env "$@" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/ftpd.py" 20 20
}

# 20 transfers at a time with the standard client; prints how many came through.
ftp_transfers() {
    ns "$SYSTEM_PYTHON" -c '
import ftplib, threading
good = []
def get(i):
    try:
        ftp = ftplib.FTP(); ftp.connect("127.0.0.1", 21, timeout=30); ftp.login(); ftp.set_pasv(False)
        got = []; ftp.retrbinary("RETR file%d" % i, got.append)
        if b"".join(got) == b"file%d" % i: good.append(i)
    except Exception: pass
threads = [threading.Thread(target=get, args=(i,)) for i in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(good))'
}

@test "ftp-data: FTP in active mode, 20 transfers at a time from one data port to one client" {
    needs_root
    ftp_server A=B
    [ "$(ftp_transfers)" -lt 20 ]
    stop
    ns ss -K state time-wait || true
    ftp_server LD_PRELOAD="$LIB" REUSESHIM_POLICY=ftp-data REUSESHIM_RULES="tcp port 21 force reuseaddr" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json
    [ "$(ftp_transfers)" = 20 ]
    [ "$(ftp_transfers)" = 20 ] # and once more, beside what the first left in TIME_WAIT
}

@test "hole-punch: listen and connect on one port, between two namespaces" {
    needs_root
    cat >"$BATS_TEST_TMPDIR/punch.py" <<'PY'
import select, socket, sys, time
me, peer, port = sys.argv[1], sys.argv[2], 7000
listener = socket.socket(); listener.bind((me, port)); listener.listen()
# Both ends say something and hear it before they go.
def talk(how, c):
    c.setblocking(True); c.settimeout(10); c.sendall(b"x")
    print(how, c.recv(1), flush=True)
    sys.exit(0)
print("ready", flush=True)
sys.stdin.read()
end = time.monotonic() + 10
while time.monotonic() < end:
    c = socket.socket()
    c.bind((me, port))
    c.setblocking(False)
    c.connect_ex((peer, port))
    readable, writable, _ = select.select([listener], [c], [], 0.5)
    if readable:
        talk("accepted", listener.accept()[0])
    try:
        if writable and c.getpeername() == (peer, port):
            talk("connected", c)
    except OSError:
        pass
    c.close()
sys.exit(1)
PY
    background unshare --net sh -c 'echo up; exec cat "$0/hold"' "$BATS_TEST_TMPDIR"
    far=$last_pid
    ns ip link add near type veth peer name far netns "$far"
    ns sh -c 'ip addr add 10.9.9.1/24 dev near && ip link set near up'
    nsenter --net --target "$far" sh -c 'ip link set lo up && ip addr add 10.9.9.2/24 dev far && ip link set far up'
    punch() {
        mkfifo "$BATS_TEST_TMPDIR/go1" "$BATS_TEST_TMPDIR/go2"
        nsenter --net --target "$namespace_pid" env "$@" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/punch.py" 10.9.9.1 10.9.9.2 \
            <"$BATS_TEST_TMPDIR/go1" >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- &
        one=$!
        nsenter --net --target "$far" env "$@" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/punch.py" 10.9.9.2 10.9.9.1 \
            <"$BATS_TEST_TMPDIR/go2" >"$BATS_TEST_TMPDIR/two" 2>&1 3>&- &
        two=$!
        exec 8>"$BATS_TEST_TMPDIR/go1" 9>"$BATS_TEST_TMPDIR/go2"
        until_true 5 grep -q ready "$BATS_TEST_TMPDIR/one" && until_true 5 grep -q ready "$BATS_TEST_TMPDIR/two"
        exec 8>&- 9>&-
        rm "$BATS_TEST_TMPDIR"/go[12]
        result=0
        wait "$one" || result=1
        wait "$two" || result=1
    }
    punch A=B
    [ "$result" = 1 ]
    grep -q "Address already in use" "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    punch LD_PRELOAD="$LIB" REUSESHIM_POLICY=hole-punch REUSESHIM_LOG=none
    cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    [ "$result" = 0 ]
    grep -qE "connected|accepted" "$BATS_TEST_TMPDIR/one"
}

@test "multicast: three receivers, each gets every datagram" {
    ns ip route add 224.0.0.0/4 dev lo
    ns ip link set lo multicast on
    receiver() {
        background ns env "$@" "$SYSTEM_PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("239.1.2.3", 7100))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.1.2.3") + socket.inet_aton("127.0.0.1"))
print("ready", flush=True)
s.settimeout(10)
print("got", [s.recv(9).decode() for i in range(20)] == ["%d" % i for i in range(20)], flush=True)'
    }
    receiver A=B
    run receiver A=B
    [ "$status" != 0 ]
    stop "${started[0]}" || true
    outs=()
    for _ in 1 2 3; do
        receiver LD_PRELOAD="$LIB" REUSESHIM_POLICY=multicast
        outs+=("$last_out")
    done
    ns "$SYSTEM_PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
for i in range(20): s.sendto(b"%d" % i, ("239.1.2.3", 7100))'
    for out in "${outs[@]}"; do
        until_true 5 grep -q "got True" "$out"
    done
}

@test "client: little servers inside ip_local_port_range beside a busy client never miss their port" {
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40399"
    holder tcp bind 127.0.0.1:1 listen
    busy() {
        background ns env "$@" "$SYSTEM_PYTHON" -c '
import signal, socket, sys
kept = []
for i in range(60):
    kept.append(socket.create_connection((sys.argv[1], 1)))
print("ready", flush=True); signal.pause()' "$peer"
    }
    # 400 servers come and go; how many did not get their port?
    misses() {
        ns env "$@" "$SYSTEM_PYTHON" -c '
import socket
missed = 0
for port in range(40000, 40400):
    s = socket.socket()
    try: s.bind(("0.0.0.0", port)); s.listen()
    except OSError: missed += 1
    s.close()
print(missed)'
    }
    peer=127.0.0.1 busy A=B
    [ "$(misses LD_PRELOAD="$LIB" REUSESHIM_LOG=none)" -gt 20 ]
    # The same in a namespace where nothing is left of that.
    teardown
    started=()
    rm "$BATS_TEST_TMPDIR"/{hold,up,out.*}
    namespace_start
    ns sysctl -qw net.ipv4.ip_local_port_range="40000 40399"
    holder tcp bind 127.0.0.1:1 listen
    peer=127.0.0.1 busy LD_PRELOAD="$LIB" REUSESHIM_POLICY=client
    [ "$(misses LD_PRELOAD="$LIB" REUSESHIM_LOG=none)" = 0 ]
}

@test "handover: the instance is replaced 20 times under load; what is lost, without and with tcp_migrate_req" {
    cat >"$BATS_TEST_TMPDIR/server.py" <<'PY'
import signal, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 7200)); s.listen(128)
stop = False
def end(*_):
    global stop; stop = True
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
s.settimeout(0.02)
while not stop:
    try: c, _ = s.accept()
    except socket.timeout: continue
    c.recv(10); c.sendall(b"hello"); c.close()
PY
    cat >"$BATS_TEST_TMPDIR/load.py" <<'PY'
import signal, socket
lost = done = 0
running = True
def end(*_):
    global running; running = False
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while running:
    done += 1
    try:
        c = socket.create_connection(("127.0.0.1", 7200), timeout=3); c.sendall(b"x")
        if c.recv(10) != b"hello": lost += 1
        c.close()
    except OSError: lost += 1
print(done, lost, flush=True)
PY
    # Without the policy the new instance cannot even start beside the old one.
    background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/server.py"
    run -1 ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/server.py"
    stop
    for migrate in 0 1; do
        ns sysctl -qw net.ipv4.tcp_migrate_req=$migrate
        server=(ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=handover REUSESHIM_LOG="$LOG" "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/server.py")
        background "${server[@]}"
        old=$last_pid
        background ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/load.py"
        load=$last_pid load_out=$last_out
        for _ in $(seq 20); do
            background "${server[@]}"
            stop "$old"
            old=$last_pid
        done
        kill "$load"
        wait "$load"
        stop "$old"
        read -r requests lost < <(tail -n 1 "$load_out")
        echo "tcp_migrate_req=$migrate: $requests requests, $lost lost"
        ((requests > 200))
        [ $migrate = 0 ] || ((lost == 0))
    done
    [ ! -s "$LOG" ]
}

@test "share: four processes on one port, every one of them serves" {
    cat >"$BATS_TEST_TMPDIR/one.py" <<'PY'
import os, socket
s = socket.socket(); s.bind(("127.0.0.1", 7300)); s.listen()
print("ready", flush=True)
while True:
    c, _ = s.accept(); c.sendall(str(os.getpid()).encode()); c.close()
PY
    for _ in 1 2 3 4; do
        background ns env LD_PRELOAD="$LIB" REUSESHIM_POLICY=share "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/one.py"
    done
    run -0 ns "$SYSTEM_PYTHON" -c '
import socket
print(len({socket.create_connection(("127.0.0.1", 7300)).recv(9) for i in range(200)}))'
    [ "$output" = 4 ]
    run -1 ns "$SYSTEM_PYTHON" "$BATS_TEST_TMPDIR/one.py"
}

@test "restart: 1,000 restarts in a row of a server that serves, without a failure" {
    run -0 shim "$SYSTEM_PYTHON" -c '
import subprocess, sys
program = sys.argv[1]
words = "tcp bind 0.0.0.0:7400 listen tcp connect 127.0.0.1:7400 back accept close closeall".split()
failed = sum(subprocess.run([program] + words, stdout=subprocess.DEVNULL).returncode != 0 for i in range(1000))
print(failed)' "$PROGRAMS/sock"
    [ "$output" = 0 ]
    [ ! -s "$LOG" ]
    [ "$(ns ss -Htan state time-wait "sport = :7400" | wc -l)" -gt 500 ]
    # The control: without the shim the second one fails.
    port=7401
    ns "$PROGRAMS/sock" tcp bind 0.0.0.0:7401 listen tcp connect 127.0.0.1:7401 back accept close closeall
    run -1 ns "$PROGRAMS/sock" tcp bind 0.0.0.0:7401
}

@test "cloexec: a server's children do not keep its port" {
    port=$(free_port)
    background ns "$PROGRAMS/leave" "$port" sleep 1000
    run -1 ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    port=$(free_port)
    background ns env LD_PRELOAD="$LIB" REUSESHIM_RULES="on socket tcp force cloexec" "$PROGRAMS/leave" "$port" sleep 1000
    until_true 5 ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
}
