#!/usr/bin/env bats
# reuseshim run of a program that only has another one started: systemctl, sudo, ssh and the like.

load helper
load run

# launches PATTERN COMMAND...: what stands in for the launcher is run, after one line on stderr like that; none for "".
launches() {
    local pattern=$1
    shift
    printf '#!/bin/sh\necho ran "$@"\nexit 7\n' >"$BATS_TEST_TMPDIR/$1" && chmod +x "$BATS_TEST_TMPDIR/$1"
    run -7 --separate-stderr ns env PATH="$BATS_TEST_TMPDIR:$PATH" "$BUILD/reuseshim" run "$@"
    [ "$output" = "ran ${*:2}" ]
    # shellcheck disable=SC2053 # a pattern
    [[ $stderr == $pattern && ${#stderr_lines[@]} -le 1 ]] || { echo "$* said: $stderr" >&2; return 1; }
}

@test "a launcher is run after a line that says that the library will not be there, and what to do instead" {
    launches "reuseshim: systemctl: *'reuseshim unit nginx.service'*" systemctl --no-block restart nginx.service
    launches "reuseshim: service: *'reuseshim unit nginx'*" service nginx restart
    launches "reuseshim: docker: *-v $LIB:$LIB:ro -e LD_PRELOAD=$LIB*" docker run -d legacy
    launches "reuseshim: podman: *-v $LIB:*" podman run legacy
    launches "reuseshim: ssh: *ssh HOST reuseshim run COMMAND*" ssh host legacy
    launches "reuseshim: systemd-run: *systemd-run reuseshim run COMMAND*" systemd-run legacy
    launches "reuseshim: runuser: *runuser -l USER -c 'reuseshim run COMMAND'*" runuser -l daemon
    for words in "kubectl apply -f x" "crontab file" "at now" "batch -m" "doas legacy" "pkexec legacy" "machinectl shell" "supervisorctl start x"; do
        # shellcheck disable=SC2086
        launches "reuseshim: ${words%% *}: *" $words
    done
}

@test "a launcher behind env, nohup, nice, timeout and the like is told as well, and an env that takes the library away" {
    printf '#!/bin/sh\nexit 7\n' >"$BATS_TEST_TMPDIR/systemctl" && chmod +x "$BATS_TEST_TMPDIR/systemctl"
    for words in nohup "env A=1" "nice -n 5" "setsid -w" "timeout -k 5 9" "timeout -s TERM 9 env -u A nohup" "stdbuf -o L"; do
        # shellcheck disable=SC2086
        run -7 --separate-stderr ns env PATH="$BATS_TEST_TMPDIR:$PATH" "$BUILD/reuseshim" run $words systemctl restart nginx
        [[ ${stderr_lines[0]} == "reuseshim: systemctl: "*"reuseshim unit nginx"* ]]
    done
    for words in "env -i true" "env - true" "env -u LD_PRELOAD true" "nohup env --unset=LD_PRELOAD true" "env -iv0 A=b true"; do
        # shellcheck disable=SC2086
        run --separate-stderr tool run $words
        [[ ${stderr_lines[0]} == "reuseshim: env: it takes the library out of the environment; "* ]]
    done
    for words in "env A=1 true -i" "env -u A true" "nice true systemctl start x" "timeout 9 true sudo"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr tool run $words
        [ -z "$stderr" ]
    done
}

@test "a launcher that starts nothing, one that hands the environment on, and what only stands before a program is run without a word" {
    launches "" systemctl status nginx
    launches "" systemctl stop nginx
    launches "" docker ps -a
    launches "" kubectl get pods
    launches "" crontab -l
    launches "" systemd-run --scope legacy
    launches "" runuser -u daemon -- legacy
    for words in "nohup true" "setsid true" "nice true" "timeout 9 true" "env true" "setpriv --no-new-privs true"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr tool run $words
        [ -z "${stderr/nohup: ignoring input/}" ]
    done
}

@test "a launcher may be static, and its set-user-ID is told together with what to do instead" {
    gcc -static -x c -o "$BATS_TEST_TMPDIR/docker" - <<<'int main(void) { return 7; }'
    run -7 --separate-stderr tool run "$BATS_TEST_TMPDIR/docker" run x
    [[ $stderr == "reuseshim: docker: "* && ${#stderr_lines[@]} = 1 ]]
    cp /bin/true "$BATS_TEST_TMPDIR/sudo" && chmod u+s "$BATS_TEST_TMPDIR/sudo"
    refuses 126 "set-user-ID: the dynamic loader ignores LD_PRELOAD for such a program; put 'reuseshim run' inside: sudo reuseshim run COMMAND" \
        "$BATS_TEST_TMPDIR/sudo" -E legacy
}
