# Tools that tests need: installed where that is possible, else named. Sourced by check.sh and .ci/run.
# shellcheck shell=bash

# SET COMMAND PACKAGE: WHAT FOR. A set takes in those before it: quick, check, long, gate.
tools_table() {
    cat <<'T'
quick bats bats: the tests themselves
quick jq jq: reading records
quick ss iproute2: what the kernel says of sockets
quick ip iproute2: a network namespace for each test
quick /usr/bin/python3 python3-minimal: small servers and clients
quick nsenter util-linux: network namespaces
quick nm binutils: what the library leaves undefined
check strace strace: which system calls are made
check erl erlang-base: a server that cannot restart without the library
check socat socat: servers, datagrams
check ncat ncat: servers that clash
check perl perl: servers, a library's caller
check lua5.3 lua5.3: a server that cannot restart without the library
check ruby ruby: a server that cannot restart without the library
check guile guile-3.0: a server that cannot restart without the library
check zsh zsh: a server that cannot restart without the library
check php php-cli: a server that clashes
check tclsh tcl: a server that clashes
check redis-server redis-server: a server that clashes
check memcached memcached: a server that clashes
check lighttpd lighttpd: a server that clashes
check nginx nginx-light: a server that clashes, and its workers
check tinyproxy tinyproxy: a server that clashes
check iperf3 iperf3: a server that clashes
check busybox busybox: servers that clash
check tcpserver ucspi-tcp: a launcher that hands sockets on
check pkill procps: ending what tests started
check sysctl procps: ranges of ports
check setpriv util-linux: other users
check unshare util-linux: namespaces
check script bsdutils: a terminal
check setcap libcap2-bin: programs with file capabilities
check /usr/bin/time time: memory of a command
check musl-gcc musl-tools: programs of another libc
check readelf binutils: what is in the library
check ldconfig libc-bin: the loader's cache
check journalctl systemd: the journal
check /lib/systemd/systemd systemd: services as they are run for real
check systemd-nspawn systemd-container: a machine for systemd to boot in
check rsyslogd rsyslog: the system log
check logger bsdutils: the system log
check mandoc mandoc: manual pages as they are shown
check git git: what belongs to the tree
long g++ build-essential: the Debian package
long lintian lintian: the Debian package
long dh debhelper: the Debian package
long dpkg-buildpackage dpkg-dev: the Debian package
long podman podman: containers
long runc runc: containers
long catatonit catatonit: what holds a pod open
gate clang clang: a second compiler, fuzzing
gate clang-format clang-format: the form of the code
gate cppcheck cppcheck: static analysis
gate shellcheck shellcheck: the test scripts
gate valgrind valgrind: instructions of the fast paths
T
}

tools_missing=() tools_updated=

# tools_want COMMAND PACKAGE WHY: notes what is missing. sbin is not in everybody's PATH.
tools_want() {
    PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || tools_miss "$2" "$3"
}

tools_miss() {
    local entry
    for entry in "${tools_missing[@]}"; do
        [ "${entry%%: *}" != "$1" ] || return 0
    done
    tools_missing+=("$1: $2")
}

# tools_compiles FLAGS...: can a program be built with them?
tools_compiles() {
    printf '#include <sys/socket.h>\nint main(void) { return 0; }\n' | cc "$@" -x c -o /dev/null - 2>/dev/null
}

# What is no command: headers, libraries, modules.
tools_want_more() {
    case $1 in
    check)
        lua5.3 -e 'require("socket")' 2>/dev/null || tools_miss lua-socket "a server that cannot restart without the library"
        tools_compiles -fsanitize=address,undefined || tools_miss gcc "sanitizers"
        [ "$(uname -m)" != x86_64 ] || tools_compiles -m32 || tools_miss gcc-multilib "32-bit programs"
        [ -n "$(/usr/bin/python3 tests/programs/runs_i386.py how 2>/dev/null)" ] ||
            tools_miss qemu-user "32-bit programs on a kernel that runs none"
        /usr/bin/python3 -c 'import http.server, asyncio' 2>/dev/null || tools_miss python3 "servers"
        ;;
    gate)
        [ -e "$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null)" ] ||
            tools_miss libclang-rt-14-dev "fuzzing"
        ;;
    esac
}

# tools_need SET: everything of that set and of those before it, installed or named.
tools_need() {
    local set command package why one
    tools_missing=()
    for one in quick check long gate; do
        while read -r set command package why; do
            [ "$set" != "$one" ] || tools_want "$command" "${package%:}" "$why"
        done < <(tools_table)
        tools_want_more "$one"
        [ "$one" != "$1" ] || break
    done
    [ "${#tools_missing[@]}" = 0 ] || tools_install
    # Some of these show only once others are there.
    tools_missing=()
    for one in check gate; do tools_want_more "$one"; [ "$one" != "$1" ] || break; done
    [ "$1" = quick ] || [ "${#tools_missing[@]}" = 0 ] || tools_install
}

# ---- installing without starting or enabling anything ------------------------------------------------------------

# Says what and why first. Services are neither started (policy-rc.d) nor left enabled for the next boot.
tools_install() {
    local packages=("${tools_missing[@]%%: *}")
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "These are missing, and cannot be installed from here (Debian: apt-get install, as root):"
        printf '  %s\n' "${tools_missing[@]}"
        return 1
    fi >&2
    echo "These will be installed now, for the tests; none of their services is started or enabled:"
    printf '  %s\n' "${tools_missing[@]}"
    [ -n "$tools_updated" ] || apt-get update -qq >/dev/null
    tools_updated=yes
    (
        trap tools_services_free EXIT
        tools_services_hold
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null
    )
}

tools_enabled() {
    find /etc/systemd/system /etc/rc[0-6S].d -name 'K*' -prune -o -type l -print 2>/dev/null | sort
}

tools_services_hold() {
    tools_before=$(mktemp)
    tools_enabled >"$tools_before"
    [ ! -e /usr/sbin/policy-rc.d ] || mv /usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.before-tests
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
}

tools_services_free() {
    local link name
    rm -f /usr/sbin/policy-rc.d
    [ ! -e /usr/sbin/policy-rc.d.before-tests ] || mv /usr/sbin/policy-rc.d.before-tests /usr/sbin/policy-rc.d
    while read -r link; do
        case $link in
        /etc/rc*) name=${link##*/} && update-rc.d "${name:3}" disable 2>/dev/null ;;
        *) rm -f "$link" ;;
        esac
    done < <(tools_enabled | comm -13 "$tools_before" -)
    rm -f "$tools_before"
}
