#!/usr/bin/env bats
# emulate: what would another system answer? The models are in unit/systems.c; here two processes get their answers.

load helper

as() {
    shim REUSESHIM_POLICY="as-$1" "${@:2}"
}

# as_holder SYSTEM [VARIABLE=VALUE] WORD...: the socket words in the background, under that policy.
as_holder() {
    local settings=()
    [[ $2 != *=* ]] || settings=("$2")
    background shim REUSESHIM_POLICY="as-$1" "${settings[@]}" "$PROGRAMS/sock" "${@:2+${#settings[@]}}" hold
    holder_pid=$last_pid
}

# ---- the whole grid ---------------------------------------------------------------------------------------------

# A process that asks for sockets as it is told; its pipes are in ${to[NAME]} and ${from[NAME]}.
asker() {
    local name=$1 in out
    mkfifo "$BATS_TEST_TMPDIR/$name.in" "$BATS_TEST_TMPDIR/$name.out"
    spawn shim REUSESHIM_LOG="$BATS_TEST_TMPDIR/$name.log" REUSESHIM_POLICY="as-$system" REUSESHIM_RULES="$2" \
        sh -c 'exec "$0" <"$1.in" >"$1.out"' "$PROGRAMS/answers" "$BATS_TEST_TMPDIR/$name"
    exec {in}>"$BATS_TEST_TMPDIR/$name.in" {out}<"$BATS_TEST_TMPDIR/$name.out"
    to[$name]=$in from[$name]=$out
}

# ask NAME WORD...: its answer in $answer.
ask() {
    echo "${*:2}" >&"${to[$1]}"
    read -rt "$PATIENCE" -u "${from[$1]}" answer
}

# Every row of the grid that the model knows, of one user, none, listening and multicast, in two processes.
grid() {
    local system=$1 port=20000 rows=0 one two protocol mode address1 address2 options1 options2 wanted second
    local -A to from
    local -a askers=(first second)
    asker first ''
    asker second ''
    if [[ $system =~ windows|solaris ]]; then
        askers+=(first-exclusive second-exclusive)
        asker first-exclusive exclusive
        asker second-exclusive exclusive
    fi
    "$BUILD/reuseshim" matrix --csv --system "$system" |
        awk -F, 'NR > 1 && $2 ~ /^(none|listen|multicast)$/ && $7 == "same" && $9 != "ENOPROTOOPT" {$8 = ""; print}' OFS=, >"$BATS_TEST_TMPDIR/rows"
    while IFS=, read -r protocol mode address1 address2 options1 options2 _ _ wanted; do
        port=$((port < 32000 ? port + 1 : 20000)) # of 127.0.0.0/8 in this namespace, where nobody else is
        one=first two=second
        [[ $options1 != *X* ]] || one+=-exclusive
        [[ $options2 != *X* ]] || two+=-exclusive
        ask $one open "$protocol" "$address1" $port "$options1" "$mode"
        [ "$answer" = ok ]
        ask $two open "$protocol" "$address2" $port "$options2" none
        second=$answer
        ask $one close
        ask $two close
        [ "$second" = "$wanted" ] || echo "$protocol,$mode,$address1,$address2,$options1,$options2: $second and not $wanted" >&2
        [ "$second" = "$wanted" ] || rows=-10000
        rows=$((rows + 1))
    done <"$BATS_TEST_TMPDIR/rows"
    echo "# $system: $rows rows" >&2
    for name in "${askers[@]}"; do
        eval "exec ${to[$name]}>&- ${from[$name]}<&-"
    done
    [ $rows -ge "$2" ]
}

