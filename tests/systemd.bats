#!/usr/bin/env bats
# reuseshim unit, under a real systemd: drop-ins that work, and what the hardening of a unit costs a diagnosis. The table
# of libreuseshim(7) is tried here row by row.

load helper
load machine

setup_file() {
    [ "$(id -u)" != 0 ] || start_machine
}

teardown_file() {
    [ "$(id -u)" != 0 ] || stop_machine
}

# The tests have names and ports of their own; the machine is one.
setup() {
    needs_root
    name=t$BATS_TEST_NUMBER port=$((9000 + BATS_TEST_NUMBER))
    LOG=$BATS_TEST_TMPDIR/log
}

teardown() { :; }

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
    holds '.repeated == 0 or (.diagnosis.source == "earlier" and .holders[0].processes[0].pid == '"$holder_pid"')' "$LOG"
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

@test "for a policy that evicts the drop-in offers CAP_NET_ADMIN where the unit lacks it, and nothing where not" {
    service "$name" "ExecStart=/opt/test/legacy $port" "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"
    drop_in "$name" -p restart-now
    [[ $drop == *$'\n#AmbientCapabilities=CAP_NET_ADMIN'* ]]
    service "$name" "ExecStart=/opt/test/legacy $port"
    drop_in "$name" -p restart-now
    [[ $drop != *AmbientCapabilities* ]]
    [[ $drop == *'Environment="REUSESHIM_POLICY=restart-now"'* ]]
}

@test "an LD_PRELOAD that the unit has already is kept, behind the library" {
    ours=$(machine reuseshim run sh -c 'echo "$LD_PRELOAD"')
    machine sh -c 'cat >/opt/test/other.so' <"$PROGRAMS/lib/empty.so"
    service "$name" "ExecStart=/opt/test/legacy $port" 'Environment="A=b c" LD_PRELOAD=/opt/test/other.so'
    drop_in "$name"
    grep -qxF "Environment=\"LD_PRELOAD=$ours:/opt/test/other.so\"" <<<"$drop"
}

@test "what systemctl quotes is unquoted: an LD_PRELOAD with \$LIB stays what it was" {
    service "$name" "ExecStart=/opt/test/legacy $port" 'Environment="LD_PRELOAD=/usr/$LIB/a.so" "B=c d"'
    drop_in "$name"
    [[ $drop == *':/usr/$LIB/a.so"'* ]]
    machine systemctl show -p Environment "$name" | grep -qF ':/usr/\$LIB/a.so'
}

@test "a service with dots in its name gets its own folder; EnvironmentFile= and RootDirectory= get their warnings" {
    service "$name.2-x" "ExecStart=/opt/test/legacy $port" "EnvironmentFile=-/etc/default/nothing"
    run -0 machine reuseshim unit "$name.2-x"
    [[ $output == *"/etc/systemd/system/$name.2-x.service.d"*"# EnvironmentFile="* ]]
    service "$name" "ExecStart=/bin/only-there" "RootDirectory=/srv/root" "BindReadOnlyPaths=/usr"
    run -0 machine reuseshim unit "$name"
    [[ $output == *"that root"* ]]
}

@test "a service that no preloaded library reaches is refused, and nothing is printed" {
    service "$name" "ExecStart=/opt/test/static"
    run -126 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == "reuseshim: /opt/test/static: statically linked"* ]]
    [ -z "$output" ]
}

@test "a unit that is not there, is masked or broken is refused with the reason; --offline prints a drop-in all the same" {
    run -100 --separate-stderr machine reuseshim unit nowhere
    [[ $stderr == "reuseshim: unit: nowhere.service: there is no such unit"*--offline* ]]
    [ -z "$output" ]
    service "$name" "Type=simple"
    run -100 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == *"cannot load it"* ]]
    machine ln -sf /dev/null "/etc/systemd/system/$name-masked.service"
    run -100 --separate-stderr machine reuseshim unit "$name-masked"
    [[ $stderr == *"is masked"* ]]
    run -0 --separate-stderr machine reuseshim unit --offline nowhere
    [[ $output == *"nowhere.service"*hardening*'[Service]'*LD_PRELOAD=* ]]
    [ -z "$stderr" ]
}

