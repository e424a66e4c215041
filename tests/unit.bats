#!/usr/bin/env bats
# reuseshim unit under a real systemd: for which units it prints a drop-in, and what it says of those where it cannot help.

load helper
load units

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

@test "a service that neither a library nor a trap is good for is refused, and nothing is printed" {
    machine sh -c 'cp /opt/test/sock /opt/test/privileged; chmod u+s /opt/test/privileged'
    service "$name" "ExecStart=/opt/test/privileged"
    run -126 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == "reuseshim: /opt/test/privileged: set-user-ID"* ]]
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

@test "what BindPaths= puts in the place of the library hides it, and what it brings there does not" {
    library=$(machine find /usr/local/lib -name libreuseshim.so)
    for line in "BindReadOnlyPaths=/opt:/usr/local" "BindPaths=/etc:/usr/local/lib" "BindReadOnlyPaths=/dev/null:$library"; do
        service "$name" "ExecStart=/opt/test/legacy $port" "$line"
        run -111 --separate-stderr machine reuseshim unit "$name"
        [[ $stderr == *"BindPaths= or BindReadOnlyPaths= put something else in its place" && -z $output ]]
    done
    for line in "BindPaths=-/nonexistent:/usr/local" "BindReadOnlyPaths=/usr" "BindReadOnlyPaths=/usr/local:/usr/local"; do
        service "$name" "ExecStart=/opt/test/legacy $port" "$line"
        run -0 machine reuseshim unit "$name"
    done
}

@test "UnsetEnvironment= of what the drop-in sets is made anew without that, and the library is loaded" {
    service "$name" "Type=exec" "ExecStart=/opt/test/legacy $port" "UnsetEnvironment=LANG LD_PRELOAD REUSESHIM_POLICY=x HOME"
    drop_in "$name"
    machine systemctl start "$name"
    until_true machine sh -c 'grep -q libreuseshim "/proc/$(systemctl show -p MainPID --value "$0")/maps"' "$name"
    [ "$(machine systemctl show -p UnsetEnvironment --value "$name")" = "LANG HOME" ]
    machine systemctl stop "$name"
}

@test "a template is asked about as an instance of it would be; one that is not there is refused" {
    service "$name@" "ExecStart=/opt/test/legacy $port" "RestrictAddressFamilies=AF_INET AF_UNIX"
    run -0 --separate-stderr machine reuseshim unit "$name@.service"
    [[ $output == *"/etc/systemd/system/$name@.service.d"*"lacks AF_NETLINK"* && -z $stderr ]]
    run -100 --separate-stderr machine reuseshim unit nosuch@.service
    [[ $stderr == *"there is no such unit"* && -z $output ]]
}

@test "a socket unit of paths alone has no port, and nothing is said of it" {
    run -0 --separate-stderr machine reuseshim unit systemd-journald
    [[ $output != *"bound by systemd"* && -z $stderr ]]
}

@test "a command that has another program started elsewhere is told to be one" {
    service "$name" 'ExecStart=/usr/bin/env nice -n 3 /usr/sbin/chroot /srv/root /bin/server -p 80'
    run -0 --separate-stderr machine reuseshim unit "$name"
    [[ $stderr == *"its command is /usr/sbin/chroot: the program sees only what is below its new root; put the library there"* ]]
    [[ $output == *$'\n'"# /usr/sbin/chroot: the program sees only"* ]]
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
