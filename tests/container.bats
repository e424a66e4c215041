#!/usr/bin/env bats
# The container image and the pod of README, as they stand there, with podman, runc and their default seccomp filter. No
# registry is asked: the base image is made of this machine's own busybox and libc.
# bats file_tags=long

load helper

setup_file() {
    [ "$(id -u)" = 0 ] || return 0
    cd "$BATS_FILE_TMPDIR" || return 1
    # What podman keeps in /run, in a namespace of mounts of its own.
    mkfifo hold
    unshare --mount sh -c 'mount -t tmpfs none /run && echo up >up && exec cat hold' >/dev/null 2>&1 3>&- &
    echo "$!" >mounts
    until_true test -s up
    mkdir -p base/bin base/opt base/tmp build
    cp "$(command -v busybox)" base/bin/
    for name in sh cp cat; do ln -s busybox "base/bin/$name"; done
    cp "$PROGRAMS/legacy" "$PROGRAMS/sock" base/opt/
    for file in $(ldd base/bin/busybox base/opt/* | grep -oE '/lib[^ ]+' | sort -u); do
        mkdir -p "base$(dirname "$file")"
        cp -L "$file" "base$file"
    done
    cp "$LIB" build/
    block dockerfile >Dockerfile
    block yaml >pod.yaml
    # What a machine like this may not do, and a real node may: raise limits.
    cat >runtime <<'SH'
#!/bin/sh
strip() { jq "del($2)" "$1" >"$1.new" && mv "$1.new" "$1"; }
for word; do
    [ ! -f "$word/config.json" ] || strip "$word/config.json" .process.rlimits
    case $word in *exec-process*) [ ! -f "$word" ] || strip "$word" .rlimits ;; esac
done
exec runc "$@"
SH
    chmod +x runtime
    tar -C base -c . | pod import --change 'CMD ["/opt/legacy","8080"]' --change 'ENV PATH=/bin' - localhost/legacy-server >/dev/null 2>&1
    pod build --network none -t localhost/reuseshim "$BATS_FILE_TMPDIR" >/dev/null
}

teardown_file() {
    [ "$(id -u)" = 0 ] || return 0
    pod pod rm -fa >/dev/null 2>&1
    pod rm -fa >/dev/null 2>&1
    kill -KILL "$(cat "$BATS_FILE_TMPDIR/mounts")"
    find /sys/fs/cgroup -depth -path '*/libpod_parent*' -type d -exec rmdir {} + 2>/dev/null || true
}

pod() {
    nsenter --target "$(cat "$BATS_FILE_TMPDIR/mounts")" --mount podman --runtime "$BATS_FILE_TMPDIR/runtime" --root "$BATS_FILE_TMPDIR/storage" --runroot "$BATS_FILE_TMPDIR/run" \
        --storage-driver vfs --cgroup-manager cgroupfs --events-backend file "$@" 3>&-
}

# block LANGUAGE: that fenced block of README.
block() {
    sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$TOP/README.md" | sed '1d;$d'
}

setup() {
    needs_root
    LOG=$BATS_TEST_TMPDIR/log
}

teardown() { :; }

@test "in the image of README the server is under the library, and a refusal is explained under the default filter" {
    pod run --rm --network none localhost/reuseshim sh -c 'cat /proc/self/status; /opt/legacy 8080 &
        until /opt/sock tcp connect 127.0.0.1:8080; do :; done; /opt/legacy 8080' >"$BATS_TEST_TMPDIR/out" 2>&1 || true
    grep -qE '^Seccomp:\s+2$' "$BATS_TEST_TMPDIR/out"
    grep '^{' "$BATS_TEST_TMPDIR/out" >"$LOG"
    expect_record '.cause == "listener"' '.holders[0].processes[0].program == "legacy"' '.options.reuseaddr' '.diagnosis.source == "sock_diag"'
}

@test "in a container two programs get macOS's answers" {
    pod run --rm --network none -e REUSESHIM_POLICY=as-macos localhost/reuseshim sh -c '/opt/sock tcp bind 0.0.0.0:8080 listen udp set reuseaddr bind 127.0.0.1:8081 hold &
        until case $(cat /proc/net/tcp) in *:1F90*) ;; *) false ;; esac; do :; done
        /opt/sock tcp set reuseaddr bind 127.0.0.1:8080 listen get reuseaddr
        /opt/sock udp set reuseaddr bind 127.0.0.1:8081' >"$BATS_TEST_TMPDIR/out" 2>&1 || true
    grep -qx 'reuseaddr=1' "$BATS_TEST_TMPDIR/out"
    run ! grep -q '^listen' "$BATS_TEST_TMPDIR/out"
    [ "$(grep -c '^bind' "$BATS_TEST_TMPDIR/out")" = 1 ]
    grep '^{' "$BATS_TEST_TMPDIR/out" >"$LOG"
    expect_record '.event == "conflict"' '.message == "as macOS: the very same address wants SO_REUSEPORT on both"'
}

