#!/usr/bin/env bats
# What the program knows is in its manual: each list is taken from the program or from the one table it is made of.
# bats file_tags=quick

load helper

# in_page FILE WORD: the page has it as a word of its own.
in_page() {
    grep -qE "(^|[^a-z_-])${2//./\\.}([^a-z_-]|$)" "$TOP/$1" || { echo "$1 does not have '$2'" >&2; return 1; }
}

# The environment variables, as the table of settings has them.
variables() {
    grep -oE '"REUSESHIM_[A-Z_]+"' "$TOP/shim/setup/settings.c" | tr -d '"' | sort -u
}

@test "every subcommand is in reuseshim(1), with each of its options" {
    for subcommand in $(subcommands); do
        grep -qx ".Ss $subcommand" "$TOP/shim/command/reuseshim.1"
        for option in $("$BUILD/reuseshim" "$subcommand" --help | grep -oE '^ +(-., )?--[a-z0-9]+' | grep -oE '[a-z0-9]{2,}$'); do
            [ "$option" = help ] || grep -q -- "Fl -$option" "$TOP/shim/command/reuseshim.1"
        done
    done
}

@test "every option of a rule, and every word of the language, is in reuseshim.policy(5)" {
    options=$(option_words)
    words=$(REUSESHIM_RULES=nosuch "$BUILD/reuseshim" check 2>&1 | grep -oE '\([^)]*\)' | tr -d '(),')
    [ "$(wc -w <<<"$options $words")" -gt 20 ]
    for word in $options $words; do
        in_page shim/policy/reuseshim.policy.5 "$word"
    done
}

@test "every cause, every log and every variable is in libreuseshim(7)" {
    [ "$(words_of causes.h | wc -l)" -gt 10 ]
    [ "$(variables | wc -l)" -ge 8 ]
    for word in $(words_of causes.h) $(words_of logs.h | sed 's/fd:N/fd/') $(variables); do
        in_page shim/hooks/libreuseshim.7 "$word"
    done
}

@test "every shipped policy and every variable has a row in README" {
    for word in $("$BUILD/reuseshim" policies | cut -d' ' -f1) $(variables); do
        grep -q "^|[^|]*\`$word\`[^|]*|" "$TOP/README.md" || { echo "README has no row for $word" >&2; false; }
    done
}

@test "every key of a record is in libreuseshim(7)" {
    shim REUSESHIM_RULES=keep "$PROGRAMS/sock" tcp bind 127.0.0.1:1 listen tcp bind 127.0.0.1:1 || true
    keys=$(jq -r '[paths | map(strings) | last] | unique[]' "$LOG")
    [ "$(wc -l <<<"$keys")" -gt 40 ]
    for key in $keys; do
        [[ " $(jq -r '.options | keys | join(" ")' "$LOG") " == *" $key "* ]] || in_page shim/hooks/libreuseshim.7 "$key"
    done
}

@test "the library is called the library: no message and no document speaks of a shim" {
    run -1 grep -nE "(^|[^a-z/_>.-])shims?([^a-z/_>.-]|$)" "$TOP"/README.md "$TOP"/policies/* "$TOP"/shim/*/*.[1-8] "$TOP"/shim/package/debian/control
    run -1 grep -nE '"[^"]*\b[Ss]him\b[^"]*"' <(grep -hvE '^#include|incbin' "$TOP"/shim/*/*.c "$TOP"/shim/*/*/*.c)
}

@test "what reuseshim-semantics(7) says of other systems is what the command says, and each claim about Linux has its test" {
    page=$TOP/shim/systems/reuseshim-semantics.7 column=1
    table=$(sed -n '/^system  /,/^\.Ed/p' "$page" | sed '1d;$d')
    [ "$(wc -l <<<"$table")" = 12 ]
    for situation in 'tcp 10.0.0.1:80 time-wait + 10.0.0.1:80 A' 'tcp 10.0.0.1:80 listen + 0.0.0.0:80 A' \
        'tcp 10.0.0.1:80 A + 10.0.0.1:80 A' 'udp 10.0.0.1:80 A + 10.0.0.1:80 A' \
        'tcp 10.0.0.1:80 P listen + 10.0.0.1:80 P' 'tcp 10.0.0.1:80 P listen + 10.0.0.1:80 P other-user' \
        'udp 224.0.0.251:80 A + 224.0.0.251:80 P'; do
        : $((column++))
        "$BUILD/reuseshim" matrix --json --explain "$situation" | jq -r '.system + " " +
            ({"ok": "yes", "EADDRINUSE": "no", "ENOPROTOOPT": "-"}[.answer] // .answer)' >"$BATS_TEST_TMPDIR/told"
        diff <(awk -v at=$column '{print $1, $at}' <<<"$table") "$BATS_TEST_TMPDIR/told"
    done
    [ "$(grep -c '^\.\\" test ' "$page")" -ge 6 ]
    sed -n 's/^\.\\" test \([^ ]*\) /\1 /p' "$page" | while read -r file name; do
        grep -qxF "@test \"$name\" {" "$TOP/tests/$file" || { echo "$file has no test '$name'" >&2; exit 1; }
    done
}
