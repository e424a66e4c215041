#!/usr/bin/env bash
# fuzz.sh NAME SECONDS [SEED]: the target tests/fuzz/NAME.c for so long, from tests/fuzz/corpus/NAME on; without NAME ("") each target
# an equal share. Inputs that reach more stay in build/fuzz/NAME, one that breaks something in build/fuzz/NAME-crash-*. The same SEED
# makes the same inputs of the same corpora; without it they are new each time.
# REUSESHIM_TEST_FUZZ_BUILD: another folder than build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath -m "${REUSESHIM_TEST_FUZZ_BUILD:-build/fuzz}")

# The library's own warnings about frames are about frames without a sanitizer.
build_target() {
    make -j2 BUILD="$build" CC=clang FRAME='' \
        CFLAGS="-g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" "$build/fuzz/$1"
}

run_target() {
    local name=$1 seconds=$2 inside=() seeds=("$PWD/tests/fuzz/corpus/$1")
    build_target "$name" || return
    mkdir -p "$build/$name"
    # No binaries in the tree: the beginning of this machine's own will do.
    [ "$name" != elf ] || { seeds=(); head -c 4096 "$build/fuzz/elf" >"$build/elf/program"; head -c 4096 /bin/true >"$build/elf/true"; }
    [ "$name" != policy ] || seeds+=("$PWD/policies")
    # Addresses find their way into inputs.
    [ "$seed" = 0 ] || ! setarch -R true 2>/dev/null || inside=(setarch -R)
    [ "$name" != doors ] || inside+=(unshare --net sh -c "ip link set lo up && exec \"\$@\"" sh)
    "${inside[@]}" "$build/fuzz/$name" -max_total_time="$seconds" -max_len=8192 -timeout=60 -seed="$seed" -reload=0 -artifact_prefix="$build/$name-" \
        -print_final_stats=1 "$build/$name" "${seeds[@]}"
}

seed=${3:-0}
targets=("$1")
[ -n "$1" ] || mapfile -t targets < <(basename -s .c tests/fuzz/*.c)
failed=0
for target in "${targets[@]}"; do
    run_target "$target" $(($2 / ${#targets[@]})) || { echo "fuzz.sh: $target: see above, and $build/$target-*" >&2; failed=1; }
done
exit $failed
