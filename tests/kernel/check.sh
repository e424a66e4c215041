# The rule of shim/conflict/rules.c, and the records of the library, against the kernel that runs. Sourced by tests/check.sh.
# shellcheck shell=bash

kernel_check() {
    kernel_allowed || return
    job "the rule against the kernel: pairs, automatic ports, and each rule bent in turn" rule_and_bends
    job "the rule against the kernel: random histories" kernel histories -n 40000 -S "$(date +%s)"
    kernel_records "pairs -s 16" "automatic -s 64" "histories -n 300"
}

# Every call of the walk is made under the library, where kernel_check takes a sample.
kernel_check_long() {
    kernel_allowed || return
    job "the rule against the kernel: more random histories" kernel histories -n 200000 -S "$(date +%s)"
    kernel_records "pairs" "histories -n 3000"
}

# Sockets of two users take part.
kernel_allowed() {
    [ "$(id -u)" = 0 ] || { job "the rule against the kernel" skip_not_root; return 1; }
}

skip_not_root() {
    echo "ok 1 - the rule against the kernel # skip $(sed -n 's/^not-root .* | //p' tests/skips)"
    echo "1..1"
}

# A caller may leave descriptors open, so some are.
kernel() {
    build/kernel/"$1" "${@:2}" 3</dev/null 5</dev/null 13</dev/null 14</dev/null
}

# kernel_records "PROGRAM ARG..."...: each as two users, who must reach the library wherever this tree is.
kernel_records() {
    local program words uid library=$work/libreuseshim.so
    cp build/libreuseshim.so "$library" && chmod 755 "$work"
    for program in "$@"; do
        read -ra words <<<"$program"
        for uid in 0 4711; do
            job "records against the truth: ${words[0]}, as user $uid" \
                kernel "${words[0]}" -l "$library" -u "$uid" "${words[@]:1}"
        done
    done
}

rule_and_bends() {
    local trials status=0
    trials=$(mktemp -d)
    kernel pairs -t "$trials/pairs" || status=1
    kernel automatic -t "$trials/automatic" || status=1
    tests/kernel/bends.sh build "$trials/pairs" "$trials/automatic" || status=1
    rm -rf "$trials"
    return $status
}