@test "where systemd does not answer, as in the making of an image, a drop-in is printed after a line that says so" {
    run -0 --separate-stderr machine env PATH=/nowhere /usr/local/bin/reuseshim unit nowhere
    [[ $stderr == "reuseshim: unit: systemd does not answer here"* ]]
    [[ $output == *'[Service]'*LD_PRELOAD=* ]]
}

@test "what is no service, and a policy with an error, is refused" {
    run -100 --separate-stderr machine reuseshim unit ssh.socket
    [[ $stderr == *"expected "*foo.service* ]]
    for unit in basic.target foo.timer foo.slice; do
        run -100 machine reuseshim unit "$unit"
    done
    printf 'tcp keep\n' | machine sh -c 'cat >"/opt/test/$0"' $'new\nline.policy'
    run -100 --separate-stderr machine reuseshim unit -p $'/opt/test/new\nline.policy' nowhere
    [[ $stderr == *"control characters"* ]]
    for word in "a b" "x;y" $'x\n' "" "-"; do
        run -100 machine reuseshim unit -- "$word"
    done
    run -100 --separate-stderr machine reuseshim unit -p nosuch nowhere
    [[ $stderr == *"REUSESHIM_POLICY: 'nosuch': expected restart,"* ]]
}

@test "run says of systemctl, systemd-run and runuser -l what is so: what they start lacks the library; of a scope and runuser -u it does not" {
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port"
    run -0 --separate-stderr machine reuseshim run systemctl start "$name"
    [[ $stderr == "reuseshim: systemctl: "*"'reuseshim unit $name'"* ]]
    run -1 machine sh -c 'grep libreuseshim "/proc/$(systemctl show -p MainPID --value "$0")/maps"' "$name"
    machine systemctl stop "$name"
    for words in "systemd-run -q --pipe --wait sh -c" "runuser -l root -c"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr machine reuseshim run $words 'echo "[$LD_PRELOAD]"'
        [ "$output" = "[]" ]
        [[ $stderr == *"reuseshim: ${words%% *}: "*"without the library"* || $stderr == *"reuseshim: ${words%% *}: "*"will not have the library"* ]]
    done
    for words in "systemd-run -q --scope sh -c" "runuser -u daemon -- sh -c"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr machine reuseshim run $words 'echo "[$LD_PRELOAD]"'
        [[ $output == *"libreuseshim.so]" ]]
        [ -z "$stderr" ]
    done
}

# ---- where the library lies ---------------------------------------------------------------------------------------

# lies_in FOLDER: the command and the library, once more.
lies_in() {
    machine sh -ec 'mkdir -p "$0" && cp /usr/local/bin/reuseshim "$0" && find /usr/local/lib -name libreuseshim.so -exec cp {} "$0" \;' "$1"
}

# loads FOLDER: the service that runs with the library from there has it in its memory.
loads() {
    machine sh -ec 'mkdir -p "/etc/systemd/system/$0.service.d"
        printf "[Service]\nEnvironment=LD_PRELOAD=%s/libreuseshim.so\n" "$1" >"/etc/systemd/system/$0.service.d/manual.conf"
        systemctl daemon-reload && systemctl restart "$0"' "$name" "$1"
    local result=0
    machine sh -c 'grep -q libreuseshim "/proc/$(systemctl show -p MainPID --value "$0")/maps"' "$name" || result=$?
    machine sh -c 'systemctl stop "$0"; rm -r "/etc/systemd/system/$0.service.d"; systemctl daemon-reload' "$name"
    return "$result"
}

# hides FOLDER SETTING...: under these a service cannot load the library from there, and the drop-in is refused by the first one's name.
hides() {
    local folder=$1
    shift
    lies_in "$folder"
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port" "$@"
    if loads "$folder"; then return 1; fi
    run -111 --separate-stderr machine "$folder/reuseshim" unit "$name"
    [[ $stderr == "reuseshim: unit: $name.service: $folder/libreuseshim.so: "*"${1%%=*}="* ]] || { echo "$stderr" >&2; return 1; }
    [ -z "$output" ]
}

# shows FOLDER SETTING...: they can, and it is printed.
shows() {
    local folder=$1
    shift
    lies_in "$folder"
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port" "$@"
    loads "$folder"
    run -0 --separate-stderr machine "$folder/reuseshim" unit "$name"
    [[ $output == *"LD_PRELOAD=$folder/libreuseshim.so"* ]]
}

