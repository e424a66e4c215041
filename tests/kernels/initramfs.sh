# What a kernel is given to run: one archive with a shell, the programs of the walk, the library and the kernel's own modules.
# Sourced by check.sh.
# shellcheck shell=bash

# What the walk needs and a kernel may have as a module.
initramfs_modules=(inet_diag tcp_diag udp_diag unix_diag veth ipv6)

# initramfs_copy ROOT FILE [NAME]: a program, as NAME, and the libraries that it is linked with, where its loader expects them.
initramfs_copy() {
    local root=$1 file=$2 name=${3:-/bin/${2##*/}} needed
    install -D "$file" "$root$name"
    for needed in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
        [ -e "$root$needed" ] || install -D "$needed" "$root$needed"
    done
}

# initramfs_base ROOT BUILD: what is the same for all kernels.
initramfs_base() {
    local root=$1 build=$2 applet program
    mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc,root,modules}
    initramfs_copy "$root" "$(command -v busybox)" /bin/busybox
    # The kernel of the host has given the shell its applets; in here each is a link.
    for applet in sh seq mount insmod grep sed cat uname poweroff sleep env nc wc tr cut date mknod sort head printf; do
        ln -sf busybox "$root/bin/$applet"
    done
    initramfs_copy "$root" "$(PATH=$PATH:/usr/sbin:/sbin command -v ip)"
    initramfs_copy "$root" "$(command -v setpriv)"
    for program in pairs automatic histories; do
        initramfs_copy "$root" "$build/kernel/$program"
    done
    initramfs_copy "$root" "$build/programs/legacy"
    initramfs_copy "$root" "$build/reuseshim"
    install -m 755 "$build/libreuseshim.so" "$root/libreuseshim.so"
    install -m 755 tests/kernels/init "$root/init"
    printf 'root:x:0:0::/root:/bin/sh\n' >"$root/etc/passwd"
}

# initramfs_for KERNEL ROOT FILE WORDS: the same with the modules of the kernel unpacked in KERNEL, and what init is to do.
initramfs_for() {
    local kernel=$1 root=$2 file=$3 words=$4 release own module path count=100
    release=$(cat "$kernel/done")
    own=$(mktemp -d)
    cp -a "$root/." "$own"
    for module in "${initramfs_modules[@]}"; do
        while read -r _ path _; do
            path=${path%.xz} path=${path%.zst}
            [ -z "$path" ] || ls "$own"/modules/*-"${path##*/}" >/dev/null 2>&1 || initramfs_module "$path" "$own/modules/$((count++))-${path##*/}"
        done < <(modprobe -d "$kernel/root" -S "$release" --show-depends "$module" 2>/dev/null | grep '^insmod')
    done
    printf '%s\n' "$words" >"$own/words"
    (cd "$own" && find . -print0 | cpio --null -o -H newc --quiet --owner=0:0) | gzip -1 >"$file"
    rm -rf "$own"
}

# initramfs_module PATH TO: PATH has lost the ending of its compression.
initramfs_module() {
    if [ -e "$1.xz" ]; then xz -dc "$1.xz" >"$2"
    elif [ -e "$1.zst" ]; then zstd -qdc "$1.zst" >"$2"
    else cp "$1" "$2"; fi
}
