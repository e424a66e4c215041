#!/usr/bin/env bats
# Programs of other makers that no preload reaches, under `reuseshim run`: 32 bits, Go, Free Pascal, Rust, PHP's sockets.

load helper
load trap

@test "32-bit programs are reached: bind and listen by socketcall and by numbers of their own; syscall(2) is, too" {
    cat >"$BATS_TEST_TMPDIR/raw.c" <<'C'
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 0;
    socklen_t length = sizeof on;
#ifdef SYS_socketcall
    long arguments[3] = {fd, (long)&to, sizeof to}, more[2] = {fd, 1};
    long bound = argc > 2 ? syscall(SYS_socketcall, 2, arguments) : syscall(SYS_bind, fd, &to, sizeof to);
    if (bound == 0)
        argc > 2 ? syscall(SYS_socketcall, 4, more) : syscall(SYS_listen, fd, 1);
#else
    long bound = syscall(SYS_bind, fd, &to, sizeof to);
    if (bound == 0)
        syscall(SYS_listen, fd, 1);
#endif
    getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &length);
    printf("bind %ld reuseaddr %d\n", bound, on);
    return bound != 0;
}
C
    all=("$BATS_TEST_TMPDIR/raw")
    gcc -o "$BATS_TEST_TMPDIR/raw" "$BATS_TEST_TMPDIR/raw.c"
    if gcc -m32 -static -o "$BATS_TEST_TMPDIR/raw32" "$BATS_TEST_TMPDIR/raw.c" 2>/dev/null && "$BATS_TEST_TMPDIR/raw32" 0 >/dev/null 2>&1; then
        all+=("$BATS_TEST_TMPDIR/raw32" "$BATS_TEST_TMPDIR/raw32 1")
    else
        [ "$("$SYSTEM_PYTHON" "$SCRIPTS/runs_i386.py" how)" != kernel ]
    fi
    for program in "${all[@]}"; do
        read -r -a words <<<"$program"
        port=$(free_port)
        run -0 run_it --trap "${words[0]}" "$port" "${words[@]:1}"
        [ "$output" = "bind 0 reuseaddr 1" ]
        holder tcp bind 127.0.0.1:"$port" listen
        rm -f "$LOG"
        run -1 run_it --trap "${words[0]}" "$port" "${words[@]:1}"
        expect_record '.cause == "listener"' '.errno == "EADDRINUSE"' ".holders[0].processes[0].pid == $holder_pid"
    done
}

# bats file_tags=long

# What net.Listen asks the kernel for.
go_protocol() {
    local minor
    minor=$(go env GOVERSION | sed -nE 's/^go1\.([0-9]+).*/\1/p')
    if [ "$minor" -ge 24 ] && [ -e /proc/sys/net/mptcp/enabled ]; then echo mptcp; else echo tcp; fi
}

@test "Go: net/http without and with cgo; the conflict has its record, and what listens its option" {
    mkdir "$BATS_TEST_TMPDIR/go"
    cat >"$BATS_TEST_TMPDIR/go/server.go" <<'GO'
package main

import (
    "fmt"
    "net"
    "net/http"
    "os"
)

func main() {
    listener, err := net.Listen("tcp4", os.Args[1])
    if err != nil {
        fmt.Println(err)
        os.Exit(1)
    }
    fmt.Println("ready")
    http.Serve(listener, http.NotFoundHandler())
}
GO
    for cgo in 0 1; do
        (cd "$BATS_TEST_TMPDIR/go" && HOME=$BATS_TEST_TMPDIR/go GOCACHE=$BATS_FILE_TMPDIR/gocache GOFLAGS=-mod=mod CGO_ENABLED=$cgo go build -o "server$cgo" server.go)
        port=$(free_port)
        rm -f "$LOG"
        trapped_background -v "$BATS_TEST_TMPDIR/go/server$cgo" 127.0.0.1:"$port"
        [ "$(ns "$SYSTEM_PYTHON" -c 'import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])); c.request("GET", "/"); print(c.getresponse().status)' "$port")" = 404 ]
        run -1 run_it "$BATS_TEST_TMPDIR/go/server$cgo" 127.0.0.1:"$port"
        [[ $output == *"address already in use" ]]
        expect_record '.event == "conflict"' '.cause == "listener"' ".holders[0].processes[0].pid == $last_pid" ".holders[0].processes[0].program == \"server$cgo\"" \
            ".protocol == \"$(go_protocol)\""
        # From Go 1.24 on it is refused twice, since it tries TCP when MPTCP is refused: that is one refusal.
        [ "$(jq -c 'select(.event == "conflict")' "$LOG" | wc -l)" = 1 ]
        stop
        # The cure that such a record offers for two of one kind, and waiting until the other has gone.
        rm -f "$LOG"
        trapped_background -p handover "$BATS_TEST_TMPDIR/go/server$cgo" 127.0.0.1:"$port"
        first=$last_pid
        trapped_background -p handover "$BATS_TEST_TMPDIR/go/server$cgo" 127.0.0.1:"$port"
        stop "$first"
        second=$last_pid
        spawn ns env REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$BUILD/reuseshim" run -v -v -r 'wait 600s' "$BATS_TEST_TMPDIR/go/server$cgo" 127.0.0.1:"$port"
        until_true tried_again "$last_pid"
        stop "$second"
        until_said "$last_pid" "$last_out"
        resolved ".pid == $last_pid"
        stop
    done
}

