#!/usr/bin/env bats
# What the documents show is what happens.

load helper
load sessions

@test "every session of reuseshim(1) runs as it is shown there" {
    needs_root
    compare_sessions "$TOP/shim/command/reuseshim.1"
}

@test "every session of libreuseshim(7) runs as it is shown there" {
    needs_root
    compare_sessions "$TOP/shim/hooks/libreuseshim.7"
}

@test "every session of README runs as it is shown there" {
    needs_root
    compare_sessions "$TOP/README.md"
}
