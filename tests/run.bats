#!/usr/bin/env bats
# reuseshim run, --version, --help.
# bats file_tags=quick

load helper
load run

@test "--version and --help answer on standard output, and run --help names the variables and the policies" {
    run -0 --separate-stderr tool --version
    [[ $output =~ ^reuseshim\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run -0 --separate-stderr tool --help
    [[ $output == *"reuseshim run "* ]]
    run -0 --separate-stderr tool run --help
    [[ $output == *"REUSESHIM_POLICY"* ]]
    for policy in $(tool policies | cut -d' ' -f1); do
        grep -qE "^Policies: (.*, )?$policy(,|$)" <<<"$output"
    done
}

@test "version, -V and help are what --version and --help are, and help SUBCOMMAND is SUBCOMMAND --help" {
    for word in version -V; do
        [ "$(tool $word)" = "$(tool --version)" ]
    done
    for word in help -h; do
        [ "$(tool $word)" = "$(tool --help)" ]
    done
    for subcommand in $(subcommands); do
        [ "$(tool help "$subcommand")" = "$(tool "$subcommand" --help)" ]
    done
    run -100 --separate-stderr tool help bogus
    [[ $stderr == "reuseshim: 'bogus': expected run, "* ]]
}

@test "wrong use is told in one line and ends with 100; without a word the usage is shown" {
    for words in "bogus" "run" "run -x true" "run -p" "run -p nosuch true" "run -f xml true" "run -l nosuch true"; do
        # shellcheck disable=SC2086
        run -100 --separate-stderr tool $words
        [[ ${stderr_lines[-1]} == reuseshim:* ]]
        [ -z "$output" ]
    done
    run -100 --separate-stderr tool run -r "tcp port 65536 keep" true
    [[ $stderr == "reuseshim: REUSESHIM_RULES:1: '65536': expected "* ]]
    run -100 --separate-stderr tool
    [[ ${stderr_lines[0]} == usage:* ]]
}

@test "run sets the policy, the rules, the log, the format and the level" {
    port=$(free_port)
    holder tcp bind 127.0.0.1:"$port" listen
    run -1 tool run -p share -r "udp keep" -r "tcp keep" -l "$LOG" -f json -- "$PROGRAMS/sock" tcp bind 127.0.0.1:"$port"
    expect_record '.policy == "share"' '.rule == "REUSESHIM_RULES:2"' '.cause == "listener"'
    other=$(free_port)
    run -0 --separate-stderr tool run -v "$PROGRAMS/sock" tcp bind 127.0.0.1:"$other" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    [[ $stderr == *"listen("*reuseaddr*restart:* ]]
    run -0 --separate-stderr tool run -vv "$PROGRAMS/sock" udp bind 127.0.0.1:"$other"
    [[ $stderr == *"udp 127.0.0.1:$other"* ]]
}

@test "run keeps rules and level of the environment: -r comes before the rules, -v never lowers the level" {
    run -0 ns env REUSESHIM_RULES="udp keep" REUSESHIM_LEVEL=trace "$BUILD/reuseshim" run -r "tcp keep" -v \
        sh -c 'echo "$REUSESHIM_RULES $REUSESHIM_LEVEL"'
    [ "$output" = $'tcp keep\nudp keep trace' ]
}

@test "a program name that is not found is escaped before it is written" {
    run -127 ns "$BUILD/reuseshim" run /nonexistent/$'\e[31mx'
    [[ $output == *'\x1b[31mx'* ]]
    [[ $output != *$'\e'* ]]
}

@test "the exit code is the program's own; a program that cannot be run ends with 126, one that is not found with 127" {
    run -42 tool run sh -c 'exit 42'
    run -127 tool run /nonexistent/program
    run -126 tool run "$BATS_TEST_TMPDIR"
}

@test "an existing LD_PRELOAD is kept, and the library is not listed twice" {
    run -0 ns env LD_PRELOAD="$PROGRAMS/lib/empty.so" "$BUILD/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$LIB:$PROGRAMS/lib/empty.so" ]
    run -0 tool run "$BUILD/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$LIB" ]
    # Nor is a copy of it that lies elsewhere.
    cp "$LIB" "$BATS_TEST_TMPDIR"
    run -0 ns env LD_PRELOAD="$BATS_TEST_TMPDIR/libreuseshim.so $PROGRAMS/lib/empty.so" "$BUILD/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$LIB:$PROGRAMS/lib/empty.so" ]
}

