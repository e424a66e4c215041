/* SPDX-License-Identifier: MIT
 *
 * The rows of the matrix: every pair of sockets that is tried. Pure.
 */
#ifndef REUSESHIM_COMMAND_GRID_H
#define REUSESHIM_COMMAND_GRID_H

#include "reuseshim/systems.h"

enum mode {
    MODE_NONE,
    MODE_LISTEN,
    MODE_MULTICAST,
    MODE_CONNECTED,
    MODE_TIME_WAIT,
    MODE_SECOND_LISTEN,
    MODE_COUNT
};

struct grid_row {
    int protocol;
    enum mode mode;
    const char *address1, *address2;
    uint8_t asks1, asks2;
    bool other_user; /* the second socket is of one */
};

/* Calls `each` for every row, in an order that does not change: how many there are. */
size_t grid_rows(void (*each)(void *context, const struct grid_row *row), void *context);

const char *mode_word(enum mode mode);
/* What a system answers to the second socket: to its bind, and then to its listen where both do. */
struct system_answer grid_judge(enum system system, const struct grid_row *row);
/* The two sockets of a row, on that port. */
void grid_sockets(const struct grid_row *row, uint16_t port, struct system_socket sockets[2]);

#endif
