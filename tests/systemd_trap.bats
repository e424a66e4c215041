#!/usr/bin/env bats
# Services that no library reaches, under a real systemd: the drop-in of reuseshim unit puts them under the trap of reuseshim run.

load helper
load units

setup_file() {
    [ "$(id -u)" = 0 ] || return 0
    start_machine
    gcc -static -O1 -o "$BATS_FILE_TMPDIR/served" "$TOP/tests/programs/served.c"
    machine sh -c 'cat >/opt/test/served; chmod +x /opt/test/served' <"$BATS_FILE_TMPDIR/served"
}

listens() {
    machine sh -c "ss -Htln 'sport = :$port' | grep -q ."
}

# From the service's side a client's connection is closed first, and leaves a TIME_WAIT.
serves() {
    until_true listens
    [[ "$(machine bash -c "cat </dev/tcp/127.0.0.1/$port")" == hello* ]]
    machine ss -Htan "sport = :$port" | grep -q TIME-WAIT
}

# main_is PROGRAM: what systemd takes for the main process of the service.
main_is() {
    [ "$(machine cat "/proc/$(machine systemctl show -p MainPID --value "$name")/comm")" = "$1" ]
}

no_supervisor() {
    run ! machine pgrep -x reuseshim-trap
}

# can_be_restarted LINE...: not as the service is, and with the drop-in.
can_be_restarted() {
    service "$name" "$@"
    machine systemctl start "$name"
    serves
    run ! machine systemctl restart "$name"
    machine systemctl stop "$name"
    machine systemctl reset-failed "$name"
    port=$((port + 100))
    service "$name" "${@//$((port - 100))/$port}"
    drop_in "$name"
    machine systemctl start "$name"
    for _ in 1 2; do
        serves
        main_is served
        machine systemctl restart "$name"
        [ "$(machine systemctl is-active "$name")" = active ]
    done
    machine systemctl stop "$name"
    [ "$(machine systemctl show -p Result --value "$name")" = success ]
    until_true no_supervisor
}

@test "a static service of Type=notify that cannot be restarted can be under the drop-in" {
    can_be_restarted "Type=notify" "ExecStart=/opt/test/served $port"
}

@test "one of Type=forking with PIDFile= can, too, and systemd finds its main process" {
    can_be_restarted "Type=forking" "PIDFile=/run/$name.pid" "ExecStart=/opt/test/served $port /run/$name.pid"
}

@test "without PIDFile= the drop-in says that systemd will not find it" {
    service "$name" "Type=forking" "ExecStart=/opt/test/served $port /run/$name.pid"
    drop_in "$name"
    [[ $drop == *"# Type=forking without PIDFile="*$'\n#PIDFile='* ]]
}

@test "SystemCallFilter=@system-service lacks three calls, which the drop-in adds; hardening takes nothing away" {
    hardened=("Type=exec" "ExecStart=/opt/test/served $port" "SystemCallFilter=@system-service" "DynamicUser=yes" "NoNewPrivileges=yes"
        "PrivateUsers=yes" "CapabilityBoundingSet=" "RestrictNamespaces=yes" "MemoryDenyWriteExecute=yes" "ProtectProc=invisible"
        "RestrictRealtime=yes" "PrivateTmp=yes" "ProtectSystem=strict" "ProtectHome=yes" "SystemCallArchitectures=native"
        "LockPersonality=yes" "RestrictSUIDSGID=yes")
    service "$name" "${hardened[@]}"
    drop_in "$name"
    grep -qx 'SystemCallFilter=pidfd_getfd ptrace seccomp' <<<"$drop"
    machine systemctl start "$name"
    for _ in 1 2; do
        serves
        machine systemctl restart "$name"
        [ "$(machine systemctl is-active "$name")" = active ]
    done
    until_true listens
    # Another one, under the same hardening, is refused and told by whom.
    name=$name-second
    service "$name" "${hardened[@]}"
    drop_in "$name"
    machine systemctl start "$name" || true
    until_true eval '[ "$(machine systemctl is-active "$name")" = failed ]'
    machine journalctl -q -o cat -t served | grep -qx 'served: Address already in use'
    machine journalctl -q -o json | jq -r 'select(.REUSESHIM_JSON).REUSESHIM_JSON' >"$LOG"
    expect_record '.event == "conflict"' '.program == "served"' '.cause == "listener"' '.holders[0].unit == "'"${name%-second}"'.service"'
    # Without what the drop-in adds it is not started, and the journal says why.
    machine sed -i '/^SystemCallFilter=/d' "/etc/systemd/system/$name.service.d/reuseshim.conf"
    machine systemctl daemon-reload
    machine systemctl stop "${name%-second}"
    machine systemctl start "$name" || true
    until_true eval '[ "$(machine systemctl is-active "$name")" = failed ]'
}