# ---- what it finds out before it becomes the program -------------------------------------------------------------
# bats file_tags=

@test "a program that is not there, not executable or a directory is refused, as env(1) does it" {
    PATH=/usr/bin:/bin refuses 127 "no-such-program: not found in PATH" no-such-program
    refuses 127 "/nonexistent/x: not found" /nonexistent/x
    refuses 127 ": not found" ""
    echo "echo ran" >"$BATS_TEST_TMPDIR/plain"
    refuses 126 "plain: not executable" "$BATS_TEST_TMPDIR/plain"
    refuses 126 "is a directory" "$BATS_TEST_TMPDIR"
}

@test "PATH is searched as execvp does: what may not be executed is passed over, and told if there is no other" {
    mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    printf '#!/bin/sh\necho %s\n' ran >"$BATS_TEST_TMPDIR/a/thing"
    cp "$BATS_TEST_TMPDIR/a/thing" "$BATS_TEST_TMPDIR/b/thing"
    chmod +x "$BATS_TEST_TMPDIR/b/thing"
    run -0 ns env PATH="$BATS_TEST_TMPDIR/a:$BATS_TEST_TMPDIR/b:$PATH" "$BUILD/reuseshim" run thing
    [ "$output" = ran ]
    run -126 ns env PATH="$BATS_TEST_TMPDIR/a" "$BUILD/reuseshim" run thing
    [[ $output == *"thing: not executable" ]]
}

@test "a statically linked program is run under a trap, with and without PIE" {
    cat >"$BATS_TEST_TMPDIR/p.c" <<'C'
#include <netinet/in.h>
#include <stdio.h>
int main(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 0;
    socklen_t length = sizeof on;
    struct sockaddr_in any = {.sin_family = AF_INET};
    int bound = bind(fd, (struct sockaddr *)&any, sizeof any), listens = listen(fd, 1);
    getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &length);
    printf("bind %d listen %d reuseaddr %d\n", bound, listens, on);
    return 7;
}
C
    for kind in static static-pie; do
        gcc -$kind -o "$BATS_TEST_TMPDIR/$kind" "$BATS_TEST_TMPDIR/p.c"
        run -7 tool run "$BATS_TEST_TMPDIR/$kind"
        [ "$output" = "bind 0 listen 0 reuseaddr 1" ]
    done
    run -7 ns "$BATS_TEST_TMPDIR/static"
    [ "$output" = "bind 0 listen 0 reuseaddr 0" ]
}

@test "a set-user-ID or set-group-ID program, and one with file capabilities, is refused" {
    cp /bin/true "$BATS_TEST_TMPDIR/suid" && chmod u+s "$BATS_TEST_TMPDIR/suid"
    refuses 126 "set-user-ID" "$BATS_TEST_TMPDIR/suid"
    cp /bin/true "$BATS_TEST_TMPDIR/sgid" && chmod g+s "$BATS_TEST_TMPDIR/sgid"
    refuses 126 "set-group-ID" "$BATS_TEST_TMPDIR/sgid"
    needs_root
    cp /bin/true "$BATS_TEST_TMPDIR/caps" && setcap cap_net_bind_service=ep "$BATS_TEST_TMPDIR/caps"
    refuses 126 "file capabilities" "$BATS_TEST_TMPDIR/caps"
}

