#!/usr/bin/env bats
# Each system call of the library fails in turn, with each errno that its manual names, in every kind of call through a door:
# the program sees the kernel's answer to its own call, nothing leaks, and a record comes out or is counted as lost.

load helper

# faults PART: every so manieth case.
faults() {
    needs_root
    run unshare --net --pid --fork --mount-proc sh -c 'ip link set lo up && exec "$@"' sh \
        "$SYSTEM_PYTHON" "$SCRIPTS/fault_matrix.py" "$PROGRAMS/faults" "$LIB" "$1"
    echo "$output"
    [[ $status = 0 && ${lines[-1]} =~ ^ok\ 1\ -\ [1-9][0-9]*\ cases,\ 0\ deviations$ ]]
}

@test "a sample of the system calls that fail" {
    faults 50
}

# bats test_tags=long
@test "every third of the system calls that fail" {
    faults 3
}
