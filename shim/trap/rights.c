/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. What the caller may, and where it is, beside what we may and where we are.
 */
#include "trap.h"

#include "reuseshim/proc.h"

#include <string.h>

bool trap_is_same_file(const char *one, const char *other)
{
    struct raw_identity first, second;
    return raw_identify_path(one, &first) && raw_identify_path(other, &second) &&
           first.device == second.device && first.inode == second.inode;
}

/* The lines of /proc/PID/status that say what a process may do. */
static bool read_rights(pid_t pid, char *rights, size_t size)
{
    static const char *const lines[] = {"\nUid:\t", "\nGid:\t", "\nGroups:\t", "\nCapEff:\t"};
    char path[PROC_PATH_MAX], status[8192];
    struct text text = text_in(rights, size);
    if (proc_read(pid ? proc_path(path, pid, "status") : "/proc/self/status", status, sizeof status) <= 0)
        return false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *found = strstr(status, lines[i]);
        if (found == NULL)
            return false;
        found++;
        text_bytes(&text, found, strcspn(found, "\n") + 1);
    }
    text_end(&text);
    return !text.full;
}

/* A user namespace has rights of its own, however alike the numbers are. */
bool trap_has_same_rights(pid_t tid)
{
    char ours[4096], theirs[4096], path[PROC_PATH_MAX];
    return trap_is_same_file("/proc/self/ns/user", proc_path(path, tid, "ns/user")) &&
           read_rights(0, ours, sizeof ours) && read_rights(tid, theirs, sizeof theirs) &&
           strcmp(ours, theirs) == 0;
}

bool trap_is_elsewhere(const struct trap *trap)
{
    char path[PROC_PATH_MAX];
    return !trap_is_same_file("/proc/self/ns/net", proc_path(path, trap->caller->tid, "ns/net"));
}
