/* SPDX-License-Identifier: MIT
 *
 * Who keeps a holder running: a unit, a container, a supervisor. Contract in steps.h and conflict.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/proc.h"
#include "reuseshim/raw.h"
#include "steps.h"

#include <fcntl.h>
#include <string.h>

static bool ends_in(struct part part, const char *suffix)
{
    size_t length = strlen(suffix);
    return part.length > length && memcmp(part.start + part.length - length, suffix, length) == 0;
}

/* systemd itself, which has the socket before the service was ever started. */
bool keeper_is_systemd(const struct owners *owners)
{
    return owners->count && owners->processes[0].pid == 1 &&
           strcmp(owners->processes[0].names.program, "systemd") == 0;
}

struct manager conflict_manager(const struct conflict *conflict, const struct holder *holder)
{
    const struct owners *owners = &conflict->owners[holder->owners];
    const char *of_socket = holder->cgroup ? conflict->cgroups[holder->cgroup - 1].path : "";
    struct manager by_socket = manager_of(of_socket), by_process = manager_of(owners->cgroup);
    if (keeper_is_systemd(owners) && by_socket.unit.length == 0 && conflict->socket_unit[0])
        by_socket.unit = (struct part){conflict->socket_unit, strlen(conflict->socket_unit)};
    /* A socket was perhaps made by systemd for its service, or by a shell before the service began. */
    bool is_socket_unit = ends_in(by_socket.unit, ".socket") && by_process.unit.length == 0;
    return owners->cgroup[0] == '\0' || is_socket_unit ? by_socket : by_process;
}

static bool same(struct part one, struct part other)
{
    return one.length && one.length == other.length && memcmp(one.start, other.start, one.length) == 0;
}

bool conflict_is_own_unit(const struct conflict *conflict, const struct manager *manager)
{
    struct manager own = manager_of(conflict->own_cgroup);
    return same(own.unit, manager->unit) &&
           (same(own.container, manager->container) || own.container.length + manager->container.length == 0);
}

bool conflict_is_own_container(const struct conflict *conflict, const struct manager *manager)
{
    return same(manager_of(conflict->own_cgroup).container, manager->container);
}

/* The master of a server is the one to talk about, and perhaps it has a parent here, too. Numbers that are
 * used again while they are read can make a circle of them. */
static void parents_first(struct owners *owners)
{
    uint32_t count = owners->count < PROCESSES_MAX ? owners->count : PROCESSES_MAX;
    for (uint32_t moved = 1; moved < count; moved++) {
        uint32_t i = 1;
        while (i < count && owners->processes[i].pid != owners->processes[0].parent)
            i++;
        if (i == count)
            return;
        struct process parent = owners->processes[i];
        memmove(&owners->processes[1], &owners->processes[0], i * sizeof parent);
        owners->processes[0] = parent;
    }
}

/* Their services are folders, which they work in. */
static bool works_in_folder(const char *program)
{
    return strcmp(program, "runsv") == 0 || strcmp(program, "s6-supervise") == 0 ||
           strcmp(program, "supervise") == 0;
}

static const char *variable_of(const char *variables, size_t length, const char *name)
{
    size_t size = strlen(name);
    for (size_t at = 0; at < length; at += strnlen(variables + at, length - at) + 1)
        if (length - at > size && memcmp(variables + at, name, size) == 0 && variables[at + size] == '=')
            return variables + at + size + 1;
    return "";
}

/* supervisord tells its programs what it calls them. */
static void find_kept_as(struct owners *owners, const struct self *self, char room[ARGUMENTS_ROOM])
{
    char path[PROC_PATH_MAX];
    struct text text = text_in(owners->kept_as, sizeof owners->kept_as);
    if (works_in_folder(owners->parent.names.program)) {
        ssize_t length =
            raw_readlinkat(AT_FDCWD, proc_path(path, owners->parent.pid, "cwd"), room, ARGUMENTS_ROOM);
        text_bytes(&text, room, length > 0 ? (size_t)length : 0);
    } else if (strcmp(owners->parent.names.program, "supervisord") == 0 &&
               !process_may_stall(&owners->processes[0], self)) {
        ssize_t length =
            proc_read(proc_path(path, owners->processes[0].pid, "environ"), room, ARGUMENTS_ROOM);
        size_t size = length > 0 ? (size_t)length : 0;
        const char *name = variable_of(room, size, "SUPERVISOR_PROCESS_NAME");
        const char *group = variable_of(room, size, "SUPERVISOR_GROUP_NAME");
        if (group[0] && name[0] && strcmp(group, name) != 0)
            text_strings(&text, group, ":");
        text_string(&text, name);
    }
    text_end(&text);
    if (text.full)
        owners->kept_as[0] = '\0';
}

void keepers_find(struct conflict *conflict, const struct self *self)
{
    enum { LOOKED_AT = 4 };
    for (uint32_t i = 0; i < conflict->holder_count && i < LOOKED_AT; i++) {
        struct owners *owners = &conflict->owners[conflict->holders[i].owners];
        if (owners->count == 0)
            continue;
        parents_first(owners);
        process_cgroup(owners->processes[0].pid, owners->cgroup, conflict->room);
        if (owners->processes[0].parent <= 1 || deadline_has_passed(conflict->deadline))
            continue;
        process_describe(&owners->parent, owners->processes[0].parent, self, conflict->room);
        find_kept_as(owners, self, conflict->room);
    }
    process_cgroup(self->pid, conflict->own_cgroup, conflict->room);
}