@test "the loader really drops the library from a program with file capabilities" {
    needs_root
    open_folder
    cp "$PROGRAMS/sock" "$open/sock" && setcap cap_net_bind_service=ep "$open/sock"
    port=$(free_port)
    run -0 ns setpriv --reuid 4711 --clear-groups env LD_PRELOAD="$LIB" REUSESHIM_LEVEL=trace "$open/sock" tcp bind 127.0.0.1:"$port" \
        get reuseaddr
    [ "$output" = "reuseaddr=0" ]
}

@test "a program for another machine, one of the other byte order, and an object that is no program are refused" {
    cp /bin/true "$BATS_TEST_TMPDIR/aarch64"
    printf '\xb7\x00' | dd of="$BATS_TEST_TMPDIR/aarch64" bs=1 seek=18 conv=notrunc status=none
    refuses 126 "aarch64" "$BATS_TEST_TMPDIR/aarch64"
    cp /bin/true "$BATS_TEST_TMPDIR/big-endian"
    printf '\x02' | dd of="$BATS_TEST_TMPDIR/big-endian" bs=1 seek=5 conv=notrunc status=none
    refuses 126 "not a program of this machine" "$BATS_TEST_TMPDIR/big-endian"
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/object"
    printf '\x01' | dd of="$BATS_TEST_TMPDIR/object" bs=1 seek=16 conv=notrunc status=none
    refuses 126 "not a program of this machine" "$BATS_TEST_TMPDIR/object"
}

# A folder of the command and the 64-bit library alone, and a 32-bit program.
command_and_program_32() {
    mkdir "$BATS_TEST_TMPDIR/alone" && cp "$BUILD/reuseshim" "$LIB" "$BATS_TEST_TMPDIR/alone"
    gcc -m32 -w -o "$BATS_TEST_TMPDIR/sock32" "$TOP/tests/programs/sock.c"
}

@test "a 32-bit program is refused where there is no 32-bit library, and how to make one is told" {
    command_and_program_32
    run -126 --separate-stderr ns "$BATS_TEST_TMPDIR/alone/reuseshim" run "$BATS_TEST_TMPDIR/sock32"
    [[ $stderr == *"32-bit"*"make lib32"* ]]
}

@test "a 32-bit program is run with the 32-bit library that is in the folder 32 beside the command" {
    # The kernel itself is asked to run it, so no emulator helps.
    may_skip no-i386-kernel
    command_and_program_32
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" lib32 >/dev/null
    mkdir "$BATS_TEST_TMPDIR/alone/32" && cp "$BATS_TEST_TMPDIR/b/32/libreuseshim.so" "$BATS_TEST_TMPDIR/alone/32"
    port=$(free_port)
    run -0 --separate-stderr ns "$BATS_TEST_TMPDIR/alone/reuseshim" run "$BATS_TEST_TMPDIR/sock32" tcp bind 127.0.0.1:"$port" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    [ -z "$stderr" ]
}

@test "a program whose loader is not there is refused, and the loader named" {
    printf 'int main(void) { return 0; }\n' >"$BATS_TEST_TMPDIR/p.c"
    gcc -Wl,--dynamic-linker=/nonexistent/ld.so -o "$BATS_TEST_TMPDIR/p" "$BATS_TEST_TMPDIR/p.c"
    refuses 127 "/nonexistent/ld.so" "$BATS_TEST_TMPDIR/p"
}

@test "a musl program gets the very same library" {
    cat >"$BATS_TEST_TMPDIR/bind.c" <<'C'
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 0;
    socklen_t size = sizeof on;
    int result = bind(fd, (void *)&a, sizeof a) + listen(fd, 1);
    getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &size);
    printf("bind %d reuseaddr %d\n", result, on);
}
C
    musl-gcc -o "$BATS_TEST_TMPDIR/bind" "$BATS_TEST_TMPDIR/bind.c"
    run -0 --separate-stderr tool run "$BATS_TEST_TMPDIR/bind" "$(free_port)"
    [ "$output" = "bind 0 reuseaddr 1" ]
}

