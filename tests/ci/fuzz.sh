#!/usr/bin/env bash
# fuzz.sh NAME SECONDS: tests/fuzz/NAME.c for so long, from the seeds below on. What it finds is left in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1 seconds=$2
folder=build/fuzz/$name
mkdir -p "$folder"

# refused FORMAT WORDS: a record of a refused call, made in a network namespace of its own.
refused() {
    local format=$1
    shift
    # shellcheck disable=SC2016
    unshare --net sh -c 'ip link set lo up
        REUSESHIM_RULES=keep REUSESHIM_FORMAT=$1 REUSESHIM_LOG=$0.$1 LD_PRELOAD=$PWD/build/libreuseshim.so \
            build/programs/sock "$2" bind "$3" listen "$2" bind "$3" listen >/dev/null' "$PWD/$folder/records" "$format" "$@" || true
}

case $name in
policy)
    cp policies/*.policy "$folder"
    sources=(shim/policy/*.c shim/base/*.c)
    ;;
record_line)
    rm -f "$folder"/records.*
    for format in json text; do
        refused $format tcp 127.0.0.1:1
        refused $format udp 127.0.0.1:1
    done
    # As syslog and journalctl have them.
    sed 's/^/Nov 25 10:00:00 host nginx[746]: /' "$folder/records.text" >"$folder/records.syslog"
    sed 's/^reuseshim\[[0-9]*\] \([^ ]\)/2026-11-25T10:00:00+0100 host reuseshim[746]: \1/; s/^reuseshim\[[0-9]*\]//' "$folder/records.text" >"$folder/records.short"
    printf '__CURSOR=s\n__REALTIME_TIMESTAMP=1795614823788167\nREUSESHIM_EVENT=conflict\nREUSESHIM_LOCAL_PORT=80\nMESSAGE\n\5\0\0\0\0\0\0\0a: b\n\n\n' >"$folder/records.export"
    printf '{"__REALTIME_TIMESTAMP":"1795614823788167","SYSLOG_IDENTIFIER":"reuseshim","MESSAGE":[115,58,32,98,105,110,100,40,51,41]}\n' >"$folder/records.journal"
    sources=(shim/command/log/{records,record_line,text_line,text_record,journal_entry,json_reader,log_time,slice}.c shim/base/*.c shim/record/words.c)
    ;;
elf)
    cp /bin/true build/libreuseshim.so "$folder"
    sources=(shim/command/program/elf_file.c)
    ;;
esac
clang -std=c11 -D_DEFAULT_SOURCE -Iinclude -Ishim -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -o "$folder.bin" "tests/fuzz/$name.c" "${sources[@]}"
"$folder.bin" -max_total_time="$seconds" -max_len=4096 -artifact_prefix=build/fuzz/ "$folder"
