#!/usr/bin/env bats
# Services under a real systemd: a drop-in that works, whose unit it is, and what the hardening of a unit costs a diagnosis. The
# table of libreuseshim(7) is tried here row by row.

load helper
load units

holder_service() {
    service "$name-holder" "Type=exec" "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port listen hold"
    machine systemctl start "$name-holder"
    until_true machine sh -c "ss -Htln 'sport = :$port' | grep -q ."
    holder_pid=$(machine systemctl show -p MainPID --value "$name-holder")
    meets_it=("Type=exec" "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port hold" "Environment=REUSESHIM_BUDGET_MS=$REUSESHIM_BUDGET_MS")
}

in_journal() {
    machine journalctl -q -o cat -u "$name" | grep -q 'failed: EADDRINUSE' || [ "$(machine systemctl is-active "$name")" = failed ]
}

# conflict LINE...: a service with these lines meets the holder, under the drop-in; its record goes to $LOG.
conflict() {
    holder_service
    service "$name" "${meets_it[@]}" "$@"
    drop_in "$name"
    conflict_again
}

# It goes on after the refusal: of a process that is gone the journal does not know the unit.
conflict_again() {
    machine systemctl stop "$name"
    machine journalctl -q --rotate --vacuum-time=1us 2>/dev/null
    machine systemctl start "$name"
    until_true in_journal
    # A program that a filter has killed would not be active.
    [ "$(machine systemctl is-active "$name")" = active ]
    machine journalctl -q -o json -u "$name" >"$BATS_TEST_TMPDIR/journal"
    machine systemctl stop "$name"
    jq -r 'select(.REUSESHIM_JSON).REUSESHIM_JSON' "$BATS_TEST_TMPDIR/journal" >"$LOG"
}

# What a diagnosis that nothing hinders finds.
everything_found() {
    expect_record '.cause == "listener"' '.diagnosis.source == "sock_diag"' '.diagnosis.complete' '.holders[0].blocks' \
        ".holders[0].processes[0].pid == $holder_pid" '.holders[0].processes[0].program == "sock"'
}

@test "a service that cannot be restarted can be under the drop-in" {
    for with in no yes; do
        service "$name-$with" "Type=exec" "ExecStart=/opt/test/legacy $port"
        [ $with = no ] || drop_in "$name-$with"
        machine systemctl start "$name-$with"
        until_true machine sh -c "ss -Htln 'sport = :$port' | grep -q ."
        [ "$(machine bash -c "cat </dev/tcp/127.0.0.1/$port")" = "hello from an old server" ]
        machine ss -Htan "sport = :$port" | grep -q TIME-WAIT
        machine systemctl restart "$name-$with" || true
        until_true machine sh -c "systemctl is-failed $name-$with || ss -Htln 'sport = :$port' | grep -q ."
        [ "$(machine systemctl is-active "$name-$with")" = "$([ $with = yes ] && echo active || echo failed)" ]
        port=$((port + 100))
    done
}

@test "the record is in the journal, under the unit, with fields, and names the holder's unit" {
    conflict
    everything_found
    expect_record ".holders[0].cgroup | endswith(\"/system.slice/$name-holder.service\")"
    jq -c 'select(.REUSESHIM_CAUSE == "listener" and .REUSESHIM_LOCAL_PORT == "'"$port"'")' "$BATS_TEST_TMPDIR/journal" |
        holds ".REUSESHIM_HOLDER_PID == \"$holder_pid\" and (.REUSESHIM_HOLDER_CGROUP | endswith(\"$name-holder.service\"))
            and ._SYSTEMD_UNIT == \"$name.service\""
    jq -r .MESSAGE "$BATS_TEST_TMPDIR/journal" | grep -q "^sock: bind("
}

