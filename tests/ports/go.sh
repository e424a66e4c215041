#!/usr/bin/env bash
# make check-go: the tests of Go under the trap with the Go of a newer Debian, whose listeners are MPTCP's (Go 1.24). Started by
# tests/fresh_root.sh there. The last line is "N passed, N failed, N skipped".
# shellcheck disable=SC2317 # check() calls what is defined here
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/tools.sh
. tests/ports/report.sh
unset LD_PRELOAD "${!REUSESHIM_@}"

tools_need quick || exit 1
tools_install golang-go || exit 1

listens_by_mptcp() {
    [[ $(go env GOVERSION) =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 24 ] && [ -e /proc/sys/net/mptcp/enabled ]
}

go env GOVERSION
check "build" make -s -j2 all programs
check "a Go, and a kernel, with MPTCP" listens_by_mptcp
check "Go under the trap" timeout 600 bats --filter "^Go" tests/trap_programs.bats
finish