# bats test_tags=long
@test "a service in Go is told who has its port, under its own unit and name" {
    cat >"$BATS_TEST_TMPDIR/answer.go" <<'GO'
package main

import (
    "fmt"
    "net"
    "os"
    "time"
)

func main() {
    for {
        listener, err := net.Listen("tcp", os.Args[1])
        if err == nil {
            listener.Accept()
        }
        fmt.Println(err)
        time.Sleep(time.Second)
    }
}
GO
    (cd "$BATS_TEST_TMPDIR" && HOME=$BATS_TEST_TMPDIR GOCACHE=$BATS_TEST_TMPDIR/cache GO111MODULE=off CGO_ENABLED=0 go build -o answer answer.go)
    machine sh -c 'cat >/opt/test/answer; chmod +x /opt/test/answer' <"$BATS_TEST_TMPDIR/answer"
    service "$name-first" "Type=exec" "ExecStart=/opt/test/served $port"
    machine systemctl start "$name-first"
    until_true listens
    service "$name" "Type=exec" "User=nobody" 'ExecStart=/opt/test/answer 127.0.0.1:'"$port"
    drop_in "$name"
    [[ $drop == *"/opt/test/answer is a Go program"* ]]
    machine systemctl start "$name"
    until_true eval 'machine journalctl -q -o cat -u "$name" | grep -q "failed: EADDRINUSE"'
    main_is answer
    machine journalctl -q -o json -u "$name" | jq -r 'select(.REUSESHIM_JSON).REUSESHIM_JSON' | head -n 1 >"$LOG"
    expect_record '.event == "conflict"' '.program == "answer"' '.cause == "listener"' '.holders[0].unit == "'"$name-first"'.service"'
    machine systemctl stop "$name" "$name-first"
}

@test "command lines stay what they were to systemd: variables, specifiers, quotes, prefixes, lines that go on" {
    # shellcheck disable=SC1003
    service "$name@" "Type=oneshot" "RemainAfterExit=yes" 'Environment="WORDS=one two" LAST=it\'"'"'s' \
        'ExecStart=-/opt/test/static $WORDS ${WORDS} "%i and \"more\"" \' '  # a comment' \
        '  ; another' "  '\$\$5' %%" 'ExecStart=' 'ExecStart=:/opt/test/static $WORDS' 'ExecStart = /opt/test/static $WORDS ${WORDS} "%i" \' \
        '# nothing' ' end ; /opt/test/static 2 \; 3'
    name=$name@x
    run -0 machine reuseshim unit "$name"
    commands=$(grep '^ExecStart' <<<"$output")
    [ "$commands" = 'ExecStart=
ExecStart=:/usr/local/bin/reuseshim run --trap -- /opt/test/static $WORDS
ExecStart=/usr/local/bin/reuseshim run --trap -- /opt/test/static $WORDS ${WORDS} "%i" end ; /usr/local/bin/reuseshim run --trap -- /opt/test/static 2 \; 3' ]
    drop_in "$name"
    machine systemctl start "$name"
    [ "$(machine systemctl is-active "$name")" = active ]
    # The program behind our own command is found again.
    run -0 machine reuseshim unit "$name"
    [ "$output" = "$drop" ]
}

@test "a name given by '@' in ExecStart= is refused, as run cannot give it" {
    service "$name" "ExecStart=@/opt/test/static other"
    run -126 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == *"'@' in ExecStart="* && -z $output ]]
}
