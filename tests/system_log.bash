# A real systemd-journald and a real rsyslogd, each in a namespace of mounts of its own, so that the machine's are untouched.
# shellcheck shell=bash

# other_root: a process that keeps a namespace of mounts with an empty /run and a small /dev; $root_pid. Commands go there by
# inside.
other_root() {
    mkfifo "$BATS_TEST_TMPDIR/root-hold"
    "${enter[@]}" --target "$namespace_pid" -- unshare --mount sh -c '
        mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal /run/dev &&
        cp -a /dev/null /dev/zero /dev/full /dev/urandom /dev/tty /run/dev/ && ln -s /proc/self/fd /run/dev/fd &&
        mount --bind /run/dev /dev && echo up >"$0/root-up" && exec cat "$0/root-hold"' "$BATS_TEST_TMPDIR" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/root-error" 3>&- &
    root_pid=$!
    started+=("$root_pid")
    until_true test -s "$BATS_TEST_TMPDIR/root-up"
}

inside() {
    nsenter --target "$root_pid" --mount --net -- "$@"
}

# In the background, until `test $2...` is true inside.
daemon() {
    local ready=$1
    shift
    nsenter --target "$root_pid" --mount --net -- "$@" >"$BATS_TEST_TMPDIR/daemon" 2>&1 3>&- &
    daemon_pid=$!
    started+=("$daemon_pid")
    until_true inside test -S "$ready"
}

journald() {
    daemon /run/systemd/journal/socket /lib/systemd/systemd-journald
}

# journal FIELD=VALUE...: the entries as JSON, one a line; waits for the first.
journal() {
    until_true inside sh -c 'journalctl --no-pager -q -o json "$@" | grep -q .' sh "$@"
    inside journalctl --no-pager -q -o json --output-fields="" "$@" >/dev/null
    inside journalctl --no-pager -q -o json "$@"
}

# rsyslogd with the given parser on its socket; it writes what it understood to $BATS_TEST_TMPDIR/syslog.
rsyslogd_with() {
    cat >"$BATS_TEST_TMPDIR/rsyslog.conf" <<C
global(workDirectory="$BATS_TEST_TMPDIR")
module(load="imuxsock" SysSock.UseSpecialParser="$1")
template(name="all" type="list") {
    property(name="hostname") constant(value="|") property(name="app-name") constant(value="|") property(name="procid")
    constant(value="|") property(name="msgid") constant(value="|") property(name="pri") constant(value="|")
    property(name="structured-data") constant(value="|") property(name="msg") constant(value="\n") }
:msg, contains, "reuseshim" action(type="omfile" file="$BATS_TEST_TMPDIR/syslog" template="all")
:msgid, isequal, "conflict" action(type="omfile" file="$BATS_TEST_TMPDIR/syslog" template="all")
C
    daemon /dev/log rsyslogd -n -i "$BATS_TEST_TMPDIR/rsyslog.pid" -f "$BATS_TEST_TMPDIR/rsyslog.conf"
}
