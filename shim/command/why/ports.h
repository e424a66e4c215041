/* SPDX-License-Identifier: MIT
 *
 * All sockets of this network namespace that have a port and no peer, gathered to rows: what one program has
 * on one address and port is one row.
 */
#ifndef REUSESHIM_COMMAND_PORTS_H
#define REUSESHIM_COMMAND_PORTS_H

#include "operand.h"
#include "port_groups.h"
#include "process_table.h"
#include "socket_units.h"

/* One socket on its way into a row. */
struct port_socket {
    struct holder holder;
    uint32_t first_owner, owner_count; /* in ports->owners */
    pid_t master;                      /* 0 where no process is known */
};

/* A process has a socket open. */
struct port_owner {
    uint32_t socket; /* index, by inode */
    pid_t pid;
};

struct port_row {
    const struct holder *holder; /* the first of its sockets; they differ in nothing that is shown */
    uint32_t sockets;            /* how many it stands for */
    /* On the same protocol, address and port, in this row and in others. */
    uint32_t shared, instances, programs, users;
    uint32_t first_process, process_count; /* in ports->row_processes; the master first */
    enum owner owner;
    enum hidden hidden;
    struct port_group group;
};

struct ports {
    size_t row_count;
    struct port_row *rows; /* by protocol, port, family and address */
    const struct process **row_processes;
    bool all_sockets, shows_bound;
    /* What the rows are made of. */
    size_t socket_count, owner_count;
    struct port_socket *sockets;
    struct port_owner *owners;
    struct process_table processes;
    struct port_groups groups;
    struct socket_units socket_units;
    bool no_memory;
};

/* False, after a complaint, if there is no memory or nothing tells which sockets there are. */
bool ports_find(struct ports *ports, const struct kinds *asked, struct scratch *scratch);
void ports_free(struct ports *ports);

#endif
