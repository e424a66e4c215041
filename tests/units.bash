# What the files of tests about services share: one machine with a systemd for all tests of a file, and a name and a port of its
# own for each. Loaded after helper.bash.
# shellcheck shell=bash

load machine

setup_file() {
    [ "$(id -u)" != 0 ] || start_machine
}

teardown_file() {
    [ "$(id -u)" != 0 ] || stop_machine
}

setup() {
    needs_root
    name=t$BATS_TEST_NUMBER port=$((9000 + BATS_TEST_NUMBER))
    LOG=$BATS_TEST_TMPDIR/log
}

teardown() { :; }
