/* SPDX-License-Identifier: MIT
 *
 * The unit or container that a socket belongs to.
 */
#ifndef REUSESHIM_COMMAND_PORT_GROUPS_H
#define REUSESHIM_COMMAND_PORT_GROUPS_H

#include "reuseshim/manager.h"
#include "reuseshim/processes.h"

struct known_group {
    uint64_t id;
    struct known_group *next;
    char path[256]; /* "" where not known */
};

/* The paths that were looked up already; zero to begin with. */
struct port_groups {
    struct known_group *first;
};

struct port_group {
    char unit[128];      /* "" for none */
    char container[128]; /* "" for none */
    enum engine engine;
};

/* By the cgroup that the socket was made in (0 for not known), or where that is nobody's by the one that its
 * process is in now (0 for none). */
struct port_group port_group(struct port_groups *groups, uint64_t id, pid_t pid, const struct search *search);
void port_groups_free(struct port_groups *groups);

#endif