# record_of LINE...: of a service with these lines and no drop-in, which is refused its port; to $LOG.
record_of() {
    service "$name" "Type=exec" "Environment=LD_PRELOAD=$(machine sh -c "echo /usr/local/lib/*/libreuseshim.so") REUSESHIM_BUDGET_MS=$REUSESHIM_BUDGET_MS REUSESHIM_DIAGNOSE=always REUSESHIM_LOG=journal" "$@"
    machine systemctl start "$name" 2>/dev/null || true
    until_true machine sh -c "journalctl -q -o cat _SYSTEMD_UNIT=$name.service | grep -q failed:"
    machine journalctl -q -o json _SYSTEMD_UNIT="$name.service" | jq -r 'select(.REUSESHIM_JSON).REUSESHIM_JSON' | head -n 1 >"$LOG"
    machine systemctl stop "$name"
}

@test "a service that is in the way is told by its unit, to root and to others, and 'systemctl stop' of it, as it is told, helps" {
    holder_service
    for user in root daemon; do
        record_of "User=$user" "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port hold"
        expect_record ".holders[0].unit == \"$name-holder.service\"" '.holders[0].container == null' \
            ".cures[0].text | test(\"systemctl stop $name-holder.service\")" '.cures[0].needs == ["stop-holder"]'
        machine journalctl --rotate --vacuum-time=1us -q 2>/dev/null
    done
    # shellcheck disable=SC2046 # words
    machine $(record '.cures[0].text' | grep -oE "systemctl stop [^ ,]*")
    service "$name" "Type=exec" "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port listen hold"
    machine systemctl start "$name"
    until_true machine sh -c "ss -Htln 'sport = :$port' | grep -q ."
    machine systemctl stop "$name"
}

@test "a port that systemd itself holds is told by its socket unit, whose stop helps, and with LISTEN_FDS" {
    machine sh -c 'printf "[Socket]\nListenStream=127.0.0.1:%s\n" "$1" >"/etc/systemd/system/$0-late.socket"' "$name" "$port"
    service "$name-late" "Type=exec" "ExecStart=/opt/test/sock hold"
    machine systemctl start "$name-late.socket"
    record_of "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port hold"
    expect_record '.holders[0].processes[0] | .pid == 1 and .program == "systemd"' ".holders[0].unit == \"$name-late.socket\"" \
        ".cures[0].text | test(\"systemctl stop $name-late.socket.*LISTEN_FDS\")"
    machine systemctl stop "$name-late.socket"
    machine /opt/test/sock tcp bind 127.0.0.1:"$port" listen
}

@test "under Accept=yes with standard error on the connection, no record goes to the client" {
    holder_service
    machine sh -c 'printf "[Socket]\nListenStream=127.0.0.1:%s\nAccept=yes\n" "$1" >"/etc/systemd/system/$0-each.socket"' "$name" "$((port + 100))"
    service "$name-each@" "Environment=LD_PRELOAD=$(machine sh -c "echo /usr/local/lib/*/libreuseshim.so")" "StandardInput=socket" "StandardOutput=socket" "StandardError=socket" \
        "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port"
    machine systemctl start "$name-each.socket"
    [ "$(machine bash -c "cat </dev/tcp/127.0.0.1/$((port + 100))")" = "bind: EADDRINUSE" ]
    machine systemctl stop "$name-each.socket"
}

@test "one failed start of a service is a record in full and a line for each more try" {
    holder_service
    record_of "ExecStart=/opt/test/sock repeat 5 bind 127.0.0.1:$port tcp repeat 5 bind 127.0.0.1:$port hold"
    machine journalctl -q -o json _SYSTEMD_UNIT="$name.service" SYSLOG_IDENTIFIER=reuseshim | jq -r .REUSESHIM_JSON >"$LOG"
    [ "$(wc -l <"$LOG")" = 5 ]
    [ "$(jq -r '"\(.repeated) \(.diagnosis.source)"' "$LOG")" = $'0 sock_diag\n1 earlier\n2 earlier\n3 earlier\n4 earlier' ]
    holds '.holders[0].processes[0].pid == '"$holder_pid" "$LOG"
}

@test "why without a port names the unit of a service, and of a socket that systemd holds for one" {
    holder_service
    printf '[Socket]\nListenStream=127.0.0.1:%s\n' $((port + 100)) | machine sh -c 'cat >/etc/systemd/system/$0.socket' "$name-late"
    service "$name-late" "Type=exec" "ExecStart=/opt/test/sock hold"
    machine systemctl start "$name-late.socket"
    machine reuseshim why --json -t >"$BATS_TEST_TMPDIR/list"
    jq -c "select(.local.port == $port)" "$BATS_TEST_TMPDIR/list" |
        holds ".unit == \"$name-holder.service\" and .processes[0].pid == $holder_pid and .container == null"
    jq -c "select(.local.port == $((port + 100)))" "$BATS_TEST_TMPDIR/list" |
        holds ".unit == \"$name-late.socket\" and .processes[0].program == \"systemd\" and .processes[0].pid == 1"
    # Also when the service has it, too.
    machine systemctl start "$name-late"
    machine reuseshim why --json -t | jq -c "select(.local.port == $((port + 100)))" |
        holds ".unit == \"$name-late.socket\" and (.processes | length) == 2 and .processes[0].pid == 1"
    machine systemctl stop "$name-late"
    machine systemctl stop "$name-late.socket"
}