# bats test_tags=long
@test "4.4BSD, FreeBSD, OpenBSD and NetBSD: two processes get their answers to the whole grid" {
    for system in bsd freebsd openbsd netbsd; do
        grid $system 800
        namespace_renew
        rm -f "$BATS_TEST_TMPDIR"/*.{in,out}
    done
}

@test "macOS: two processes get its answers to the whole grid" {
    grid macos 800
}

# bats test_tags=long
@test "Solaris and Windows, with the exclusive option: two processes get their answers to the whole grid" {
    for system in solaris windows windows-xp; do
        grid $system 450
        namespace_renew
        rm -f "$BATS_TEST_TMPDIR"/*.{in,out}
    done
}

@test "Linux before 3.9: two processes get its answers to the whole grid" {
    grid linux-2.6 200
}

# ---- what a developer sees --------------------------------------------------------------------------------------
# bats file_tags=quick

@test "does my program start twice on macOS? The record says who has the port, and macOS's reason" {
    port=$(free_port udp)
    as_holder macos udp set reuseaddr bind 127.0.0.1:"$port"
    run -1 as macos "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    [ "$output" = "bind: EADDRINUSE" ]
    expect_record '.event == "conflict"' '.errno == "EADDRINUSE"' '.cause == "bound"' '.rule | test("^as-macos:[0-9]+$")' \
        '.message == "as macOS: the very same address wants SO_REUSEPORT on both"' '.holders[0].blocks'
    owner_is "$holder_pid"
    run -1 as macos REUSESHIM_FORMAT=text REUSESHIM_LOG=stderr "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    [[ $output == *"  because  as macOS: the very same address wants"* ]]
}

@test "where Linux is stricter both get in, and serve; their options are what the programs set" {
    port=$(free_port)
    as_holder macos tcp bind 0.0.0.0:"$port" listen
    run -0 as macos "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" listen get reuseaddr get reuseport
    [ "$output" = "reuseaddr=1
reuseport=0" ]
    [ ! -s "$LOG" ]
    # And those of the other one: without the emulation nothing of it is left.
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    expect_record '.holders[0].reuseaddr == false and .holders[0].reuseport == false'
}

@test "two sockets of one program are two sockets: what macOS says of them is said" {
    port=$(free_port)
    run -0 as macos "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port" listen tcp set reuseaddr bind 127.0.0.1:"$port" listen
    run -1 as macos "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port" udp set reuseaddr bind 127.0.0.1:"$port"
    run -0 as linux-2.6 "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port" udp set reuseaddr bind 127.0.0.1:"$port"
}

@test "a program that is not under the emulation is not touched, and the record says so" {
    port=$(free_port)
    holder tcp bind 0.0.0.0:"$port" listen
    run -1 as macos "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    holds '.event == "portability"' <(head -n 1 "$LOG")
    [[ $(head -n 1 "$LOG" | jq -r .message) == "macOS would allow it (a reuse option of the newcomer alone"*"), Linux does not: the socket in the way was not bound under an emulation" ]]
    expect_record '.event == "conflict"' '.cause == "listener"'
    run ! ns strace -f -qq -e trace=setsockopt -E LD_PRELOAD="$LIB" -E REUSESHIM_POLICY=as-macos -E REUSESHIM_LOG=none \
        "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" 2>"$BATS_TEST_TMPDIR/trace"
    # Its own socket alone: the mark, and what is raised and taken back.
    run ! grep -v 'setsockopt(3,' "$BATS_TEST_TMPDIR/trace"
}

@test "where another socket receives than there, a record says which" {
    port=$(free_port udp)
    as_holder macos udp set reuseport bind 0.0.0.0:"$port"
    run -0 as macos "$PROGRAMS/sock" udp set reuseport bind 0.0.0.0:"$port"
    expect_record '.event == "portability"' '.errno == null' ".holders[0].processes[0].pid == $holder_pid" \
        '.message == "shares its port; on macOS a datagram goes to the oldest of them, on Linux to one of them, by a hash"'
    rm "$LOG"
    port=$(free_port udp)
    as_holder linux-2.6 udp set reuseaddr bind 127.0.0.2:"$port"
    run -0 as linux-2.6 "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.2:"$port"
    [ ! -s "$LOG" ] # the newest on both
}

@test "TIME_WAIT refuses nobody on Windows; where it cannot be removed, that is said" {
    needs_root
    port=$(free_port)
    leave() { ns "$SYSTEM_PYTHON" "$SCRIPTS/leave_time_wait.py" 127.0.0.1:"$port":1; }
    leave
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
    run -0 as windows "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
    expect_record '.event == "resolved"' '.outcome == "evicted"'
    leave
    run -1 as windows REUSESHIM_RULES='emulate windows' "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" listen
    jq -r .message "$LOG" | grep -q 'Windows from 2003 on would allow it (TIME_WAIT refuses nobody; not sure: .* belongs to no process'
}

@test "a TIME_WAIT has no user: an ordinary user's server restarts over its own on macOS, OpenBSD and NetBSD" {
    needs_root
    open_folder
    install -m 755 "$LIB" "$open"
    LIB=$open/libreuseshim.so
    for system in macos openbsd netbsd; do
        port=$(free_port)
        run -0 as $system REUSESHIM_LOG=stderr setpriv --reuid=4711 --regid=4711 --clear-groups "$SYSTEM_PYTHON" -c '
import socket, sys
def listener():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", int(sys.argv[1])))
    s.listen()
    return s
first = listener()
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
served, _ = first.accept()
served.close(); client.close(); first.close()
listener()
print("again")' "$port"
        [ "$output" = again ] || [[ $output == *"what "*" would answer hangs on what does not show"*again ]]
        [[ $output != *"another user"* ]]
    done
}

@test "what is said before any system looks at other sockets is said: no such address, another family, a privileged port" {
    port=$(free_port)
    as_holder macos tcp bind 0.0.0.0:"$port" listen tcp bind 127.0.0.1:80
    run -1 as macos "$PROGRAMS/sock" tcp bind 192.0.2.1:"$port"
    [ "$output" = "bind: EADDRNOTAVAIL" ]
    run -1 as macos "$PROGRAMS/sock" tcp6 bind 127.0.0.1:"$port"
    [ "$output" = "bind: EINVAL" ]
    run -1 as macos "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" # twice the kernel is asked and once not: the port is nobody else's
    [ "$output" = "bind: EADDRINUSE" ]
    needs_root
    ns_sysctl net.ipv4.ip_unprivileged_port_start=1024
    run -1 as macos REUSESHIM_LOG=none "$PROGRAMS/sock" uid 4711 tcp bind 127.0.0.1:80
    [ "$output" = "bind: EACCES" ]
}

@test "what hangs on options that do not show is Linux's answer, and that is said" {
    needs_root
    port=$(free_port udp)
    as_holder bsd udp set reuseport bind 0.0.0.0:"$port"
    run -1 as bsd REUSESHIM_LOG=stderr "$PROGRAMS/sock" uid 4711 udp set reuseport bind 0.0.0.0:"$port"
    [[ $output == *'"what 4.4BSD would answer hangs on what does not show of the sockets on the port'* ]]
    [[ $output != *"would allow"* ]]
}

# ---- exclusive --------------------------------------------------------------------------------------------------

@test "exclusive survives fork and exec, and ends with the socket" {
    port=$(free_port)
    background shim REUSESHIM_POLICY=as-windows REUSESHIM_RULES="port $port exclusive" "$SYSTEM_PYTHON" -c '
import os, socket, sys
s = socket.socket()
s.bind(("0.0.0.0", int(sys.argv[1])))
s.set_inheritable(True)
if os.fork():
    os._exit(0)
os.environ.clear()
os.execv("/bin/sh", ["sh", "-c", "echo ready; exec sleep 1000"])' "$port"
    run -1 as windows "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    [[ $output == *EACCES* ]]
    expect_record '.errno == "EACCES"' '.message | test("SO_EXCLUSIVEADDRUSE on the wildcard forbids it")' '.holders[0].processes[0].program == "sleep"'
    kill -KILL "$(record '.holders[0].processes[0].pid')"
    until_true ns "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    run -0 as windows "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
}

@test "exclusive is for a system that has it: where it is not, or no system is named, the rule is an error" {
    check() { run -100 env REUSESHIM_POLICY="$1" REUSESHIM_RULES="$2" "$BUILD/reuseshim" check; }
    check restart 'tcp exclusive'
    [[ $output == "reuseshim: REUSESHIM_RULES:1: 'exclusive': expected a rule with 'emulate' windows, windows-xp, solaris or illumos" ]]
    check as-macos 'tcp exclusive'
    [[ $output == *"REUSESHIM_RULES:1: 'exclusive': macos has no such option; expected a rule"* ]]
    run -100 "$BUILD/reuseshim" check - <<<'tcp port 80 emulate linux exclusive'
    run -100 "$BUILD/reuseshim" check - <<<'unix emulate macos'
    [[ $output == *"'emulate': is not for AF_UNIX"* ]]
    run -100 "$BUILD/reuseshim" check - <<<'keep emulate macos'
    run -100 "$BUILD/reuseshim" check - <<<'emulate macos wait 5s'
    [[ $output == *"'emulate': answers at once"* ]]
    run -100 "$BUILD/reuseshim" check - <<<'on listen emulate macos'
    run -100 "$BUILD/reuseshim" check - <<<'emulate plan9'
    [[ $output == *"'plan9': expected a system: bsd, freebsd, openbsd, netbsd, macos, solaris, illumos, windows, windows-xp, linux-2.6 or linux" ]]
    run -0 "$BUILD/reuseshim" check - <<<'tcp port 80 exclusive emulate windows'
    [[ $output == *"on bind tcp port 80 emulate windows exclusive" ]]
}

@test "a bind that fails leaves no mark" {
    port=$(free_port)
    as_holder windows REUSESHIM_RULES="port 7 exclusive" tcp bind 192.0.2.1:7 bind 0.0.0.0:"$port" listen
    run -0 as windows "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
}

# ---- listen and connect -----------------------------------------------------------------------------------------

@test "a second listener is refused at listen by Linux before 3.9, and by none that let it bind" {
    port=$(free_port)
    run -1 as linux-2.6 "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.1:"$port" listen back listen
    [[ $output == *"listen: EADDRINUSE" ]]
    run -0 as windows "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" tcp set reuseaddr bind 127.0.0.1:"$port" listen back listen
}

@test "a connection that exists: the BSDs and Windows say EADDRINUSE, of UDP as well" {
    port=$(free_port) own=$(free_port tcp 127.0.0.1)
    holder tcp bind 127.0.0.1:"$port" listen
    twins=(tcp set reuseport bind 127.0.0.1:"$own" connect 127.0.0.1:"$port" tcp set reuseport bind 127.0.0.1:"$own" connect 127.0.0.1:"$port")
    for pair in bsd:EADDRINUSE macos:EADDRINUSE linux-2.6:EADDRINUSE; do
        run -1 as "${pair%:*}" "$PROGRAMS/sock" "${twins[@]}"
        [ "${lines[0]}" = "$([ "${pair%:*}" = linux-2.6 ] && echo "bind: EADDRINUSE" || echo "connect: EADDRINUSE")" ]
    done
    run -1 ns "$PROGRAMS/sock" "${twins[@]}"
    [ "$output" = "connect: EADDRNOTAVAIL" ]
    twins=(udp set reuseport bind 127.0.0.1:"$own" connect 127.0.0.1:"$port" udp set reuseport bind 127.0.0.1:"$own" connect 127.0.0.1:"$port")
    run -0 ns "$PROGRAMS/sock" "${twins[@]}"
    run -1 as macos "$PROGRAMS/sock" "${twins[@]}"
    [ "$output" = "connect: EADDRINUSE" ]
    expect_record '.call == "connect"' '.errno == "EADDRINUSE"'
    run -0 as solaris "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$own" connect 127.0.0.1:"$port"
    # Nobody is a twin of oneself, nor who comes from another address.
    run -0 as macos "$PROGRAMS/sock" udp connect 127.0.0.1:"$port" connect 127.0.0.1:"$port"
    background shim REUSESHIM_LOG=none REUSESHIM_POLICY=as-macos "$PROGRAMS/sock" udp set reuseport bind 127.0.0.2:"$own" connect 127.0.0.1:"$port" hold
    run -0 as macos "$PROGRAMS/sock" udp set reuseport bind 0.0.0.0:"$own" connect 127.0.0.1:"$port"
    run -0 ns "$PROGRAMS/filter" kill sendto env LD_PRELOAD="$LIB" REUSESHIM_POLICY=as-macos REUSESHIM_LOG=none "$PROGRAMS/sock" udp bind 127.0.0.3:"$own" connect 127.0.0.1:"$port"
}

# ---- users, and those who may not look --------------------------------------------------------------------------

@test "ordinary users: one user's processes are raised for one another, and another user is refused as FreeBSD does" {
    needs_root
    open_folder
    install -m 755 "$LIB" "$PROGRAMS/sock" "$open"
    LIB=$open/libreuseshim.so
    user() { echo setpriv --reuid="$1" --regid="$1" --clear-groups; }
    port=$(free_port)
    # shellcheck disable=SC2046
    background shim REUSESHIM_LOG=none REUSESHIM_POLICY=as-freebsd $(user 4711) "$open/sock" tcp bind 0.0.0.0:"$port" listen hold
    # shellcheck disable=SC2046
    run -0 shim REUSESHIM_LOG=none REUSESHIM_POLICY=as-freebsd $(user 4711) "$open/sock" tcp set reuseaddr bind 127.0.0.1:"$port" listen
    # shellcheck disable=SC2046
    run -1 shim REUSESHIM_LOG=stderr REUSESHIM_POLICY=as-freebsd $(user 4712) "$open/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    [[ $output == *'"as FreeBSD: another user has the port, and the newcomer is not root"'* ]]
    # What that user may not reach cannot be raised.
    # shellcheck disable=SC2046
    run -1 shim REUSESHIM_LOG=stderr REUSESHIM_POLICY=as-bsd $(user 4712) "$open/sock" tcp set reuseaddr bind 127.0.0.1:"$port"
    [[ $output == *"Linux does not: the socket in the way cannot be reached"* ]]
}

@test "under a seccomp filter nothing is emulated, which is said once" {
    port=$(free_port)
    run -0 as macos REUSESHIM_LOG=stderr "$PROGRAMS/filter" errno ioctl "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port" tcp bind 127.0.0.2:"$port"
    [ "$(grep -c 'emulate: nothing is emulated' <<<"$output")" = 1 ]
}

@test "two that start at once: exactly one gets the port, a hundred times, and no option stays raised" {
    port=$(free_port)
    as_holder macos tcp bind 0.0.0.0:"$port" listen
    for _ in {1..25}; do
        for i in 1 2 3 4; do
            spawn shim REUSESHIM_LOG=none REUSESHIM_POLICY=as-macos "$PROGRAMS/sock" tcp set reuseaddr bind 127.0.0.1:"$port" hold
            racers[i]=$last_pid outputs[i]=$last_out
        done
        for i in 1 2 3 4; do
            until_true grep -qx ready "${outputs[i]}" # the words go on after a refusal
        done
        [ "$(grep -Lx 'bind: EADDRINUSE' "${outputs[@]}" | wc -l)" = 1 ]
        for i in 1 2 3 4; do stop "${racers[i]}"; done
    done
    run -1 shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 0.0.0.0:"$port"
    expect_record '.holders[0].reuseaddr == false and .holders[0].reuseport == false'
}

# ---- audit: portability -----------------------------------------------------------------------------------------

@test "audit: a bind that others would refuse is recorded once, with who and why; the reverse, too" {
    port=$(free_port udp)
    background shim REUSESHIM_LOG=none "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port" hold
    run -0 shim REUSESHIM_POLICY=audit "$PROGRAMS/sock" udp set reuseaddr bind 127.0.0.1:"$port"
    [ "$(jq -c 'select(.event == "portability")' "$LOG" | wc -l)" = 1 ]
    expect_record '.event == "shared"'
    jq -c 'select(.event == "portability")' "$LOG" | holds '.call == "bind" and .errno == null and .outcome == null and .holders[0].processes[0].pid == '"$last_pid"' and
        .message == "allowed here, refused by macos, freebsd: EADDRINUSE, the very same address wants SO_REUSEPORT on both"'
    port=$(free_port)
    holder tcp bind 0.0.0.0:"$port" listen
    rm "$LOG"
    run -1 shim REUSESHIM_POLICY=audit "$PROGRAMS/sock" tcp repeat 5 bind 127.0.0.1:"$port"
    [ "$(jq -c 'select(.event == "portability")' "$LOG" | wc -l)" = 1 ]
    jq -c 'select(.event == "portability")' "$LOG" | holds '.errno == "EADDRINUSE" and .message == "refused here, allowed by windows: one user may bind an address beside the wildcard"'
    jq -c 'select(.event == "conflict")' "$LOG" | holds '.cause == "listener"'
}

@test "audit: what everybody allows or refuses has no such record, nor does another policy" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 shim REUSESHIM_POLICY=audit "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    run -0 shim REUSESHIM_POLICY=audit "$PROGRAMS/sock" tcp bind 127.0.0.2:"$port" listen
    run -1 shim "$PROGRAMS/sock" tcp set reuseaddr bind 0.0.0.0:"$port"
    [ "$(jq -r .event "$LOG" | sort -u)" = conflict ]
}
