# The rule and the records against the kernel; sourced by tests/check.sh, and by the gate with every record looked at.
# shellcheck shell=bash
# Two at a time, because each waits for the kernel most of the time.

# $STEP: of how many calls one is made under the library; $HISTORIES: of how many sockets' lives.
STEP=${STEP:-16} HISTORIES=${HISTORIES:-300}
kernel_out=$(mktemp -d)
# The other user must reach the library, wherever this tree is.
cp build/libreuseshim.so "$kernel_out" && chmod 755 "$kernel_out"

# aside NAME COMMAND...: starts it; its output waits for show. A caller may leave descriptors open, so some are.
aside() {
    local name=$1
    shift
    "$@" >"$kernel_out/$name" 2>&1 3</dev/null 5</dev/null 13</dev/null 14</dev/null &
}

show() {
    wait
    for name in "$@"; do
        run_tap "$name" cat "$kernel_out/$name"
    done
}

aside "the rule against the kernel: pairs" build/kernel/pairs -t "$kernel_out/trials1"
aside "the rule against the kernel: automatic ports" build/kernel/automatic -t "$kernel_out/trials2"
show "the rule against the kernel: pairs" "the rule against the kernel: automatic ports"
run_tap "the rule against the kernel: random histories" build/kernel/histories -n "${SOCKETS:-40000}" -S "$(date +%s)"
run_tap "each rule bent in turn is noticed" tests/kernel/bends.sh build "$kernel_out/trials1" "$kernel_out/trials2"
for program in "pairs -s $STEP" "automatic -s $((STEP * 4))" "histories -n $HISTORIES"; do
    read -ra words <<<"$program"
    for uid in 0 4711; do
        aside "records against the truth: ${words[0]}, as user $uid" \
            "build/kernel/${words[0]}" -l "$kernel_out/libreuseshim.so" -u "$uid" "${words[@]:1}"
    done
    show "records against the truth: ${words[0]}, as user 0" "records against the truth: ${words[0]}, as user 4711"
done
rm -rf "$kernel_out"