@test "under a setting that is a seccomp filter auto names nobody, and always, which the drop-in sets, does" {
    holder_service
    service "$name" "${meets_it[@]}" "LockPersonality=yes" "NoNewPrivileges=yes" \
        'Environment=LD_PRELOAD=/usr/local/$LIB/../../lib/../$LIB/libreuseshim.so REUSESHIM_LOG=journal'
    conflict_again
    expect_record '.cause == null' '.holders == []' '.diagnosis.source == "none"'
    conflict "LockPersonality=yes" "NoNewPrivileges=yes"
    [[ $drop == *'Environment="REUSESHIM_DIAGNOSE=always"'* ]]
    everything_found
}

@test "SystemCallFilter=@system-service has all that a diagnosis calls; what only the holder's options tell is null" {
    conflict "SystemCallFilter=@system-service" "SystemCallArchitectures=native"
    [[ $drop != *"#SystemCallFilter"* ]]
    everything_found
    # SO_REUSEPORT on both sockets: whether that helps is written on the holder's alone.
    port=$((port + 100))
    service "$name-holder" "Type=exec" "ExecStart=/opt/test/sock tcp set reuseport bind 127.0.0.1:$port listen hold" "User=daemon"
    machine systemctl restart "$name-holder"
    until_true machine sh -c "ss -Htln 'sport = :$port' | grep -q ."
    service "$name" "Type=exec" "ExecStart=/opt/test/sock tcp set reuseport bind 127.0.0.1:$port hold" "SystemCallFilter=@system-service"
    conflict_again
    expect_record '.holders[0].reuseport == null'
}

@test "where a filter would kill for a diagnosis none is made, what is missing is named, and with that added it works" {
    conflict "SystemCallFilter=@system-service" "SystemCallFilter=~getdents64 statfs"
    [[ $drop == *$'\n#SystemCallFilter=getdents64 statfs\n'* ]]
    [[ $drop == *'Environment="REUSESHIM_DIAGNOSE=never"'* ]]
    expect_record '.cause == null' '.holders == []'
    machine sed -i 's/^#SystemCallFilter/SystemCallFilter/; s/DIAGNOSE=never/DIAGNOSE=always/' \
        "/etc/systemd/system/$name.service.d/reuseshim.conf"
    machine systemctl daemon-reload
    conflict_again
    everything_found
}

@test "where a filter would kill for a socket to the journal records go by stderr, and the service lives" {
    conflict "SystemCallFilter=~connect"
    [[ $drop == *'Environment="REUSESHIM_LOG=stderr"'* ]]
    jq -r .MESSAGE "$BATS_TEST_TMPDIR/journal" | grep -q 'failed: EADDRINUSE'
}

@test "under a filter that answers with an error the diagnosis goes as far as it can" {
    conflict "SystemCallFilter=@system-service" "SystemCallFilter=~getdents64" "SystemCallErrorNumber=EPERM"
    [[ $drop == *'Environment="REUSESHIM_DIAGNOSE=always"'* ]]
    expect_record '.cause == "listener"' '.holders[0].owner != "known"'
}

@test "without AF_NETLINK holders come from /proc/net, which the drop-in says; with the line it offers all is found" {
    conflict "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"
    [[ $drop == *$'\n#RestrictAddressFamilies=AF_NETLINK'* ]]
    expect_record '.cause == "listener"' '.diagnosis.source == "proc"' ".holders[0].processes[0].pid == $holder_pid" '.holders[0].cgroup == null'
    machine sed -i 's/^#Restrict/Restrict/' "/etc/systemd/system/$name.service.d/reuseshim.conf"
    machine systemctl daemon-reload
    conflict_again
    everything_found
}