@test "a library that a setting of the unit hides is refused by the setting's name, and the service really cannot load it" {
    hides "/root/$name" ProtectHome=yes
    hides "/home/$name" ProtectHome=tmpfs
    hides "/tmp/$name" PrivateTmp=yes
    hides "/var/tmp/$name" PrivateTmp=yes
    hides "/srv/$name/lib" "InaccessiblePaths=/srv/$name"
    hides "/srv/$name" "TemporaryFileSystem=/srv"
    hides "/srv/$name" NoExecPaths=/srv
    machine mkdir -p "/srv/$name-root/opt"
    hides "/srv/$name" "RootDirectory=/srv/$name-root" "BindReadOnlyPaths=/usr /lib /lib64 /bin /opt"
}

@test "a library that a link outside leads to is hidden where it lies" {
    lies_in "/root/$name"
    machine ln -s "/root/$name" "/srv/$name"
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port" "ProtectHome=yes"
    if loads "/srv/$name"; then return 1; fi
    machine sh -c 'mkdir "/srv/$0-bin" && ln -s "/root/$0/libreuseshim.so" "/srv/$0-bin" && cp /usr/local/bin/reuseshim "/srv/$0-bin"' "$name"
    run -111 --separate-stderr machine "/srv/$name-bin/reuseshim" unit "$name"
    [[ $stderr == *"/root/$name/libreuseshim.so: ProtectHome="* ]]
}

@test "a library that the unit's settings leave in sight gets its drop-in, and the service really loads it" {
    shows "/root/$name" ProtectHome=read-only
    [[ $stderr == *"lies below a home"* ]]
    shows "/tmp/$name" PrivateTmp=no
    [[ $stderr == *"temporary folder"* ]]
    shows "/srv/$name" ProtectHome=yes PrivateTmp=yes "InaccessiblePaths=-/srv/${name}x -/nonexistent"
    [ -z "$stderr" ]
    shows "/home/$name" ProtectHome=tmpfs "BindReadOnlyPaths=/home/$name"
    shows "/srv/$name/lib" NoExecPaths=/srv "ExecPaths=/srv/$name"
    machine sh -c 'mkdir -p "$0" && mkdir -p /srv/$1-root/opt' "/srv/$name-root/srv/$name" "$name"
    machine cp /usr/local/bin/reuseshim "/srv/$name-root/srv/$name"
    machine sh -c 'find /usr/local/lib -name libreuseshim.so -exec cp {} "$0" \;' "/srv/$name-root/srv/$name"
    shows "/srv/$name" "RootDirectory=/srv/$name-root" "BindReadOnlyPaths=/usr /lib /lib64 /bin /opt"
}

@test "a library that others than root may change is refused for a service of root, and for one of another user" {
    local folder=/srv/$name/lib
    lies_in "$folder"
    service "$name" "ExecStart=/opt/test/legacy $port"
    run -0 machine "$folder/reuseshim" unit "$name"
    for change in "chown daemon $folder/libreuseshim.so|user daemon" "chown daemon $folder|user daemon" "chown daemon /srv/$name|user daemon" \
        "chmod o+w $folder|everybody" "chmod o+w $folder/libreuseshim.so|everybody" "chgrp daemon $folder; chmod g+w $folder|group daemon"; do
        machine sh -c "${change%|*}"
        run -111 --separate-stderr machine "$folder/reuseshim" unit "$name"
        [[ $stderr == *"${change#*|} may write "*root* && -z $output ]] || { echo "$change: $stderr" >&2; false; }
        machine sh -c 'chown -R root:root "$0"; chmod -R go-w "$0"' "/srv/$name"
    done
    machine chown daemon "$folder"
    service "$name" "ExecStart=/opt/test/legacy $port" "User=bin"
    run -111 --separate-stderr machine "$folder/reuseshim" unit "$name"
    [[ $stderr == *"user daemon"*"run in the service"* ]]
    # His own service may have it.
    service "$name" "ExecStart=/opt/test/legacy $port" "User=daemon"
    run -0 machine "$folder/reuseshim" unit "$name"
}

