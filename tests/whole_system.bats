#!/usr/bin/env bats
# /etc/ld.so.preload in a whole system: every process from the first one on, root's, users' and set-user-ID ones, has the library.
# bats file_tags=long

load helper
load machine

setup_file() {
    [ "$(id -u)" != 0 ] || machine_preload=all start_machine
}

teardown_file() {
    [ "$(id -u)" != 0 ] || stop_machine
}

setup() { needs_root; }

# Nothing that went well may have told anything.
teardown() {
    machine journalctl -q -o json >"$BATS_TEST_TMPDIR/journal"
    run ! grep -E 'REUSESHIM_|"reuseshim\[' <(grep -v '"_SYSTEMD_UNIT":"late.service"' "$BATS_TEST_TMPDIR/journal")
}

# has_library PID: is it loaded there?
has_library() { machine grep -q libreuseshim.so "/proc/$1/maps"; }

user() { machine id -u tester 2>/dev/null || machine useradd -m -s /bin/bash tester; }

@test "the system comes up, and its first process and its journal have the library" {
    has_library 1
    has_library "$(machine systemctl show -p MainPID --value systemd-journald)"
    run -0 machine systemctl --failed --no-legend --plain
    [ -z "$output" ]
}

@test "su, login and sudo give a shell that has the library, and nothing is said" {
    user
    seen='id -un; grep -q libreuseshim.so /proc/self/maps && echo loaded'
    run -0 machine su - tester -c "$seen"
    [ "$output" = $'tester\nloaded' ]
    run -0 machine sudo -n -u tester sh -c "$seen"
    [ "$output" = $'tester\nloaded' ]
    echo 'tester ALL=(ALL) NOPASSWD: ALL' | machine sh -c 'cat >/etc/sudoers.d/tester'
    run -0 machine su - tester -c "sudo sh -c '$seen'"
    [ "$output" = $'root\nloaded' ]
    run -0 machine sh -c "echo '$seen; exit' | script -qec 'login -f tester' /dev/null"
    [[ $output == *tester*loaded* ]]
    [[ $output != *reuseshim\[* ]]
}

@test "sshd serves a login over loopback, and comes back at once when it is restarted" {
    user
    machine sh -ec 'ssh-keygen -A >/dev/null; mkdir -p /run/sshd; systemctl start systemd-user-sessions ssh
        su - tester -c "mkdir -p -m 700 .ssh && ssh-keygen -qt ed25519 -N \"\" -f .ssh/id_ed25519 && cp .ssh/id_ed25519.pub .ssh/authorized_keys"'
    has_library "$(machine systemctl show -p MainPID --value ssh)"
    for round in 1 2 3; do
        run -0 machine su - tester -c 'ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR 127.0.0.1 "id -un"'
        [ "$output" = tester ]
        machine systemctl restart ssh
    done
    [ "$(machine systemctl is-active ssh)" = active ]
}

@test "a package is installed, a program is compiled, and cron runs a job" {
    machine systemctl start cron
    echo '* * * * * root touch /run/cron-was-here' | machine sh -c 'cat >/etc/cron.d/here'
    machine sh -ec 'mkdir -p /tmp/p/DEBIAN /tmp/p/usr/bin; cd /tmp
        printf "Package: hello-test\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a test\n" >p/DEBIAN/control
        printf "#!/bin/sh\necho installed\n" >p/usr/bin/hello-test; chmod 755 p/usr/bin/hello-test
        dpkg-deb -b p hello-test.deb >/dev/null
        apt-get install -qq -y ./hello-test.deb >/dev/null 2>&1
        printf "int main(void) { return 7; }\n" >seven.c; cc seven.c -o seven'
    run -0 machine hello-test
    [ "$output" = installed ]
    run -7 machine /tmp/seven
    until_true machine test -e /run/cron-was-here
}

@test "a service that does not get its port is in the journal, and nothing else is" {
    service taker Type=exec "ExecStart=/opt/test/sock tcp bind 127.0.0.1:9000 listen hold"
    service late Type=exec "ExecStart=/opt/test/sock tcp bind 127.0.0.1:9000 hold"
    machine systemctl start taker
    until_true machine sh -c "ss -Htln 'sport = :9000' | grep -q ."
    machine systemctl start late
    until_true machine sh -c 'journalctl -q -o cat -u late | grep -q because'
    run -0 machine journalctl -q -o cat -u late
    [[ $output == *" sock: bind(3, "*" 127.0.0.1:9000) failed: EADDRINUSE"* ]]
}
