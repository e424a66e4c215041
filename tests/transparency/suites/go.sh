# Go: its tests of net, built with cgo. Go makes its system calls itself, so that the library is in the process and sees nothing.
# A unit is "package:Test".
# shellcheck shell=bash disable=SC2154
needs=(go gcc)

packages=(net net/rpc net/smtp net/textproto net/http/httptest net/http/httputil)

fetch() {
    local one
    mkdir -p "$store/go"
    for one in "${packages[@]}"; do
        [ -e "$store/go/${one//\//_}.test" ] ||
            CGO_ENABLED=1 GOCACHE=$store/go/cache GOPATH=$store/go/path GOFLAGS=-mod=mod go test -c -o "$store/go/${one//\//_}.test" "$one" || return
    done
}

units() { printf '%s:.\n' "${packages[@]}"; }

unit_of() {
    local test=${1#* }
    test=${test%%/*}
    [[ $1 == *\ \(end\) ]] && echo "${1% (end)}" || echo "${1%% *}:^$test\$"
}

run() {
    local unit package root
    root=$(go env GOROOT)
    for unit; do
        package=${unit%%:*}
        (cd "$root/src/$package" && limited 300 "$store/go/${package//\//_}.test" -test.v -test.short -test.run "${unit#*:}") >"$scratch/out" 2>&1
        ended "$package:." $?
        sed -nE "s|^ *--- (PASS\|FAIL\|SKIP): ([^ ]+) .*|$package \2\t\1|p" "$scratch/out" |
            sed 's/\tPASS$/\tok/; s/\tFAIL$/\tfail/; s/\tSKIP$/\tskip/'
    done
}
