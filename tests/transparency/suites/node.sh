# node: its tests of net, dgram, cluster, http and https. A unit is a file of tests.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/node /usr/bin/python3 dpkg-source)

fetch() { source_package nodejs; }

units() {
    local file
    for file in "$store"/nodejs/test/parallel/test-{net,dgram,cluster,http,https,tls-server}-*.js; do
        basename "$file" .js
    done
}

unit_of() { echo "$1"; }

run() {
    (cd "$store/nodejs" && limited 1500 /usr/bin/python3 tools/test.py --shell /usr/bin/node -p tap -j 1 -t 20 --temp-dir "$scratch" \
        "${@/#/parallel/}") >"$scratch/out" 2>&1
    sed -nE 's/^(ok|not ok) [0-9]+ parallel\/([^ ]+)( # (skip).*)?$/\2\t\1\4/p' "$scratch/out" |
        sed 's/\tnot ok.*/\tfail/; s/\tokskip/\tskip/'
}
