#!/usr/bin/env bash
# The command under valgrind's memcheck: each subcommand, with arguments that are right and with such as are not. No error, no
# memory lost, and the exit code that stands before the arguments. Run in a network namespace of its own, on a tree that has
# been built. What `run` hands over to a program ends with exec, so only what it does not run is seen to its end.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${REUSESHIM_CI_INSIDE:-}" ]; then
    REUSESHIM_CI_INSIDE=1 exec unshare --net "$0" "$@"
fi
unset REUSESHIM_CI_INSIDE # the command would complain of it
ip link set lo up
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

sock=$PWD/build/programs/sock
mkfifo "$work/ready"
for words in "tcp bind 127.0.0.1:8080 listen" "tcp set reuseport bind 0.0.0.0:8081 listen" "udp bind 127.0.0.1:5353" \
    "unix bind $work/socket listen"; do
    # shellcheck disable=SC2086
    "$sock" $words hold >"$work/ready" &
    read -r word <"$work/ready"
    [ "$word" = ready ] || { echo "$words: $word"; exit 1; }
done
for format in json text; do
    for port in 8080 8080 8081; do
        LD_PRELOAD=$PWD/build/libreuseshim.so REUSESHIM_LOG=$work/$format REUSESHIM_FORMAT=$format "$sock" tcp bind 127.0.0.1:$port || true
    done
done >/dev/null 2>&1
gzip -k "$work/json"
head -c 200 "$work/json" >"$work/cut"
echo 'tcp port 80 forse reuseaddr' >"$work/bad.policy"
printf 'tcp port 80 force reuseaddr\nudp keep\ntcp port 80 keep\n' >"$work/good.policy"
head -c 4096 build/reuseshim >"$work/half.elf"
chmod +x "$work/half.elf"
: >"$work/nothing"

# EXIT CODE | ARGUMENTS: words with no blanks in them, W for the folder.
cases() {
    cat <<'CASES'
0 | --help
0 | help why
0 | --version
100 | nosuch
100 |
0 | why
0 | why --json
0 | why -u -6
1 | why 8080
1 | why --json 8080
0 | why -t4ap 8081
1 | why 8079-8081 udp:5353
1 | why W/socket
0 | why -q 9999
0 | why -t http localhost:9998 [::1]:9997
100 | why 70000
100 | why --nosuch
100 | why 1.2.3.4.5:80
100 | why nosuchservice
0 | wait --timeout 0 9999
1 | wait --timeout 50ms 8080
0 | wait --taken 8080
100 | wait
100 | wait --timeout 1y 80
0 | check restart
0 | check W/good.policy
0 | check --json W/good.policy
0 | check
100 | check W/bad.policy
100 | check W/missing.policy
100 | check nosuch
0 | policies
0 | policies --json
0 | policies share
100 | policies nosuch
0 | log W/json
0 | log --json W/json W/text
0 | log -n 1 W/json.gz
0 | log --html W/page.html W/json
100 | log W/cut
0 | log W/nothing
111 | log W/missing
100 | log -n x W/json
0 | unit -o foo.service -p share
100 | unit -o foo.service -p nosuch
100 | unit
100 | run
127 | run nosuchprogram
126 | run W/half.elf
126 | run W/nothing
100 | run -r nonsense -r keep true
100 | run -p nosuch true
127 | run -r keep -r keep -v nosuchprogram
0 | run -r keep true
CASES
}

count=0 status=0
# What valgrind says of itself (a system call that it does not know) begins with --, what it says of the program with ==.
one() {
    local expected=$1 arguments=$2 code=0 out=$work/out.$count found
    # shellcheck disable=SC2086
    valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 --log-file="$out.%p" \
        build/reuseshim ${arguments//W\//$work/} >"$out" 2>&1 </dev/null || code=$?
    found=$(grep -h '^==' "$out".* || true)
    [ "$code" = "$expected" ] && [ -z "$found" ] && return
    echo "reuseshim$arguments: ended with $code, not $expected"
    tail -n 5 "$out"
    echo "$found"
    return 1
}

while IFS='|' read -r expected arguments; do
    one "${expected// /}" "$arguments" || status=1
    count=$((count + 1))
done < <(cases)
echo "$count commands"
exit $status
