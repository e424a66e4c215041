# Tools that tests need, installed where that is possible, else named. Sourced by check.sh and .ci/run.
# shellcheck shell=bash

tools_updated=

tools_install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing, and cannot be installed from here: $*" >&2
        return 1
    fi
    if [ -z "$tools_updated" ]; then
        apt-get update -qq >/dev/null
        tools_updated=yes
    fi
    # RUNLEVEL=1: a daemon that is only wanted for its program is not started.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# tools_need COMMAND:PACKAGE...: all that are missing, in one go.
tools_need() {
    local pair missing=()
    for pair in "$@"; do
        # sbin is not in everybody's PATH.
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [ "${#missing[@]}" = 0 ] || tools_install "${missing[@]}"
}

# tools_compiles FLAGS...: can a program be built with them?
tools_compiles() {
    printf '#include <sys/socket.h>\nint main(void) { return 0; }\n' | cc "$@" -x c -o /dev/null - 2>/dev/null
}

tools_need_header_32() {
    tools_compiles -m32 || [ "$(uname -m)" != x86_64 ] || tools_install gcc-multilib
}

tools_need_asan() {
    tools_compiles -fsanitize=address,undefined || tools_install gcc
}
