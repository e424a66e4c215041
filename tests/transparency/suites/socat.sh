# socat's test.sh, those of its tests with the keywords tcp4 and listen. A unit is a keyword of its, or the number of a test.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/socat dpkg-source openssl ping)

fetch() { source_package socat; }

units() { echo tcp4 listen; }

unit_of() { echo "${1%% *}"; }

run() {
    (cd "$store/socat" && SOCAT=/usr/bin/socat USER=x TMPDIR=$scratch limited 900 bash test.sh -t 0.1 "$@") >"$scratch/out" 2>&1
    sed -E 's/\x1b\[[0-9;]*m//g' "$scratch/out" |
        sed -nE 's/^test +([0-9]+) ([A-Z0-9_]+).*\.\.\. *(.*)$/\1 \2\t\3/p' |
        sed -E 's/\tOK.*/\tok/; s/\tFAILED.*/\tfail/; t; s/\t.*/\tskip/'
}
