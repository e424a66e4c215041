# Control groups of version 2 for tests. A file that loads this calls remove_cgroups in its teardown_file.
# shellcheck shell=bash

cgroup_folder() {
    local top
    top=$(findmnt -fnt cgroup2 -o TARGET) && echo "$top/reuseshim-test.$$"
}

remove_cgroups() {
    local folder
    folder=$(cgroup_folder) || return 0
    find "${folder%.*}".* -depth -type d -exec rmdir {} + 2>/dev/null || true
}

# make_cgroup [PATH]: a cgroup of its own, or groups of these names below one another; the last is in $folder.
make_cgroup() {
    needs_root
    may_skip no-cgroup2
    folder=$(cgroup_folder)${1:+/$1}
    mkdir -p "$folder"
}

# background_in_cgroup COMMAND...: in that cgroup.
background_in_cgroup() {
    background ns sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$folder" "$@"
}
