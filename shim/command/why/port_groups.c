/* SPDX-License-Identifier: MIT
 *
 * Contract in port_groups.h.
 */
#include "port_groups.h"

#include "reuseshim/proc.h"
#include "reuseshim/text.h"

#include <stdlib.h>
#include <string.h>

/* A machine has many sockets and few groups. */
static const char *path_of(struct port_groups *groups, uint64_t id, const struct search *search)
{
    char folder[320];
    struct known_group *group = groups->first;
    while (group && group->id != id)
        group = group->next;
    if (group)
        return group->path;
    group = calloc(1, sizeof *group);
    if (group == NULL)
        return "";
    group->id = id;
    group->next = groups->first;
    groups->first = group;
    const char *path = cgroup_find(id, folder, sizeof folder, search);
    if (path && strlen(path) < sizeof group->path)
        memcpy(group->path, path, strlen(path) + 1);
    return group->path;
}

static bool is_somebody(const struct manager *manager)
{
    return manager->unit.length || manager->container.length;
}

/* Where a process is now, in version 2 or in systemd's own hierarchy of version 1: "0::/x",
 * "1:name=systemd:/x". The manager points into `text`. */
static struct manager manager_of_process(char *text, size_t size, pid_t pid)
{
    static const char *const labels[] = {"0::", ":name=systemd:"};
    char file[PROC_PATH_MAX];
    struct manager manager = {.engine = ENGINE_NONE};
    (void)proc_read(proc_path(file, pid, "cgroup"), text, size);
    for (char *line = text, *end; *line && !is_somebody(&manager); line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
            const char *label = strstr(line, labels[i]);
            if (label && !is_somebody(&manager))
                manager = manager_of(label + strlen(labels[i]));
        }
    }
    return manager;
}

static void copy(char *to, size_t size, struct part part)
{
    size_t length = part.length < size ? part.length : size - 1;
    if (length)
        memcpy(to, part.start, length);
    to[length] = '\0';
}

struct port_group port_group(struct port_groups *groups, uint64_t id, pid_t pid, const struct search *search)
{
    char text[4096];
    struct port_group group = {.engine = ENGINE_NONE};
    struct manager manager = manager_of(id ? path_of(groups, id, search) : "");
    if (!is_somebody(&manager) && pid)
        manager = manager_of_process(text, sizeof text, pid);
    copy(group.unit, sizeof group.unit, manager.unit);
    copy(group.container, sizeof group.container, manager.container);
    group.engine = manager.engine;
    return group;
}

void port_groups_free(struct port_groups *groups)
{
    while (groups->first) {
        struct known_group *next = groups->first->next;
        free(groups->first);
        groups->first = next;
    }
}
