# What the tests of reuseshim log share.
# shellcheck shell=bash

tool() {
    "$BUILD/reuseshim" "$@"
}

# sums FILE...: what is the same of a record in whichever form it comes.
sums() {
    tool log --json "$@" | jq -cS '{records, conflicts, refused, damaged, lost, events, ports, causes, holders, programs}'
}
