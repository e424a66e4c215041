/* SPDX-License-Identifier: MIT
 *
 * The part of a drop-in that puts a service under the trap of `reuseshim run`, where no library is preloaded.
 */
#ifndef REUSESHIM_COMMAND_TRAPPED_H
#define REUSESHIM_COMMAND_TRAPPED_H

#include "../program/target.h"
#include "costs.h"

struct trapped_lines {
    char command[1024]; /* the path of this command */
    char exec_start[65536];
};

/* 0, or an exit code after a line on stderr: the command lines cannot be had, or the service does not get to
 * this command. */
int trapped_prepare(struct trapped_lines *lines, const struct plan *plan);
void trapped_print(const struct trapped_lines *lines, const struct plan *plan, const struct target *target);

#endif
