# The programs that tests need: what brings each, who needs it, and how it is installed without a service being started or
# enabled. Sourced by check.sh and .ci/run.
# shellcheck shell=bash

# SET | PROGRAM, ?CONDITION for tools_has_CONDITION, or +FILE | Debian's package | which tests need it
tools_table() {
    cat <<'TABLE'
quick | cc               | gcc               | the build, and tests that compile a program of their own
quick | ?headers         | libc6-dev         | the same
quick | make             | make              | the build
quick | nm               | binutils          | the build: the library must need no name that only one libc has
quick | bats             | bats              | all of tests/*.bats
quick | jq               | jq                | all of tests/*.bats: records are read with it
quick | ip               | iproute2          | all of tests/*.bats: each has a network namespace of its own
quick | ?python3         | python3           | all of tests/*.bats: programs that meet a taken port
quick | nsenter          | util-linux        | all of tests/*.bats: namespaces, other users
check | ?m32             | gcc-multilib      | abi, run, package: the library for 32-bit programs
check | ?i386            | qemu-user         | abi, run, package: 32-bit programs, which this kernel does not run
check | musl-gcc         | musl-tools        | abi, run: one library for glibc and musl; trap: a static one
check | ?asan            | gcc               | unit tests under sanitizers; host: a program built with one
check | ldconfig         | libc-bin          | host: a set-user-ID program
check | setcap           | libcap2-bin       | run: a program with file capabilities
check | strace           | strace            | log, policy, systemd, wait, why, figures: which system calls are made; faults: and fail
check | socat            | socat             | restart, sessions: a server, a receiver of datagrams
check | erl              | erlang-base       | restart: a server that cannot restart
check | script           | bsdutils          | command, run, table, why: a terminal
check | pgrep            | procps            | sessions, systemd: a process is found by its name
check | systemctl        | systemd           | systemd, system_log: a systemd and a journald of their own
check | systemd-nspawn   | systemd-container | systemd: the machine that it runs in
check | rsyslogd         | rsyslog           | system_log: a system log of its own
check | git              | git               | package: the tree is not touched
check | gzip             | gzip              | summary: compressed logs
check | zsh              | zsh               | package: completion; programs: a server that cannot restart
check | fish             | fish              | package: completion
check | g++              | g++               | companions: objects of C++ that bind before main
long  | go               | golang-go         | trap_programs: programs that call the kernel themselves
long  | fpc              | fp-compiler       | trap_programs: programs without a libc
long  | perl             | perl              | programs: a server that cannot restart
long  | lua5.3           | lua5.3            | programs: a server that cannot restart
long  | ?lua_socket      | lua-socket        | the same
long  | ruby             | ruby              | programs: a server that cannot restart
long  | guile            | guile-3.0         | programs: a server that cannot restart
long  | php              | php-cli           | programs: two servers on one port; trap_programs: a module that no preload reaches
long  | tclsh            | tcl               | programs: two servers on one port
long  | redis-server     | redis-server      | programs: two servers on one port
long  | memcached        | memcached         | programs: two servers on one port
long  | lighttpd         | lighttpd          | programs: two servers on one port
long  | iperf3           | iperf3            | programs: two servers on one port
long  | ncat             | ncat              | programs: two servers on one port
long  | tcpserver        | ucspi-tcp         | programs: two servers on one port
long  | tinyproxy        | tinyproxy         | programs: two servers on one port
long  | nginx            | nginx-light       | programs: two servers on one port
long  | ?busybox         | busybox           | programs: two servers on one port; container: the base image; daemons, owners: applets
long  | /usr/sbin/inetd  | openbsd-inetd     | daemons: a standard error that is the client's connection
long  | runsv            | runit             | daemons: who starts again what is killed
long  | s6-supervise     | s6                | the same
long  | supervisord      | supervisor        | the same
long  | mosquitto        | mosquitto         | daemons: one that gave up root hides what it has open
long  | /usr/sbin/ngircd | ngircd            | the same
long  | gunicorn         | gunicorn          | daemons: a script's own name
long  | /usr/sbin/haproxy | haproxy          | daemons: a server that shares its port with its like
long  | sudo             | sudo              | whole_system: what people do on a machine that has the library everywhere
long  | /usr/sbin/sshd   | openssh-server    | the same
long  | ssh              | openssh-client    | the same
long  | /usr/sbin/cron   | cron              | the same
long  | gdb              | gdb               | companions: a debugger
long  | valgrind         | valgrind          | companions: the same
long  | podman           | podman            | container: the image and the pod of README
long  | runc             | runc              | the same
long  | chromium         | chromium          | summary, matrix_page: the pages of --html
long  | catatonit        | catatonit         | the same: the first process of a pod
deb   | dpkg-buildpackage | dpkg-dev         | package: make deb
deb   | dh               | debhelper         | package: make deb
deb   | ?build_essential | build-essential   | package: make deb
long  | lintian          | lintian           | package: what Debian thinks of it
gate  | clang            | clang             | a second compiler, and fuzzing
gate  | ?fuzzer          | libclang-rt-dev   | fuzzing
gate  | clang-format     | clang-format      | the form of the source
gate  | clang-tidy       | clang-tidy        | make check-analysis: a look at the source
gate  | cppcheck         | cppcheck          | a look at the source
gate  | shellcheck       | shellcheck        | a look at the scripts
gate  | mandoc           | mandoc            | a look at the man pages
gate  | wrk              | wrk               | soak: a load on nginx
gate  | valgrind         | valgrind          | make bench: instructions of a call; make check-memory
boot  | qemu-system-x86_64 | qemu-system-x86   | check-kernels: each kernel is booted in it
boot  | busybox          | busybox           | check-kernels: the shell in there
boot  | cpio             | cpio              | check-kernels: the archive that the kernel unpacks
boot  | depmod           | kmod              | check-kernels: which module needs which
boot  | xz               | xz-utils          | check-kernels: modules are compressed
boot  | zstd             | zstd              | the same
boot  | dpkg-deb         | dpkg              | check-kernels: the packages of kernels
cross | qemu-aarch64     | qemu-user         | check-architectures: runs what is built
cross | unshare          | util-linux        | check-architectures: ports that nobody else has
cross | ip               | iproute2          | the same
cross | aarch64-linux-gnu-gcc | gcc-aarch64-linux-gnu | check-architectures
cross | +/usr/aarch64-linux-gnu/include/stdio.h | libc6-dev-arm64-cross | the same
cross | arm-linux-gnueabihf-gcc | gcc-arm-linux-gnueabihf | check-architectures
cross | +/usr/arm-linux-gnueabihf/include/stdio.h | libc6-dev-armhf-cross | the same
cross | i686-linux-gnu-gcc | gcc-i686-linux-gnu | check-architectures
cross | +/usr/i686-linux-gnu/include/stdio.h | libc6-dev-i386-cross | the same
cross | riscv64-linux-gnu-gcc | gcc-riscv64-linux-gnu | check-architectures
cross | +/usr/riscv64-linux-gnu/include/stdio.h | libc6-dev-riscv64-cross | the same
cross | powerpc64le-linux-gnu-gcc | gcc-powerpc64le-linux-gnu | check-architectures
cross | +/usr/powerpc64le-linux-gnu/include/stdio.h | libc6-dev-ppc64el-cross | the same
cross | s390x-linux-gnu-gcc | gcc-s390x-linux-gnu | check-architectures
cross | +/usr/s390x-linux-gnu/include/stdio.h | libc6-dev-s390x-cross | the same
cross | powerpc64-linux-gnu-gcc | gcc-powerpc64-linux-gnu | check-architectures
cross | +/usr/powerpc64-linux-gnu/include/stdio.h | libc6-dev-ppc64-cross | the same
cross | mips64el-linux-gnuabi64-gcc | gcc-mips64el-linux-gnuabi64 | check-architectures
cross | +/usr/mips64el-linux-gnuabi64/include/stdio.h | libc6-dev-mips64el-cross | the same
cross | mips-linux-gnu-gcc | gcc-mips-linux-gnu | check-architectures
cross | +/usr/mips-linux-gnu/include/stdio.h | libc6-dev-mips-cross | the same
cross | sparc64-linux-gnu-gcc | gcc-sparc64-linux-gnu | check-architectures
cross | +/usr/sparc64-linux-gnu/include/stdio.h | libc6-dev-sparc64-cross | the same
libcs | musl-gcc         | musl-tools        | check-libcs: a server for musl
libcs | objdump          | binutils          | check-libcs: the names that the library asks for
libcs | dpkg-deb         | dpkg              | check-libcs: the packages of libcs
gate  | dpkg-source      | dpkg-dev          | transparency: the source packages of suites that others wrote
suites | dpkg-source     | dpkg-dev          | transparency: the source packages of suites that others wrote
suites | python3         | python3           | transparency: a suite
suites | perl            | perl              | transparency: a suite
suites | ruby            | ruby              | transparency: a suite
suites | php             | php-cli           | transparency: a suite
suites | socat           | socat             | transparency: a suite
suites | openssl         | openssl           | the same: its certificates
suites | ping            | iputils-ping      | the same: whether there is an address
suites | redis-server    | redis-server      | transparency: a suite
suites | tclsh           | tcl               | the same: what runs it
suites | memcached       | memcached         | transparency: a suite
suites | node            | nodejs            | transparency: a suite
suites | go              | golang-go         | transparency: a suite
suites | /usr/bin/rustc  | rustc             | transparency: a suite
suites | gcc             | gcc               | transparency: the kernel's suite
suites | sysctl          | procps            | the same: the ports that it uses
fresh | debootstrap      | debootstrap       | make check-fresh: a root of its own
TABLE
}

# tools_compiles FLAGS...: can a program be built with them?
tools_compiles() {
    printf '#include <sys/socket.h>\nint main(void) { return 0; }\n' | cc "$@" -x c -o /dev/null - 2>/dev/null
}

tools_has_headers() { tools_compiles; }
tools_has_asan() { tools_compiles -fsanitize=address,undefined; }
tools_has_m32() { [ "$(uname -m)" != x86_64 ] || tools_compiles -m32; }
tools_has_python3() { /usr/bin/python3 -c 'import http.server' 2>/dev/null; }
tools_has_lua_socket() { lua5.3 -e 'require("socket")' 2>/dev/null; }
tools_has_fuzzer() { printf 'int LLVMFuzzerTestOneInput(void) { return 0; }\n' | clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null; }
# Not busybox-static: that has no loader that would preload anything. (apt replaces it.)
tools_has_busybox() { readelf -lW "$(command -v busybox)" 2>/dev/null | grep -q INTERP; }
tools_has_build_essential() { [ -e /usr/share/doc/build-essential ] || ! command -v dpkg >/dev/null; }

# The kernel is asked by trying: exit(0), linked with nothing. (It may be that there is no Python yet.)
tools_has_i386() {
    local program result
    ! command -v qemu-i386 >/dev/null || return 0
    case ${REUSESHIM_TEST_I386:-} in none) return 0 ;; qemu) return 1 ;; esac # as runs_i386.py takes it
    program=$(mktemp)
    echo 'void _start(void) { __asm__("xor %ebx, %ebx; mov $1, %eax; int $0x80"); }' |
        cc -m32 -nostdlib -static -x c -o "$program" - 2>/dev/null
    "$program" 2>/dev/null
    result=$?
    rm -f "$program"
    return $result
}

tools_has() {
    # sbin is not in everybody's PATH.
    case $1 in
    \?*) "tools_has_${1#\?}" ;;
    +*) [ -e "${1#+}" ] ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

# tools_missing SET...: the lines of the table whose program is not here.
tools_missing() {
    local set program package reason
    while IFS=\| read -r set program package reason; do
        set=${set// /} program=${program// /} package=${package// /}
        [[ " $* " != *" $set "* ]] || tools_has "$program" || printf '%s|%s|%s\n' "$program" "$package" "${reason# }"
    done < <(tools_table)
}

# tools_need SET...: names what these sets miss and why it is wanted, and installs it where that is possible.
tools_need() {
    local missing packages=() program package reason
    missing=$(tools_missing "$@")
    [ -n "$missing" ] || return 0
    mapfile -t packages < <(cut -d'|' -f2 <<<"$missing" | sort -u)
    echo "The tests need these packages, which are not on this machine:"
    while IFS=\| read -r program package reason; do
        printf '  %-18s %-22s %s\n' "$package" "$([[ $program == [?+]* ]] || echo "($program)")" "$reason"
    done <<<"$missing"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "They cannot be installed from here. As root, on Debian (names differ elsewhere):"
        echo "  apt-get install --no-install-recommends ${packages[*]}"
        return 1
    fi
    tools_install "${packages[@]}" || return 1
    missing=$(tools_missing "$@")
    [ -z "$missing" ] || { echo "still missing after that: $(cut -d'|' -f1 <<<"$missing" | xargs)"; return 1; }
}

# tools_install PACKAGE...: in a subshell, so that the caller's traps are its own.
tools_install() (
    log=$(mktemp)
    apt-get update -qq >"$log" 2>&1 || cat "$log"
    echo "They are installed now, with what they depend on: $(tools_apt -s install "$@" 2>/dev/null | grep -c '^Inst ') packages." \
        "No service is started, and none is enabled for the next boot."
    trap 'services_free' EXIT
    # Not in the middle of apt-get: bash runs a trap when the program in front has ended.
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    services_hold
    tools_apt install "$@" >"$log" 2>&1 || { tail -n 30 "$log"; rm -f "$log"; exit 1; }
    rm -f "$log"
)

tools_apt() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -y -qq --no-install-recommends "$@"
}

# ---- services ---------------------------------------------------------------------------------------------------

# Debian's packages start and enable their services when they are installed. policy-rc.d (invoke-rc.d(8)) forbids the one; a
# preset (systemd.preset(5)) forbids the other where there is a systemctl; what got enabled all the same is disabled again.
services_policy=/usr/sbin/policy-rc.d
services_kept=$services_policy.before-reuseshim-tests
services_preset=00-reuseshim-tests.preset
services_mark="# Made by reuseshim's tests/tools.sh while it installs packages."

# What starts at boot, a line each: a link below /etc/systemd, or the runlevel's folder and the name of an init script, because
# insserv may give it another number.
services_enabled() {
    {
        find /etc/systemd/system /etc/systemd/user -type l ! -lname /dev/null
        find /etc/rc[2345S].d -name 'S[0-9][0-9]*' | sed 's|/S[0-9][0-9]|/|'
    } 2>/dev/null | sort
}

services_hold() {
    services_before=$(services_enabled)
    services_made=()
    local folder
    # A run that was killed may have left its own behind.
    if [ -e "$services_policy" ] && ! grep -qxF "$services_mark" "$services_policy"; then
        mv "$services_policy" "$services_kept"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$services_mark" >"$services_policy"
    chmod 755 "$services_policy"
    for folder in /etc/systemd /etc/systemd/{system,user}-preset; do
        [ -d "$folder" ] || { mkdir "$folder" && services_made=("$folder" "${services_made[@]}"); }
        [[ $folder != *-preset ]] || printf '%s\ndisable *\n' "$services_mark" >"$folder/$services_preset"
    done
}

services_free() {
    local one
    rm -f "$services_policy" /etc/systemd/{system,user}-preset/"$services_preset"
    [ ! -e "$services_kept" ] || mv "$services_kept" "$services_policy"
    for one in "${services_made[@]}"; do
        rmdir "$one" 2>/dev/null || true
    done
    while read -r one; do
        case $one in
        /etc/systemd/*) rm "$one" ;;
        # As update-rc.d(8) disables.
        /etc/rc?.d/*) mv "${one%/*}"/S[0-9][0-9]"${one##*/}" "${one%/*}/K01${one##*/}" ;;
        esac
    done < <(comm -13 <(echo "$services_before") <(services_enabled))
}