@test "a library or a policy that the user of the service may not read is refused" {
    lies_in "/srv/$name/closed"
    machine chmod 700 "/srv/$name/closed"
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port" "User=daemon"
    run -1 loads "/srv/$name/closed"
    run -111 --separate-stderr machine "/srv/$name/closed/reuseshim" unit "$name"
    [[ $stderr == *"may not read it: /srv/$name/closed is closed"* ]]
    machine sh -c 'echo "tcp keep" >"$0"' "/srv/$name/closed/policy"
    run -111 --separate-stderr machine reuseshim unit -p "/srv/$name/closed/policy" "$name"
    [[ $stderr == *"/srv/$name/closed/policy: "*"may not read it"* ]]
}

@test "a unit whose port systemd binds is told so: by its socket unit, and by another one that starts it" {
    service "$name" "ExecStart=/opt/test/legacy $port"
    machine sh -c 'printf "[Socket]\nListenStream=127.0.0.1:%s\n[Install]\nWantedBy=sockets.target\n" "$1" >"/etc/systemd/system/$0.socket"; systemctl daemon-reload' "$name" "$port"
    run -0 --separate-stderr machine reuseshim unit "$name"
    [ -z "$stderr" ] # not in use
    [[ $output == *"# May be started by $name.socket"* ]]
    machine systemctl start "$name.socket"
    machine ss -Htlnp "sport = :$port" | grep -q systemd
    run -0 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == "reuseshim: unit: systemd itself binds the port of $name.service, for $name.socket: "* ]]
    [[ $output == *"# Started by $name.socket"*'[Service]'* ]]
    machine sh -c 'systemctl stop "$0.socket"; printf "[Socket]\nListenStream=127.0.0.1:%s\nService=%s.service\n" "$1" "$0" >"/etc/systemd/system/$0-more.socket"
        systemctl daemon-reload; systemctl start "$0-more.socket"' "$name" "$port"
    run -0 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == *"for $name-more.socket: "* && $output == *"# May be started by $name.socket"* ]]
    machine systemctl stop "$name-more.socket"
}

@test "the drop-in that reuseshim(1) shows is the one that is printed for such a unit" {
    load sessions
    sessions_of "$TOP/shim/command/reuseshim.1"
    session=$(grep -l '^systemd$' "$BATS_TEST_TMPDIR"/session.*.stage)
    session=${session%.stage}
    ! session_differs "${session##*.}" || { diff "$session.expected" "$session.got"; false; }
}

@test "the list of calls of reuseshim unit has every one that a diagnosis makes under a filter" {
    namespace_start
    port=$(free_port)
    started=()
    # shellcheck disable=SC2086
    for words in "tcp bind 127.0.0.1:$port" "udp bind 127.0.0.1:$port" "tcp6 bind [::]:$port" "unix bind $BATS_TEST_TMPDIR/s"; do
        holder ${words/:port/} listen
        ns strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -E LD_PRELOAD="$LIB" -E REUSESHIM_DIAGNOSE=always -E REUSESHIM_LOG=stderr \
            -E REUSESHIM_RULES=keep "$PROGRAMS/filter" errno prctl "$PROGRAMS/sock" $words >/dev/null 2>&1 || true
        # From the bind that failed until the program says so.
        sed -n '/ bind(.*EADDRINUSE/,/write(1,/p' "$BATS_TEST_TMPDIR/trace" | sed '1d;$d' | sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p'
        stop "$holder_pid"
    done | sort -u >"$BATS_TEST_TMPDIR/made"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/made")" -gt 10 ]
    # The list is what a unit lacks that may make no call of it, and what systemd allows every unit.
    service "$name" "ExecStart=/opt/test/legacy $port" "SystemCallFilter=reboot"
    {
        machine reuseshim unit "$name" | sed -n 's/^#SystemCallFilter=//p'
        machine systemctl show -p SystemCallFilter --value "$name"
    } | tr ' ' '\n' | sort -u >"$BATS_TEST_TMPDIR/listed"
    # brk and getrandom are malloc's, when the program prints.
    run -0 sh -c 'comm -23 "$0" "$1" | grep -vx "brk\|getrandom" || true' "$BATS_TEST_TMPDIR/made" "$BATS_TEST_TMPDIR/listed"
    [ -z "$output" ] || { echo "not listed: $output" >&2; false; }
    kill "${started[@]}" "$namespace_pid" 2>/dev/null || true
}
