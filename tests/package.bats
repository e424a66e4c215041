#!/usr/bin/env bats
# What gets onto a machine, and leaves it again: make install, make deb, completion.

load helper

files_below() {
    (cd "$1" && find . ! -type d | sort)
}

@test "make install: the command finds its library below PREFIX, and below DESTDIR; make uninstall takes all away" {
    staged=$BATS_TEST_TMPDIR/stage
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX=/usr DESTDIR="$staged" install >/dev/null
    run -0 ns "$staged/usr/bin/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [[ $output == "$staged"/usr/lib*/libreuseshim.so ]]
    # Built for one place and installed to another, it still knows.
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" install >/dev/null
    run -0 ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [[ $output == "$BATS_TEST_TMPDIR"/usr/lib*/libreuseshim.so ]]
    cmp "$TOP/policies/restart.policy" "$BATS_TEST_TMPDIR/usr/share/reuseshim/policies/restart.policy"
    cmp "$TOP/shim/record/reuseshim.catalog" "$BATS_TEST_TMPDIR/usr/lib/systemd/catalog/reuseshim.catalog"
    for page in man1/reuseshim.1 man5/reuseshim.policy.5 man7/libreuseshim.7 man7/reuseshim-semantics.7; do
        [ -s "$BATS_TEST_TMPDIR/usr/share/man/$page" ]
    done
    for file in bash-completion/completions/reuseshim zsh/site-functions/_reuseshim fish/vendor_completions.d/reuseshim.fish; do
        [ -s "$BATS_TEST_TMPDIR/usr/share/$file" ]
    done
    run -0 make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" uninstall
    [[ $output == *"LD_PRELOAD"*"ERROR: ld.so"* ]]
    [ -z "$(files_below "$BATS_TEST_TMPDIR/usr")" ]
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX=/usr DESTDIR="$staged" uninstall >/dev/null
    [ -z "$(files_below "$staged")" ]
}

@test "make install and uninstall refuse a path with a blank, and write and remove nothing" {
    mkdir -p "$BATS_TEST_TMPDIR/keep/reuseshim"
    for words in "DESTDIR=$BATS_TEST_TMPDIR/my dir" "PREFIX=/pre fix" "DATADIR=$BATS_TEST_TMPDIR/keep it"; do
        for target in install uninstall; do
            run -2 make -s -C "$TOP" "$words" "$target"
            [[ $output == *"has a blank in it"* ]]
        done
    done
    [ -d "$BATS_TEST_TMPDIR/keep/reuseshim" ]
    run -0 git -C "$TOP" status --porcelain
}

# make_both TARGET: for 64-bit and 32-bit programs, below $BATS_TEST_TMPDIR/usr.
make_both() {
    # What the 32-bit loader puts in the place of $LIB: make cannot ask it where the kernel does not run it.
    local lib32
    # shellcheck disable=SC2046 # nothing, or one word
    lib32=$($(i386_emulator) /lib/ld-linux.so.2 --list-diagnostics | sed -n 's/^dl_dst_lib="\(.*\)"/\1/p') || true
    make -s -C "$TOP" BUILD="$BATS_FILE_TMPDIR" PREFIX="$BATS_TEST_TMPDIR/usr" ${lib32:+LIBSUB32="$lib32"} "$1" >/dev/null
}

@test "after make lib32, make install puts both libraries where \$LIB leads, and make uninstall takes both away" {
    make_both lib32
    make_both install
    run -0 --separate-stderr ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [ "$output" = "$BATS_TEST_TMPDIR/usr/\$LIB/libreuseshim.so" ]
    [ -z "$stderr" ]
    # The version is checked behind $LIB, too.
    version=$("$BUILD/reuseshim" --version | cut -d' ' -f2)
    sed -i "s/libreuseshim $version/libreuseshim ${version%?}x/" "$BATS_TEST_TMPDIR"/usr/lib/*/libreuseshim.so
    run -111 ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run true
    make_both uninstall
    [ -z "$(files_below "$BATS_TEST_TMPDIR/usr")" ]
}

# run_under COMMAND...: run puts the library into it, and the program $name has it.
run_under() {
    run -0 --separate-stderr ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run -v "$@"
    [ "$output" = "reuseaddr=1" ]
    [[ $stderr == *"] $name: listen("*"reuseaddr forced"* ]]
    [[ $stderr != *"cannot be preloaded"* ]]
}

@test "after make lib32, one LD_PRELOAD serves 64-bit and 32-bit programs, and one that starts the other" {
    may_skip no-i386
    make_both lib32
    make_both install
    gcc -m32 -w -o "$BATS_TEST_TMPDIR/sock32" "$TOP/tests/programs/sock.c"
    cp "$PROGRAMS/sock" "$BATS_TEST_TMPDIR/sock64"
    port=$(free_port)
    for name in sock32 sock64; do
        emulator=$([ $name = sock64 ] || i386_emulator)
        words="$emulator $BATS_TEST_TMPDIR/$name tcp bind 127.0.0.1:$port listen get reuseaddr"
        # By itself, and out of a 64-bit shell.
        # shellcheck disable=SC2086
        run_under $words
        run_under sh -c "exec $words"
    done
}

# bats test_tags=long
@test "make deb builds packages without an error of lintian, which install, work, and are removed cleanly" {
    needs_root
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" deb >"$BATS_TEST_TMPDIR/deb.log" 2>&1 || { tail -20 "$BATS_TEST_TMPDIR/deb.log" >&2; false; }
    run -0 lintian --fail-on error "$BATS_TEST_TMPDIR"/b/deb/*.changes
    [[ $output != *"E: "* ]]
    [ -s "$(echo "$BATS_TEST_TMPDIR"/b/deb/*.dsc)" ]
    # On a copy of this machine that is thrown away.
    run -0 unshare --mount sh -ec '
        mount -t tmpfs none "$0" && cd "$0" && mkdir upper work root
        mount -t overlay none -o lowerdir=/,upperdir=upper,workdir=work root
        mount --rbind /proc root/proc && mount --rbind /dev root/dev
        cp "$1"/libreuseshim_*.deb "$1"/reuseshim_*.deb root/opt/
        chroot root sh -c "dpkg -i /opt/*.deb" >/dev/null
        chroot root reuseshim run sh -c "echo \$LD_PRELOAD"
        chroot root reuseshim policies restart | cmp - root/usr/share/reuseshim/policies/restart.policy
        grep -q . root/usr/lib/systemd/catalog/reuseshim.catalog
        chroot root journalctl --list-catalog "$2" | grep -o "was refused an address"
        chroot root dpkg -P reuseshim libreuseshim >/dev/null
        find upper ! -type d -path "*reuseshim*" ! -path "upper/opt/*" ! -type c | grep -v /var/lib/dpkg || true' \
        "$(mktemp -d "$BATS_TEST_TMPDIR/XXXXXX")" "$BATS_TEST_TMPDIR/b/deb" \
        "$(grep -oE '"conflict", "[0-9a-f]+' "$TOP/shim/record/message_id.c" | grep -oE '[0-9a-f]{32}')"
    echo "$output" | grep -qx '/usr/lib/.*/libreuseshim.so'
    echo "$output" | grep -q 'was refused an address'
    [ "$(echo "$output" | grep -c reuseshim)" = 1 ]
}

