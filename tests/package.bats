#!/usr/bin/env bats
# What gets onto a machine, and leaves it again: make install, make deb, completion.

load helper

files_below() {
    (cd "$1" && find . ! -type d | sort)
}

@test "make install: the command finds its library below PREFIX, and below DESTDIR where it was staged" {
    staged=$BATS_TEST_TMPDIR/stage
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX=/usr DESTDIR="$staged" install >/dev/null
    run -0 ns "$staged/usr/bin/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [[ $output == "$staged"/usr/lib*/libreuseshim.so ]]
    # Built for one place and installed to another, it still knows.
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" install >/dev/null
    run -0 ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run sh -c 'echo "$LD_PRELOAD"'
    [[ $output == "$BATS_TEST_TMPDIR"/usr/lib*/libreuseshim.so ]]
    cmp "$TOP/policies/restart.policy" "$BATS_TEST_TMPDIR/usr/share/reuseshim/policies/restart.policy"
    for page in man1/reuseshim.1 man5/reuseshim.policy.5 man7/libreuseshim.7; do
        [ -s "$BATS_TEST_TMPDIR/usr/share/man/$page" ]
    done
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" uninstall >/dev/null
    [ -z "$(files_below "$BATS_TEST_TMPDIR/usr")" ]
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX=/usr DESTDIR="$staged" uninstall >/dev/null
    [ -z "$(files_below "$staged")" ]
}

@test "a path with a blank is refused, and nothing is written or removed" {
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

@test "with make lib32, one LD_PRELOAD serves 64-bit and 32-bit programs, by \$LIB" {
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" lib32 >/dev/null
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" install >/dev/null
    gcc -m32 -w -o "$BATS_TEST_TMPDIR/sock32" "$TOP/tests/programs/sock.c"
    port=$(free_port)
    for program in "$BATS_TEST_TMPDIR/sock32" "$PROGRAMS/sock"; do
        run -0 --separate-stderr ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run "$program" tcp bind 127.0.0.1:"$port" get reuseaddr
        [ "$output" = "reuseaddr=1" ]
        [ -z "$stderr" ]
    done
    # From one into the other.
    run -0 --separate-stderr ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run sh -c \
        "echo \"\$LD_PRELOAD\"; exec $BATS_TEST_TMPDIR/sock32 tcp bind 127.0.0.1:$port get reuseaddr"
    [ "${lines[0]}" = "$BATS_TEST_TMPDIR/usr/\$LIB/libreuseshim.so" ]
    [ "${lines[1]}" = "reuseaddr=1" ]
    [ -z "$stderr" ]
    # Its version is checked behind $LIB, too.
    version=$("$BUILD/reuseshim" --version | cut -d' ' -f2)
    sed -i "s/libreuseshim $version/libreuseshim ${version%?}x/" "$BATS_TEST_TMPDIR"/usr/lib/*/libreuseshim.so
    run -111 ns "$BATS_TEST_TMPDIR/usr/bin/reuseshim" run true
    make -s -C "$TOP" BUILD="$BATS_TEST_TMPDIR/b" PREFIX="$BATS_TEST_TMPDIR/usr" uninstall >/dev/null
    [ -z "$(files_below "$BATS_TEST_TMPDIR/usr")" ]
}

@test "make deb: builds, has no error of lintian, installs, works, and removes cleanly" {
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
        chroot root dpkg -P reuseshim libreuseshim >/dev/null
        find upper ! -type d -path "*reuseshim*" ! -path "upper/opt/*" ! -type c | grep -v /var/lib/dpkg || true' \
        "$(mktemp -d "$BATS_TEST_TMPDIR/XXXXXX")" "$BATS_TEST_TMPDIR/b/deb"
    echo "$output" | grep -qx '/usr/lib/.*/libreuseshim.so'
    [ "$(echo "$output" | grep -c reuseshim)" = 1 ]
}

# complete WORD...: what bash offers for the last word.
complete_words() {
    COMP="$*" run -0 bash -c '
        PATH="$0:$PATH"
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _reuseshim
        printf "%s\n" "${COMPREPLY[@]}"' "$BUILD" "$TOP/shim/command/reuseshim.bash" "$@"
}

@test "completion knows the subcommands, their options, and the policies that are shipped" {
    complete_words reuseshim ""
    [[ $output == run*why*check*policies*log*unit* ]]
    complete_words reuseshim run -p ha
    [ "$output" = handover ]
    complete_words reuseshim policies ""
    for name in "$TOP"/policies/*.policy; do
        [[ $'\n'$output$'\n' == *$'\n'"$(basename "$name" .policy)"$'\n'* ]]
    done
    complete_words reuseshim why --re
    [ "$output" = $'--reuseaddr\n--reuseport' ]
    complete_words reuseshim run -l jo
    [ "$output" = journal ]
    cd "$BATS_TEST_TMPDIR" && touch some.json
    complete_words reuseshim log so
    [ "$output" = some.json ]
}

@test "each option that a subcommand's --help names is completed, and the other way round" {
    for subcommand in run why check policies log unit; do
        complete_words reuseshim "$subcommand" -
        offered=$(grep -oE '^--[a-z0-9-]+$' <<<"$output" | sort -u)
        named=$("$BUILD/reuseshim" "$subcommand" --help | grep -oE -- '--[a-z0-9]{2,}' | sort -u)
        diff <(echo "$offered") <(echo "$named")
    done
}
