/* SPDX-License-Identifier: MIT
 *
 * The owner that does not show. A daemon that gave up root is not dumpable, and hides its descriptors even
 * from its own user (ptrace(2), "Ptrace access mode checking"); its cgroup, its user and its name still show.
 * Contract in steps.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/proc.h"
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CANDIDATES_MAX = 64 };

/* Processes that may have one holder open. */
struct candidates {
    const struct holder *holder;
    const char *group; /* "" where it is not known, or everybody's */
    uint32_t count;
    pid_t pids[CANDIDATES_MAX];
    bool too_many;
};

static bool hides_descriptors(pid_t pid)
{
    char path[PROC_PATH_MAX];
    int fd = raw_open(proc_path(path, pid, "fd"), O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0)
        raw_close(fd);
    return fd == -EACCES || fd == -EPERM;
}

static bool has_user(pid_t pid, uint32_t uid, char room[ARGUMENTS_ROOM])
{
    char path[PROC_PATH_MAX];
    uint64_t value;
    (void)proc_read(proc_path(path, pid, "status"), room, ARGUMENTS_ROOM);
    return proc_number(room, "\nUid:\t", UINT32_MAX, &value) && value == uid;
}

static void consider(struct candidates *candidates, pid_t pid, struct conflict *conflict)
{
    char group[CGROUP_ROOM] = "";
    if (!hides_descriptors(pid) || !process_may_hold(pid))
        return;
    if (candidates->group[0])
        process_cgroup(pid, group, conflict->room);
    if (candidates->group[0] ? strcmp(group, candidates->group) != 0
                             : !has_user(pid, candidates->holder->uid, conflict->room))
        return;
    if (candidates->count == CANDIDATES_MAX)
        candidates->too_many = true;
    else
        candidates->pids[candidates->count++] = pid;
}

static void gather(struct candidates *candidates, struct conflict *conflict, int64_t deadline,
                   struct scratch *scratch)
{
    struct folder folder = folder_open("/proc", scratch->bytes, sizeof scratch->bytes);
    int pid;
    while (!deadline_has_passed(deadline) && folder_next_number(&folder, &pid) != NULL)
        consider(candidates, (pid_t)pid, conflict);
    candidates->too_many |= deadline_has_passed(deadline);
    folder_close(&folder);
}

/* Drops those of other users, if any is of the socket's: a helper of the same service, say. */
static void keep_user(struct candidates *candidates, char room[ARGUMENTS_ROOM])
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < candidates->count; i++)
        if (has_user(candidates->pids[i], candidates->holder->uid, room)) {
            pid_t pid = candidates->pids[i];
            candidates->pids[i] = candidates->pids[kept];
            candidates->pids[kept++] = pid;
        }
    candidates->count = kept ? kept : candidates->count;
}

/* All of one program, or it is not likely that it is any of them. */
static bool take_all(struct owners *owners, const struct candidates *candidates, const struct self *self,
                     char room[ARGUMENTS_ROOM])
{
    for (uint32_t i = 0; i < candidates->count; i++) {
        struct process *process = i < PROCESSES_MAX ? &owners->processes[i] : &owners->parent;
        process_describe(process, candidates->pids[i], self, room);
        if (strcmp(process->names.program, owners->processes[0].names.program) != 0)
            return false;
    }
    owners->parent.pid = 0;
    owners->parent.names.program[0] = '\0';
    owners->count = candidates->count;
    return candidates->count > 0;
}

static const char *group_of(const struct conflict *conflict, const struct holder *holder)
{
    const char *path = holder->cgroup ? conflict->cgroups[holder->cgroup - 1].path : "";
    return strcmp(path, "/") == 0 ? "" : path;
}

void likely_find(struct conflict *conflict, const struct self *self, int64_t deadline,
                 struct scratch *scratch)
{
    struct holder *holder = &conflict->holders[0];
    if (conflict->holder_count == 0 || holder->owner != OWNER_HIDDEN || !holder->uid_known ||
        conflict->hidden != HIDDEN_BY_PERMISSION)
        return;
    struct candidates candidates = {.holder = holder, .group = group_of(conflict, holder)};
    gather(&candidates, conflict, deadline, scratch);
    keep_user(&candidates, conflict->room);
    if (!candidates.too_many &&
        take_all(&conflict->owners[holder->owners], &candidates, self, conflict->room))
        holder->owner = OWNER_LIKELY;
}
