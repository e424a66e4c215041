# A whole machine of its own under a real systemd: this one's files with a layer over them that is thrown away, its own
# processes, network and control groups. start_machine once for a file of tests.
# shellcheck shell=bash

machine_groups() {
    local top
    for top in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ ! -w "$top/cgroup.procs" ] || echo "$top/reuseshim-test.$$"
    done
}

# The library and the command are installed there as a user would; $MACHINE is the process that is its init. With
# machine_preload=all the library stands in /etc/ld.so.preload before anything runs there. systemd-nspawn forbids one call that the
# trap needs; machine_calls: others that are allowed, or with ~ forbidden, instead.
start_machine() {
    local folder=$BATS_FILE_TMPDIR/machine group
    mkdir "$folder"
    mapfile -t groups < <(machine_groups)
    mkdir "${groups[@]}"
    (
        for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
        exec unshare --mount sh -ec '
            mount -t tmpfs none "$0" && mount -t tmpfs none /run && cd "$0" && mkdir upper work root
            mount -t overlay none -o lowerdir=/,upperdir=upper,workdir=work root
            rm -f root/etc/machine-id
            find root/usr/local -depth -name "*reuseshim*" -exec rm -rf {} +
            make -s -C "$1" BUILD="$2" DESTDIR="$0/root" PREFIX=/usr/local install >/dev/null
            mkdir -p root/opt/test && cp "$2"/programs/sock "$2"/programs/legacy root/opt/test/
            echo "int main(void) { return 0; }" >p.c && gcc -static -o root/opt/test/static p.c
            [ "$3" != all ] || chroot root find /usr/local -name libreuseshim.so -not -path "*/lib32/*" >root/etc/ld.so.preload
            exec systemd-nspawn -q -D "$0/root" --register=no --keep-unit --boot --private-network --link-journal=no --system-call-filter="${4:-pidfd_getfd}" \
                systemd.unit=basic.target systemd.log_target=journal' "$folder" "$TOP" "$BUILD" "${machine_preload:-}" "${machine_calls:-}" \
            </dev/null >"$BATS_FILE_TMPDIR/console" 2>&1 3>&-
    ) 3>&- &
    echo "$!" >"$BATS_FILE_TMPDIR/nspawn"
    until_true find_machine
    until_true machine systemctl is-active basic.target
    machine ip link set lo up
}

find_machine() {
    MACHINE=$(pgrep -P "$(cat "$BATS_FILE_TMPDIR/nspawn")" -x systemd) && echo "$MACHINE" >"$BATS_FILE_TMPDIR/init"
}

machine() {
    nsenter --target "${MACHINE:-$(cat "$BATS_FILE_TMPDIR/init")}" --mount --uts --ipc --net --pid --cgroup -- "$@"
}

stop_machine() {
    local group
    kill -KILL "$(cat "$BATS_FILE_TMPDIR/init")" "$(cat "$BATS_FILE_TMPDIR/nspawn")" 2>/dev/null || true
    for group in $(machine_groups); do
        until_true group_is_gone "$group"
    done
}

group_is_gone() {
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -d "$1" ]
}

# service NAME LINE...: a unit of these lines of [Service].
service() {
    local name=$1
    shift
    printf '[Service]\n' | cat - <(printf '%s\n' "$@") | machine sh -c 'cat >/etc/systemd/system/$0.service; systemctl daemon-reload' "$name"
}

# drop_in NAME OPTION...: what reuseshim unit prints for it, put where it says.
drop_in() {
    machine sh -ec 'mkdir -p /etc/systemd/system/$0.service.d
        reuseshim unit "$0.service" "$@" >/etc/systemd/system/$0.service.d/reuseshim.conf
        systemctl daemon-reload' "$@"
    drop=$(machine cat "/etc/systemd/system/$1.service.d/reuseshim.conf")
}
