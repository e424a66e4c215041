#!/usr/bin/env bash
# make check-kernels: boots kernels of Debian's archives and holds the rule of shim/conflict/rules.c, and the records of the
# library, against each; and restarts a server there. The last line is "N passed, N failed, N skipped"; the table is above it.
#
#   KERNELS="5.10 6.1"     only these series; else all that the archives have, of each the newest
#   ARCHIVE_SOURCES=FILE   more archives, as lines of sources.list(5)
#   KERNEL_WALK=whole      all of the walk, as tests/kernel/check.sh does it, on the oldest of each series, too; else a
#                          part, which takes some minutes on each
#   KERNEL_JOBS=2          how many at a time
#
# The processor is emulated, so /dev/kvm is not needed. What was downloaded stays in BUILD/kernels.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build}
. tests/tools.sh
. tests/archive.sh
. tests/kernels/initramfs.sh
unset LD_PRELOAD "${!REUSESHIM_@}"
tools_need boot || exit 1
place=$(mkdir -p "$build/kernels" && cd "$build/kernels" && pwd)
work=$(mktemp -d)
set -m
trap 'for pid in $(jobs -p); do kill -TERM -- -"$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# One run gives both: the rule against the kernel, and of every so manieth refusal the record against the truth.
words() {
    local library="-l /libreuseshim.so"
    if [ "${KERNEL_WALK:-}" = whole ]; then
        printf '%s\n' "pairs $library -u 4711 -s 16" "automatic $library -s 64" "histories $library -s 128 -n 40000"
    else
        printf '%s\n' "pairs $library -u 4711 -s 16 -e 23" "automatic $library -s 8 -e 23" "histories $library -u 4711 -s 64 -n 1000"
    fi
}

# boot KERNEL ARCHIVE: what the first process said between its two marks; all there was if it did not come so far.
boot() {
    local kernel=$1 archive=$2 said=$2.console
    timeout --foreground 5400 qemu-system-x86_64 -machine accel=tcg -cpu max -m 1024 -nographic -no-reboot -nodefaults -serial stdio \
        -kernel "$(find "$kernel/root" -name 'vmlinuz*' -type f | head -n 1)" -initrd "$archive" \
        -append "console=ttyS0 quiet loglevel=1 panic=-1 random.trust_cpu=on mitigations=off" </dev/null >"$said" 2>&1
    sed -i 's|\r||g' "$said"
    if grep -q '<<<$' "$said"; then sed -n '/<<<$/,/^>>>/p' "$said"; else tail -n 20 "$said"; fi
    rm -f "$said"
}

# try VERSION PACKAGE: from the archive to the file of its results.
try() {
    local version=$1 package=$2 kernel=$place/$2_${1//[:\/]/_}
    archive_unpack "$version" "$package" "$kernel" || { echo "not ok 1 - $package $version cannot be had"; return; }
    initramfs_for "$kernel" "$work/base" "$work/$package.cpio.gz" "$(words)"
    boot "$kernel" "$work/$package.cpio.gz"
    rm -f "$work/$package.cpio.gz"
}

# row VERSION FILE: one line of the table from the TAP of one kernel.
row() {
    awk -v version="$1" '
        function number(word,   at) { at = match($0, "[0-9]+ " word); return at ? substr($0, at) + 0 : 0 }
        /^(not )?ok .* - restart: / { restart++; restarted += /^ok/; next }
        /outcomes.*refusals/ { situations += number("outcomes"); wrong += number("mismatches"); records += number("records")
            lies += number("missing") + number("without the blocker") + number("wrong blocks") + number("wrong causes") }
        END { printf "| %s | %d | %d | %d | %d | %d of %d |\n", version, situations, wrong, records, lies, restarted, restart }' "$2"
}

run_all() {
    make -s -j2 BUILD="$build" all programs units >/dev/null || exit 1
    initramfs_base "$work/base" "$build"
    archive_begin "$place/apt" || { echo "no archive of kernels can be reached"; exit 1; }
    mapfile -t chosen < <(archive_choose)
    [ "${#chosen[@]}" != 0 ] || { echo "the archives have none of these kernels: ${KERNELS:-any}"; exit 1; }
    mkdir -p "$place/results"
    for one in "${chosen[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "${KERNEL_JOBS:-2}" ]; do wait -n; done
        echo "== $one" >&2
        try "${one% *}" "${one#* }" >"$place/results/${one%% *}" 2>&1 &
    done
    wait
}

report() {
    local passed=0 failed=0 good bad file one
    for one in "${chosen[@]}"; do
        file=$place/results/${one% *}
        good=$(grep -c '^ok ' "$file") bad=$(grep -c '^not ok ' "$file")
        passed=$((passed + good)) failed=$((failed + bad))
        # Four programs, each with its plan: what came to no end is a failure.
        [ "$(grep -c '^1\.\.' "$file")" = 4 ] || { echo "${one% *}: did not come to its end"; failed=$((failed + 1)); }
        grep -v '^ok \|^1\.\.\|^[<>][<>][<>]' "$file" | sed "s/^/${one% *}: /"
    done
    printf '| %s | %s | %s | %s | %s | %s |\n' kernel situations mismatches records "wrong records" restart --- --- --- --- --- ---
    for one in "${chosen[@]}"; do row "${one% *}" "$place/results/${one% *}"; done
    printf '%s passed, %s failed, 0 skipped\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}

# Read as a whole before it runs: the file may change meanwhile.
main() {
    run_all
    report
    exit
}

main
