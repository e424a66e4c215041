# The kernel's own tests of binding and sharing ports (tools/testing/selftests/net), plain C programs that are built here. They are
# of the kernel that Debian has, so some may fail on another. A unit is a program.
# shellcheck shell=bash disable=SC2154
needs=(gcc dpkg-source)

programs=(reuseaddr_conflict reuseport_addr_any reuseport_dualstack reuseport_bpf reuseport_bpf_cpu reuseport_bpf_numa
    reuseaddr_ports_exhausted bind_bhash sk_bind_sendto_listen sk_connect_zero_addr so_netns_cookie socket
    stress_reuseport_listen tcp_inq tcp_fastopen_backup_key udpgso tls bind_wildcard bind_timewait)

fetch() {
    source_package linux tools/testing/selftests/net 'tools/testing/selftests/kselftest*.h' || return
    local one tests=$store/linux/tools/testing/selftests/net
    mkdir -p "$store/kernel"
    for one in "${programs[@]}"; do
        [ -e "$store/kernel/$one" ] || [ ! -e "$tests/$one.c" ] || gcc -O1 -w -D_GNU_SOURCE -I"$tests/.." -idirafter "$tests" -o "$store/kernel/$one" "$tests/$one.c" \
            -lpthread -lnuma 2>/dev/null || gcc -O1 -w -D_GNU_SOURCE -I"$tests/.." -o "$store/kernel/$one" "$tests/$one.c" -lpthread || true
    done
    [ -e "$store/kernel/reuseaddr_conflict" ]
}

units() { (cd "$store/kernel" && ls); }

unit_of() { echo "${1%% *}"; }

run() {
    local unit
    for unit; do
        (
            arguments=()
            sysctl -q -w net.ipv4.ip_local_port_range="32768 60999" net.ipv4.ip_autobind_reuse=0
            prepare "$unit"
            cd "$store/kernel" && limited 60 "./$unit" "${arguments[@]}"
        ) >"$scratch/out" 2>"$scratch/err"
        ended "$unit" $?
        # What is built with the harness names its tests.
        sed -nE "s|^# +(OK\|FAIL\|SKIP) +([^ ]+)\$|$unit \2\t\1|p" "$scratch/out" |
            sed 's/\tOK$/\tok/; s/\tFAIL$/\tfail/; s/\tSKIP$/\tskip/'
    done
}

# What the shell scripts beside the programs do for them, in a shell of the program's own.
prepare() {
    case $1 in
    reuseaddr_ports_exhausted) sysctl -q -w net.ipv4.ip_local_port_range="32768 32768" net.ipv4.ip_autobind_reuse=1 ;;
    bind_bhash)
        ip addr add 10.8.8.8 dev lo
        ulimit -n 32768
        arguments=(443 ipv4 10.8.8.8)
        ;;
    stress_reuseport_listen)
        sysctl -q -w net.ipv6.ip_nonlocal_bind=1
        ulimit -n 24100
        arguments=(300 80)
        ;;
    udpgso) arguments=(-4) ;;
    esac 2>/dev/null
}