listens() {
    pod logs legacy-server | grep -q listening
}

@test "in the pod of README the init container hands the library over, and a refusal of the server is explained" {
    # A pod that is started by hand is not restarted; podman would begin its init container again and again.
    sed 's/^spec:/spec:\n  restartPolicy: Never/' "$BATS_FILE_TMPDIR/pod.yaml" >"$BATS_TEST_TMPDIR/pod.yaml"
    pod play kube --network none "$BATS_TEST_TMPDIR/pod.yaml" >/dev/null
    until_true listens
    pod exec legacy-server /opt/legacy 8080 >"$LOG" 2>&1 || true
    sed -i '/^{/!d' "$LOG"
    expect_record '.cause == "listener"' '.program == "legacy"' '.holders[0].processes[0].program == "legacy"'
    pod exec legacy-server /opt/sock tcp bind 127.0.0.1:8081 listen get reuseaddr | grep -qx reuseaddr=1
}

@test "a holder in a container is told by the container's id, with the engine's command, which helps" {
    pod run -d --name holder --network none localhost/reuseshim /opt/sock tcp bind 127.0.0.1:8090 listen hold >/dev/null
    pid=$(pod inspect -f '{{.State.Pid}}' holder) id=$(pod inspect -f '{{.Id}}' holder)
    meet() {
        nsenter --net --target "$pid" env LD_PRELOAD="$LIB" REUSESHIM_LOG="$LOG" REUSESHIM_FORMAT=json "$PROGRAMS/sock" \
            tcp bind 127.0.0.1:8090 listen
    }
    until_true eval 'meet; [ -s "$LOG" ]'
    expect_record ".holders[0].container == \"$id\"" '.holders[0].unit == null' '.holders[0].processes[0].program == "sock"' \
        ".cures[0].text | startswith(\"podman stop ${id:0:12}\")"
    # shellcheck disable=SC2046 # words
    pod $(record '.cures[0].text' | grep -oE "stop [0-9a-f]{12}") -t 1 >/dev/null
    [ "$(pod inspect -f '{{.State.Running}}' holder)" = false ]
}

# trapped OPTION...: a program there that is refused its own port, under the trap.
trapped() {
    pod run --rm --network none "$@" -v "$BUILD/reuseshim:/bin/reuseshim:ro" localhost/legacy-server \
        reuseshim run --trap -r keep /opt/sock tcp bind 127.0.0.1:5000 listen tcp bind 127.0.0.1:5000 >"$BATS_TEST_TMPDIR/out" 2>&1
}

@test "the trap works under podman's default filter; under Docker's, which wants CAP_SYS_PTRACE for pidfd_getfd, it says so, and works with it" {
    run -1 trapped
    grep -q 'failed: EADDRINUSE' "$BATS_TEST_TMPDIR/out"
    grep -q 'held by  tcp 127.0.0.1:5000  LISTEN, this process' "$BATS_TEST_TMPDIR/out"
    # Of Docker's profile the difference that counts here.
    jq '.syscalls |= (map(.names -= ["pidfd_getfd"]) + [{names: ["pidfd_getfd"], action: "SCMP_ACT_ALLOW", includes: {caps: ["CAP_SYS_PTRACE"]}}])' \
        /usr/share/containers/seccomp.json >"$BATS_TEST_TMPDIR/docker.json"
    run -126 trapped --security-opt seccomp="$BATS_TEST_TMPDIR/docker.json"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 1 ]
    grep -q 'pidfd_getfd(2) or process_vm_readv(2) is forbidden by a seccomp filter; allow it: .* in Docker --cap-add SYS_PTRACE' "$BATS_TEST_TMPDIR/out"
    run -1 trapped --security-opt seccomp="$BATS_TEST_TMPDIR/docker.json" --cap-add SYS_PTRACE
    grep -q 'held by  tcp 127.0.0.1:5000  LISTEN, this process' "$BATS_TEST_TMPDIR/out"
}
