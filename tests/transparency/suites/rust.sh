# Rust: the tests of std::net and of UNIX sockets, from the source of the very compiler. They are a part of std; here they are built
# as a program beside it, for which names are changed, and the two helpers that they take from elsewhere are written anew.
# A unit is "module::test", or a module with "::".
# shellcheck shell=bash disable=SC2154
needs=(/usr/bin/rustc gcc)

# of_std FILE: a part of std as a part of a program.
of_std() {
    sed -E 's/\blibc::/crate::libc::/g; s/^use super::\*;/use std::os::unix::net::*; use std::path::Path;/
        s/(\w+)\.0\.socket\(\)\.as_raw\(\)/std::os::unix::io::AsRawFd::as_raw_fd(\&\1)/
        /crate::(net::test|sys_common::io::test|libc)/!s/\bcrate::/std::/g' "$1"
}

fetch() {
    local std
    [ ! -x "$store/rust/tests" ] || return 0
    mkdir -p "$store/rust/net" && chmod 755 "$store/rust" || return
    (cd "$store/rust" && apt-get -qq -o APT::Sandbox::User=root download rust-src && dpkg-deb -x rust-src_*.deb source) || return
    std=$(echo "$store"/rust/source/usr/src/rustc-*/library/std/src)
    of_std "$std/net/tcp/tests.rs" >"$store/rust/tcp.rs"
    of_std "$std/net/udp/tests.rs" >"$store/rust/udp.rs"
    of_std "$std/os/unix/net/tests.rs" >"$store/rust/unix.rs"
    sed 's/^use crate::/use std::/' "$std/net/test.rs" >"$store/rust/net/test.rs"
    cat >"$store/rust/main.rs" <<'RUST'
#![allow(warnings)]
#![feature(tcp_linger, unix_socket_ancillary_data, unix_socket_peek, peer_credentials_unix_socket, unix_socket_abstract,
    can_vector, read_buf, io_error_uncategorized)]
mod libc {
    pub type pid_t = i32;
    pub type uid_t = u32;
    pub type gid_t = u32;
    extern "C" {
        pub fn close(fd: i32) -> i32;
        pub fn getpid() -> pid_t;
        pub fn getuid() -> uid_t;
        pub fn getgid() -> gid_t;
    }
}
mod net {
    pub mod test;
}
mod sys_common {
    pub mod io {
        pub mod test {
            use std::path::{Path, PathBuf};
            use std::sync::atomic::{AtomicUsize, Ordering};
            static MADE: AtomicUsize = AtomicUsize::new(0);
            pub struct TempDir(PathBuf);
            impl TempDir {
                pub fn path(&self) -> &Path { &self.0 }
                pub fn join(&self, name: &str) -> PathBuf { self.0.join(name) }
            }
            impl Drop for TempDir {
                fn drop(&mut self) { let _ = std::fs::remove_dir_all(&self.0); }
            }
            pub fn tmpdir() -> TempDir {
                let name = format!("rust-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::SeqCst));
                let path = std::env::temp_dir().join(name);
                std::fs::create_dir(&path).unwrap();
                TempDir(path)
            }
        }
    }
}
mod tcp;
mod udp;
mod unix;
RUST
    # std may use what is not stable; so may its tests.
    (cd "$store/rust" && RUSTC_BOOTSTRAP=1 /usr/bin/rustc --edition 2021 --test -o tests main.rs)
}

units() { printf '%s::\n' tcp udp unix; }

unit_of() { echo "${1% (end)}"; }

run() {
    local unit
    for unit; do
        limited 300 "$store/rust/tests" --test-threads=1 "$unit" >"$scratch/out" 2>&1
        ended "$unit" $?
        sed -nE 's/^test ([^ ]+) \.\.\. (ok|FAILED|ignored).*/\1\t\2/p' "$scratch/out" | sed 's/FAILED$/fail/; s/ignored$/skip/'
    done
}
