# redis' own tests, those that connect, disconnect, replicate and restart, with the server of the package. A unit is what its
# runner calls one.
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/redis-server tclsh dpkg-source)

fetch() {
    source_package redis || return
    local program
    for program in server cli benchmark check-aof check-rdb sentinel; do
        ln -sfn "/usr/bin/redis-$program" "$store/redis/src/redis-$program"
    done
}

units() {
    echo unit/{auth,protocol,networking,info,quit,limits,shutdown,pubsub,introspection,wait,querybuf} \
        integration/{replication-2,block-repl,redis-cli,logging}
}

unit_of() { echo "${1%% *}"; }

run() {
    local unit
    for unit; do
        (cd "$store/redis" && limited 150 tclsh tests/test_helper.tcl --single "$unit" --clients 1) >"$scratch/out" 2>&1
        ended "$unit" $?
        sed -nE 's/\x1b\[[0-9;]*m//g; s/ \([0-9]+ ms\)$//; s/^\[(ok|err|exception|skip|ignore)\]: (.*)/\1\t\2/p' "$scratch/out" |
            awk -F'\t' -v unit="$unit" '{
                gsub(/[0-9]+ms|[0-9]{5,}/, "N", $2)
                sub(/ in tests.*/, "", $2)
                print unit " " $2 "\t" ($1 == "ok" ? "ok" : $1 ~ /skip|ignore/ ? "skip" : "fail")
            }'
    done
}
