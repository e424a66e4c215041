#!/usr/bin/env bash
# make check: everything needed to trust a change. Installs the tools it misses where it can (Debian, as root), else
# names them. The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
unset LD_PRELOAD "${!REUSESHIM_@}"
. tests/tools.sh

tools_need bats:bats jq:jq strace:strace socat:socat erl:erlang-base ss:iproute2 ip:iproute2 nsenter:util-linux \
    pkill:procps setpriv:util-linux sysctl:procps musl-gcc:musl-tools readelf:binutils ldconfig:libc-bin \
    /usr/bin/python3:python3 perl:perl lua5.3:lua5.3 ruby:ruby guile:guile-3.0 zsh:zsh php:php-cli tclsh:tcl \
    redis-server:redis-server memcached:memcached lighttpd:lighttpd iperf3:iperf3 busybox:busybox ncat:ncat tcpserver:ucspi-tcp tinyproxy:tinyproxy \
    nginx:nginx-light setsid:util-linux script:bsdutils setcap:libcap2-bin /usr/bin/time:time \
    /lib/systemd/systemd:systemd systemd-nspawn:systemd-container rsyslogd:rsyslog lintian:lintian dh:debhelper \
    dpkg-buildpackage:dpkg-dev podman:podman runc:runc
lua5.3 -e 'require("socket")' 2>/dev/null || tools_install lua-socket
tools_need_header_32
tools_need_asan

passed=0 failed=0 skipped=0

# count_tap FILE: adds what a TAP stream says.
count_tap() {
    local good bad skip
    skip=$(grep -ciE '^ok .*# skip' "$1")
    good=$(grep -c '^ok ' "$1")
    bad=$(grep -c '^not ok ' "$1")
    passed=$((passed + good - skip))
    failed=$((failed + bad))
    skipped=$((skipped + skip))
}

# run_tap NAME COMMAND...: runs it, shows what is not ok, counts. A stream that ends without its plan is a failure.
run_tap() {
    local name=$1 tap
    shift
    tap=$(mktemp)
    printf '== %s\n' "$name"
    "$@" >"$tap" 2>&1
    local status=$?
    grep -vE '^ok [^#]*$|^[0-9]+\.\.[0-9]+$|^ok .*#[0-9]' "$tap"
    count_tap "$tap"
    if [ "$(grep -cE '^(not )?ok ' "$tap")" != "$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$tap")" ] ||
        { [ $status != 0 ] && ! grep -q '^not ok ' "$tap"; }; then
        echo "$name ended with status $status before its plan was done"
        failed=$((failed + 1))
    fi
    rm -f "$tap"
}

sanitize="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
if make --no-print-directory -j2 all programs units &&
    make --no-print-directory -s -j2 BUILD=build/asan FRAME= CFLAGS="$sanitize" units; then
    for unit in text rules policy; do
        run_tap "unit $unit" "build/unit/$unit"
        run_tap "unit $unit, with address and undefined behaviour sanitizers" "build/asan/unit/$unit"
    done
    if [ "$(id -u)" = 0 ]; then
        . tests/kernel/check.sh
    else
        echo "skipped: the rule against the kernel (needs root: it makes sockets of two users)"
        skipped=$((skipped + 1))
    fi
    export BATS_TEST_TIMEOUT=300
    # Two rows side by side, one of which waits for the kernel and for daemons most of the time; then those that measure
    # times, alone.
    waiting=(cures programs why sessions package systemd container)
    measuring=(host persist protocols)
    suites_out=$(mktemp -d)
    for suite in "${waiting[@]}"; do
        bats --tap "tests/$suite.bats" >"$suites_out/$suite" 2>&1
    done &
    row=$!
    for suite in tests/*.bats; do
        suite=$(basename "$suite" .bats)
        [[ " ${waiting[*]} ${measuring[*]} " == *" $suite "* ]] || run_tap "tests/$suite.bats" bats --tap "tests/$suite.bats"
    done
    wait "$row"
    for suite in "${waiting[@]}"; do
        run_tap "tests/$suite.bats" cat "$suites_out/$suite"
    done
    rm -rf "$suites_out"
    for suite in "${measuring[@]}"; do
        run_tap "tests/$suite.bats" bats --tap "tests/$suite.bats"
    done
else
    failed=$((failed + 1))
fi

printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
