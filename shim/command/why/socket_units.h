/* SPDX-License-Identifier: MIT
 *
 * The socket units of systemd(1): it makes their sockets itself, so no cgroup tells which is whose.
 */
#ifndef REUSESHIM_COMMAND_SOCKET_UNITS_H
#define REUSESHIM_COMMAND_SOCKET_UNITS_H

#include "reuseshim/holder.h"

struct socket_unit {
    char protocol[8]; /* "tcp", "udp" */
    char local[80];   /* as endpoint_write has it */
    char name[128];
    struct socket_unit *next;
};

struct socket_units {
    bool asked;
    struct socket_unit *first;
};

/* The unit of a socket that process 1 has open, "" if there is none or nobody tells. Asks systemctl(1), once.
 */
const char *socket_unit(struct socket_units *units, const struct holder *holder);
void socket_units_free(struct socket_units *units);

#endif