@test "Free Pascal, which has no libc at all, and PHP's sockets, which are opened with RTLD_DEEPBIND" {
    cat >"$BATS_TEST_TMPDIR/p.pas" <<'PAS'
program p;
uses sockets, sysutils;
var s: longint; a: TInetSockAddr;
begin
  s := fpSocket(AF_INET, SOCK_STREAM, 0);
  a.sin_family := AF_INET; a.sin_port := htons(StrToInt(ParamStr(1))); a.sin_addr.s_addr := htonl($7f000001);
  if fpBind(s, @a, sizeof(a)) <> 0 then begin writeln('bind ', socketerror); halt(1); end;
  if fpListen(s, 5) <> 0 then begin writeln('listen ', socketerror); halt(1); end;
  writeln('listening');
end.
PAS
    (cd "$BATS_TEST_TMPDIR" && fpc -v0 p.pas >/dev/null 2>&1)
    port=$(free_port)
    run -0 run_it -v "$BATS_TEST_TMPDIR/p" "$port"
    [ "$output" = listening ]
    expect_record '.event == "change"' '.message | test("reuseaddr forced")' '.program == "p"'
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 run_it "$BATS_TEST_TMPDIR/p" "$port"
    [ "$output" = "bind 98" ]
    expect_record '.cause == "listener"'
    script="\$s = socket_create(AF_INET, SOCK_STREAM, 0); exit(@socket_bind(\$s, '127.0.0.1', $port) ? 0 : 1);"
    rm "$LOG"
    run -1 shim php -r "$script"
    [ ! -s "$LOG" ]
    run -1 ns "$BUILD/reuseshim" run php -r "$script"
    [[ $output == "reuseshim: "*"php"*": what its modules bind (ext/sockets is opened with RTLD_DEEPBIND) passes the library by; --trap reaches it, too" ]]
    run -1 run_it --trap php -r "$script"
    expect_record '.cause == "listener"' '.program | startswith("php")' ".holders[0].processes[0].pid == $holder_pid"
}

# Debian's rustc is large, so this is for machines that have it.
@test "Rust, linked statically, where there is a rustc" {
    command -v rustc || return 0
    cat >"$BATS_TEST_TMPDIR/server.rs" <<'RUST'
fn main() {
    match std::net::TcpListener::bind(std::env::args().nth(1).unwrap()) {
        Ok(_) => println!("listening"),
        Err(error) => { println!("{error}"); std::process::exit(1) }
    }
}
RUST
    rustc -C target-feature=+crt-static -o "$BATS_TEST_TMPDIR/server" "$BATS_TEST_TMPDIR/server.rs" || return 0
    port=$(free_port)
    run -0 run_it "$BATS_TEST_TMPDIR/server" 127.0.0.1:"$port"
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 run_it "$BATS_TEST_TMPDIR/server" 127.0.0.1:"$port"
    expect_record '.program == "server"' '.cause == "listener"' ".holders[0].processes[0].pid == $holder_pid"
}
