# node: those tests of net, dgram and cluster that bind, listen and connect. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/node dpkg-source)

fetch() { source_package nodejs; }

units() {
    local file
    for file in "$store"/nodejs/test/parallel/test-{net-{server,listen,bind,connect,better,pipe,keepalive,local}*,dgram-{bind,reuse,cluster,multicast,exclusive,udp6,connect}*,cluster-{net,dgram,shared,bind,eaddrinuse,listening,server,worker-wait,rr}*}.js; do
        basename "$file" .js
    done
}

unit_of() { echo "$1"; }

run() {
    local unit file flags
    for unit; do
        file=$store/nodejs/test/parallel/$unit.js
        # As its own runner has them.
        read -ra flags < <(sed -n 's|^// Flags: ||p' "$file" | tr '\n' ' ')
        (cd "$store/nodejs/test" && NODE_TEST_DIR=$scratch limited 30 /usr/bin/node "${flags[@]}" "$file") >"$scratch/out" 2>&1
        case $? in
        0) if grep -q '^1\.\.0 # Skipped' "$scratch/out"; then echo "$unit"$'\tskip'; else echo "$unit"$'\tok'; fi ;;
        124 | 137) echo "$unit"$'\ttimeout' ;;
        *) echo "$unit"$'\tfail' ;;
        esac
    done
}
