#!/usr/bin/env bash
# fuzz.sh NAME SECONDS: tests/fuzz/NAME.c for so long, from the seeds below on. What it finds is left in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1 seconds=$2
folder=build/fuzz/$name
mkdir -p "$folder"

# A record of a refused call, made in a network namespace of its own.
refused() {
    # shellcheck disable=SC2016
    unshare --net sh -c 'ip link set lo up
        REUSESHIM_RULES=keep REUSESHIM_FORMAT=json REUSESHIM_LOG=$0 LD_PRELOAD=$PWD/build/libreuseshim.so \
            build/programs/sock "$@" "$@" >/dev/null' "$PWD/$folder/records" "$@" || true
}

case $name in
policy)
    cp policies/*.policy "$folder"
    sources=(shim/policy/*.c shim/base/*.c)
    ;;
record_line)
    rm -f "$folder/records"
    refused tcp bind 127.0.0.1:1 listen
    refused udp bind 127.0.0.1:1
    sources=(shim/command/log/record_line.c shim/base/text.c)
    ;;
elf)
    cp /bin/true build/libreuseshim.so "$folder"
    sources=(shim/command/program/elf_file.c)
    ;;
esac
clang -std=c11 -D_DEFAULT_SOURCE -Iinclude -Ishim -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -o "$folder.bin" "tests/fuzz/$name.c" "${sources[@]}"
"$folder.bin" -max_total_time="$seconds" -max_len=4096 -artifact_prefix=build/fuzz/ "$folder"