# offered SHELL WORD...: what the shell offers for the last word, one a line, without what it says of each.
offered() {
    local shell=$1 folder=$BATS_TEST_TMPDIR/zsh
    shift
    case $shell in
    bash)
        run -0 bash -c '
            PATH="$0:$PATH"
            . "$1"
            shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _reuseshim
            printf "%s\n" "${COMPREPLY[@]}"' "$BUILD" "$TOP/shim/command/reuseshim.bash" "$@"
        ;;
    zsh)
        mkdir -p "$folder" && cp "$TOP/shim/command/reuseshim.zsh" "$folder/_reuseshim"
        PATH=$BUILD:$PATH run -0 timeout "$PATIENCE" zsh -f "$SCRIPTS/zsh_complete.zsh" "$folder" "$*" 3>&-
        ;;
    fish)
        PATH=$BUILD:$PATH HOME=$BATS_TEST_TMPDIR run -0 fish -N -c 'source $argv[1]; complete -C "$argv[2]" | cut -f1' \
            "$TOP/shim/command/reuseshim.fish" "$*"
        ;;
    esac
}

has_line() {
    grep -qxF -- "$1" <<<"$output" || { echo "'$1' is not offered" >&2; return 1; }
}

# completes SHELL: what the command has, each where it belongs.
completes() {
    offered "$1" reuseshim ""
    for word in $(subcommands) help version; do
        has_line "$word"
    done
    offered "$1" reuseshim help ""
    for word in $(subcommands); do
        has_line "$word"
    done
    offered "$1" reuseshim run -p ha
    [ "$output" = handover ]
    offered "$1" reuseshim policies ""
    for name in "$TOP"/policies/*.policy; do
        has_line "$(basename "$name" .policy)"
    done
    offered "$1" reuseshim why --re
    [ "$output" = $'--reuseaddr\n--reuseport' ]
    offered "$1" reuseshim run -l ""
    diff <(sort <<<"$output") <(words_for REUSESHIM_LOG='?' | sed '/ /d; s/:N$/:/' | sort)
    offered "$1" reuseshim run -f j
    [ "$output" = json ]
    cd "$BATS_TEST_TMPDIR" && touch some.json
    offered "$1" reuseshim log so
    [ "$output" = some.json ]
}

# completes_options SHELL
completes_options() {
    for subcommand in $(subcommands); do
        offered "$1" reuseshim "$subcommand" -
        named=$("$BUILD/reuseshim" "$subcommand" --help | grep -oE -- '--[a-z0-9][a-z0-9-]+' | sort -u)
        diff <(grep -oE '^--[a-z0-9-]+$' <<<"$output" | sort -u) <(echo "$named")
    done
}

@test "completion of bash offers the subcommands, options, policies and logs that the command has, and files where it takes some" {
    completes bash
}

@test "completion of bash offers each option that a subcommand's --help names, and no other" {
    completes_options bash
}

@test "completion of zsh offers the subcommands, options, policies and logs that the command has, and files where it takes some" {
    completes zsh
}

@test "completion of zsh offers each option that a subcommand's --help names, and no other" {
    completes_options zsh
}

@test "completion of fish offers the subcommands, options, policies and logs that the command has, and files where it takes some" {
    completes fish
}

@test "completion of fish offers each option that a subcommand's --help names, and no other" {
    completes_options fish
}

@test "behind the options of run, zsh and fish complete the program's own words" {
    cd "$BATS_TEST_TMPDIR" && touch some.json
    for shell in zsh fish; do
        for words in "run -p share cat so" "run -r keep -- cat so"; do
            # shellcheck disable=SC2086
            offered $shell reuseshim $words
            [ "$output" = some.json ]
        done
        offered $shell reuseshim run -v setpri
        has_line setpriv
    done
}

@test "make help has a line for each target" {
    run -0 make -s -C "$TOP" help
    phony=$(sed -n 's/^\.PHONY: FORCE //p' "$TOP/Makefile")
    for target in $phony; do
        grep -qE "^  make (.* )?$target " <<<"$output"
    done
}