@test "without AF_UNIX records go by stderr, which leads to the journal, too, without fields" {
    conflict "RestrictAddressFamilies=AF_INET AF_NETLINK"
    [[ $drop == *'Environment="REUSESHIM_LOG=stderr"'* ]]
    [ ! -s "$LOG" ]
    jq -r .MESSAGE "$BATS_TEST_TMPDIR/journal" | grep -q "held by  tcp 127.0.0.1:$port  LISTEN, pid $holder_pid (sock)"
}

@test "under User= and ProtectProc=invisible another user's process is hidden, and its unit is not" {
    conflict "User=daemon"
    [[ $drop == *"# The service is not root"* ]]
    expect_record '.cause == "listener"' '.holders[0].owner == "likely"' ".holders[0].unit == \"$name-holder.service\"" \
        ".cures[0].text | test(\"systemctl stop $name-holder.service\")" \
        ".holders[0].cgroup | endswith(\"$name-holder.service\")"
    conflict "DynamicUser=yes" "ProtectProc=invisible"
    [[ $drop == *"# ProtectProc="* ]]
    expect_record '.holders[0].owner == "hidden"' '.holders[0].uid == 0'
}

@test "under PrivateNetwork= nothing outside is in the way, and the drop-in says so" {
    holder_service
    service "$name" "Type=oneshot" "ExecStart=/opt/test/sock tcp bind 127.0.0.1:$port" "PrivateNetwork=yes"
    drop_in "$name"
    [[ $drop == *"# PrivateNetwork="* ]]
    machine systemctl start "$name"
}

@test "NoNewPrivileges, MemoryDenyWriteExecute, ProtectSystem, PrivateTmp and six more cost a diagnosis nothing" {
    conflict "NoNewPrivileges=yes" "MemoryDenyWriteExecute=yes" "ProtectKernelTunables=yes" "ProtectSystem=strict" "PrivateTmp=yes" \
        "ProtectHome=yes" "RestrictNamespaces=yes" "RestrictRealtime=yes" "PrivateDevices=yes" "ProtectClock=yes"
    everything_found
}

@test "under RootDirectory= all is found if the library is in there, and the service runs as without it if not" {
    machine sh -c 'mkdir -p /srv/root/usr /srv/root/opt /srv/root/proc /srv/root/run && cd /srv/root && ln -sf usr/lib usr/lib64 . && ln -sf usr/bin .'
    local root=("RootDirectory=/srv/root" "BindReadOnlyPaths=/usr /opt /run/systemd/journal" "MountAPIVFS=yes")
    conflict "${root[@]}"
    everything_found
    service "$name" "${meets_it[@]}" "${root[@]}" "TemporaryFileSystem=/usr/local"
    machine systemctl restart "$name"
    until_true machine sh -c "journalctl -q -u $name -o cat | grep -q 'libreuseshim.so.*cannot be preloaded'"
    [ "$(machine systemctl is-active "$name")" = active ]
    machine systemctl stop "$name"
}

@test "what an EnvironmentFile= says counts more than the drop-in" {
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port" "EnvironmentFile=/etc/default/$name"
    machine sh -c 'echo REUSESHIM_POLICY=share >/etc/default/$0' "$name"
    drop_in "$name"
    machine systemctl start "$name"
    pid=$(machine systemctl show -p MainPID --value "$name")
    machine sh -c "tr '\\0' '\\n' </proc/$pid/environ" | grep -qx REUSESHIM_POLICY=share
    machine systemctl stop "$name"
}

@test "under ProtectSystem=strict a log file wants LogsDirectory=; without that is said, and the service runs" {
    holder_service
    for more in "" "LogsDirectory=$name"; do
        service "$name" "${meets_it[@]}" "ProtectSystem=strict" "$more" "Environment=REUSESHIM_LOG=/var/log/$name/conflicts" \
            'Environment=LD_PRELOAD=/usr/local/$LIB/libreuseshim.so'
        machine mkdir -p "/var/log/$name"
        machine systemctl restart "$name"
        [ "$(machine systemctl is-active "$name")" = active ]
    done
    until_true machine sh -c "journalctl -q -u $name -o cat | grep -q 'REUSESHIM_LOG: .*cannot be written (EROFS)'"
    until_true machine grep -q 'failed: EADDRINUSE' "/var/log/$name/conflicts"
    machine systemctl stop "$name"
}
