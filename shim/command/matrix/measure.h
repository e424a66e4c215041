/* SPDX-License-Identifier: MIT
 *
 * What this kernel answers to a row of the matrix, by doing it.
 */
#ifndef REUSESHIM_COMMAND_MEASURE_H
#define REUSESHIM_COMMAND_MEASURE_H

#include "grid.h"

/* Where rows are tried: a network namespace of this process's own if it may make one, else free ports of the
 * machine. */
struct place {
    bool alone;
    bool has_users; /* sockets of another user can be made */
    bool has_ipv6;
    uint16_t port; /* the next one; alone */
};
void place_begin(struct place *place);

enum { NOT_MEASURED = -1 };
/* 0, the errno of the second socket's bind (or of the option that it wants), or NOT_MEASURED: there is no
 * second user, or no IPv6, here, or the first socket could not be made. */
int measure_row(struct place *place, const struct grid_row *row);

#endif