@test "a script is judged by its interpreter, through several of them, and one without a first line is run by the shell" {
    gcc -x c -o "$BATS_TEST_TMPDIR/privileged" - <<<'int main(void) { return 0; }'
    chmod u+s "$BATS_TEST_TMPDIR/privileged"
    printf '#!%s -x\n' "$BATS_TEST_TMPDIR/privileged" >"$BATS_TEST_TMPDIR/script"
    printf '#! %s\n' "$BATS_TEST_TMPDIR/script" >"$BATS_TEST_TMPDIR/outer"
    printf '#!/nonexistent/sh\n' >"$BATS_TEST_TMPDIR/orphan"
    printf '#!%s\n' "$BATS_TEST_TMPDIR/loop" >"$BATS_TEST_TMPDIR/loop"
    printf 'echo without a first line\n' >"$BATS_TEST_TMPDIR/bare"
    chmod +x "$BATS_TEST_TMPDIR"/{script,outer,orphan,loop,bare}
    refuses 126 "$BATS_TEST_TMPDIR/privileged: set-user-ID" "$BATS_TEST_TMPDIR/script"
    refuses 126 "$BATS_TEST_TMPDIR/privileged: set-user-ID" "$BATS_TEST_TMPDIR/outer"
    refuses 127 "/nonexistent/sh" "$BATS_TEST_TMPDIR/orphan"
    refuses 126 "too many interpreters" "$BATS_TEST_TMPDIR/loop"
    run -0 tool run "$BATS_TEST_TMPDIR/bare"
    [ "$output" = "without a first line" ]
}

@test "a library in a folder whose name ld.so would split or replace is refused" {
    for name in 'a b' 'a:b' 'a$ORIGIN' 'a$LIB'; do
        mkdir "$BATS_TEST_TMPDIR/$name"
        cp "$BUILD/reuseshim" "$LIB" "$BATS_TEST_TMPDIR/$name/"
        run -111 --separate-stderr ns "$BATS_TEST_TMPDIR/$name/reuseshim" run true
        [[ $stderr == *"ld.so"*"blank"*"colon"*"dollar"* ]]
    done
}

@test "where the real and the effective user differ, run refuses: the loader would drop the library" {
    needs_root
    run -126 --separate-stderr ns "$SYSTEM_PYTHON" -c 'import os, sys; os.setresuid(65534, 0, 0); os.execv(sys.argv[1], sys.argv[1:])' \
        "$BUILD/reuseshim" run true
    [[ $stderr == *"real and"*"effective user"* ]]
}

@test "run takes the loader itself as the program, and a script whose first line is too long for the kernel" {
    run -0 tool run "$(readelf -p .interp /bin/true | grep -o '/.*')" "$PROGRAMS/sock" tcp bind 127.0.0.1:"$(free_port)" listen get reuseaddr
    [ "$output" = "reuseaddr=1" ]
    printf '#!/%0300d\necho by the shell\n' 0 | tr 0 / >"$BATS_TEST_TMPDIR/long"
    chmod +x "$BATS_TEST_TMPDIR/long"
    run -0 tool run "$BATS_TEST_TMPDIR/long"
    [ "$output" = "by the shell" ]
}

@test "a library that is missing, of another version or none is told, and ends with 111" {
    mkdir "$BATS_TEST_TMPDIR/x" && cp "$BUILD/reuseshim" "$BATS_TEST_TMPDIR/x"
    run -111 --separate-stderr ns "$BATS_TEST_TMPDIR/x/reuseshim" run true
    [[ $stderr == "reuseshim: libreuseshim.so: not found"* ]]
    version=$("$BUILD/reuseshim" --version | cut -d' ' -f2)
    sed "s/libreuseshim $version/libreuseshim ${version%?}x/" "$LIB" >"$BATS_TEST_TMPDIR/x/libreuseshim.so"
    run -111 --separate-stderr ns "$BATS_TEST_TMPDIR/x/reuseshim" run true
    [[ $stderr == *"another version"*"libreuseshim $version" ]]
    echo >"$BATS_TEST_TMPDIR/x/libreuseshim.so"
    run -111 --separate-stderr ns "$BATS_TEST_TMPDIR/x/reuseshim" run true
    [[ $stderr == *"not a library"*"libreuseshim $version" ]]
}

@test "a program that is cut or damaged ends with 126 and the reason, at whatever byte, and no shell reads it" {
    mkdir "$BATS_TEST_TMPDIR/empty" && cd "$BATS_TEST_TMPDIR/empty"
    for size in 1 3 4 15 16 40 52 63 64 100 200 500 700 20000; do
        head -c "$size" /bin/true >"$BATS_TEST_TMPDIR/cut" && chmod +x "$BATS_TEST_TMPDIR/cut"
        refuses 126 "$([ "$size" -lt 4 ] && echo "binary bytes" || echo damaged)" "$BATS_TEST_TMPDIR/cut"
    done
    for at in 32 40 54 56; do # e_phoff, e_shoff, e_phentsize, e_phnum
        cp /bin/true "$BATS_TEST_TMPDIR/wild"
        printf '\xff\xff' | dd of="$BATS_TEST_TMPDIR/wild" bs=1 seek="$at" conv=notrunc status=none
        # No section is looked at.
        [ "$at" = 40 ] || refuses 126 "damaged" "$BATS_TEST_TMPDIR/wild"
        [ "$at" != 40 ] || tool run "$BATS_TEST_TMPDIR/wild"
    done
    [ -z "$(ls)" ]
}

@test "noise, and whatever else begins with binary bytes, is not given to a shell: 126" {
    printf 'touch %s\n' "$BATS_TEST_TMPDIR/ran" >"$BATS_TEST_TMPDIR/script"
    gzip -c "$BATS_TEST_TMPDIR/script" >"$BATS_TEST_TMPDIR/packed"
    { printf '\0'; cat "$BATS_TEST_TMPDIR/script"; } >"$BATS_TEST_TMPDIR/nul"
    { printf '\x7fELX\n'; cat "$BATS_TEST_TMPDIR/script"; } >"$BATS_TEST_TMPDIR/magic"
    { printf '\x01\n'; cat "$BATS_TEST_TMPDIR/script"; } >"$BATS_TEST_TMPDIR/control"
    for file in packed nul magic control; do
        chmod +x "$BATS_TEST_TMPDIR/$file"
        refuses 126 "begins with binary bytes" "$BATS_TEST_TMPDIR/$file"
    done
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    # A text is, whatever its language.
    { printf '# \xc3\xa4\xff\n'; cat "$BATS_TEST_TMPDIR/script"; } >"$BATS_TEST_TMPDIR/latin" && chmod +x "$BATS_TEST_TMPDIR/latin"
    tool run "$BATS_TEST_TMPDIR/latin"
    [ -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "a program that only the kernel refuses ends with 126, and no shell reads it" {
    # A program of this machine, whole in all that run looks at.
    cp /bin/true "$BATS_TEST_TMPDIR/odd"
    run -0 "$SYSTEM_PYTHON" "$SCRIPTS/grow_segments.py" "$BATS_TEST_TMPDIR/odd"
    run -126 --separate-stderr tool run "$BATS_TEST_TMPDIR/odd"
    [[ ${stderr_lines[-1]} == "reuseshim: $BATS_TEST_TMPDIR/odd: "* ]]
    [ "${#stderr_lines[@]}" = 1 ]
}

# ---- settings that go wrong later ---------------------------------------------------------------------------------

@test "a log that nothing can be written to is told before anything runs: 100" {
    needs_root
    open_folder
    install -m 600 /dev/null "$open/others.log"
    ln -s "$open/others.log" "$open/link"
    refuses 100 "REUSESHIM_LOG: '/nonexistent/x.log': the folder is not there" -l /nonexistent/x.log touch "$open/ran"
    refuses 100 "'fd:99': is not open" -l fd:99 touch "$open/ran"
    refuses 100 "'$open': is a directory" -l "$open" touch "$open/ran"
    refuses 100 "'$open/link': is a symbolic link" -l "$open/link" touch "$open/ran"
    refuses 100 "'fd:5': is not open for writing" -l fd:5 touch "$open/ran" 5</dev/null
    for path in others.log new.log; do
        run -100 --separate-stderr ns setpriv --reuid=4711 --regid=4711 --clear-groups "$BUILD/reuseshim" run -l "$open/$path" true
        [[ $stderr == "reuseshim: REUSESHIM_LOG: '$open/$path': "*"Permission denied"* ]]
    done
    run -100 --separate-stderr ns env REUSESHIM_LOG=fd:99 "$BUILD/reuseshim" run touch "$open/ran"
    [ ! -e "$open/ran" ]
    # What can be is not made yet, and left as it is.
    tool run -l "$open/new.log" true
    [ ! -e "$open/new.log" ]
    tool run -l "$open/others.log" true
    tool run -l fd:5 true 5>>"$open/others.log"
    mkfifo "$open/fifo" && tool run -l "$open/fifo" true
    [ ! -s "$open/others.log" ]
}

@test "a misspelt variable is told by run and by check, with the one that was meant; one for the tests is not" {
    for pair in POLCIY:POLICY policy:POLICY LOGS:LOG ONERROR:ON_ERROR POLICY_FILE:POLICY; do
        for words in "run true" "check"; do
            # shellcheck disable=SC2086
            run -0 --separate-stderr ns env "REUSESHIM_${pair%:*}=share" "$BUILD/reuseshim" $words
            [ "$stderr" = "reuseshim: REUSESHIM_${pair%:*}: no such variable; expected REUSESHIM_${pair#*:}" ]
        done
    done
    run -0 --separate-stderr ns env REUSSHIM_LOG=none "$BUILD/reuseshim" check
    [ "$stderr" = "reuseshim: REUSSHIM_LOG: no such variable; expected REUSESHIM_LOG" ]
    run -0 --separate-stderr ns env REUSESHIM_ZZZ=$'\e' REUSESHIM_TEST_POLICY=x REUSESHIM_EMPTY= "$BUILD/reuseshim" check
    [ "${#stderr_lines[@]}" = 1 ]
    [[ $stderr == *"REUSESHIM_ZZZ: no such variable; expected REUSESHIM_POLICY, "*" or REUSESHIM_"* ]]
}

@test "a program made by Go is run under a trap; where that does not work, with the library, after a line that says so" {
    # The note that Go's linker leaves: name size, size, type 4, "Go\0\0".
    printf '.section .note.go.buildid,"a",@note\n.long 4, 4, 4\n.asciz "Go"\n.byte 0\n.long 0\n.section .note.GNU-stack,"",@progbits\n' \
        >"$BATS_TEST_TMPDIR/note.s"
    gcc -o "$BATS_TEST_TMPDIR/gopher" -x c - -x assembler "$BATS_TEST_TMPDIR/note.s" <<<'int main(void) { return 7; }'
    run -7 --separate-stderr tool run "$BATS_TEST_TMPDIR/gopher"
    [ -z "$stderr" ]
    run -7 --separate-stderr ns "$PROGRAMS/filter" errno ptrace "$BUILD/reuseshim" run "$BATS_TEST_TMPDIR/gopher"
    [[ ${stderr_lines[0]} == *"gopher: only a trap reaches it: ptrace(2) is forbidden"* ]]
    [[ ${stderr_lines[1]} == *"gopher: a Go program; "* ]]
}
