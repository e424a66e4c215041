/* SPDX-License-Identifier: MIT
 *
 * Whether a service gets to a file of ours, and who else does.
 */
#ifndef REUSESHIM_COMMAND_REACH_H
#define REUSESHIM_COMMAND_REACH_H

#include "costs.h"

/* 0, or EXIT_TROUBLE after a line on stderr: a setting of the unit hides the file, or the service's user may
 * not read it. What is not known of the unit hides nothing. */
int reach_check(const struct plan *plan, const char *file);

/* The same if somebody may change the file, or what the path leads through, who is neither root nor the user
 * of the service: his code would run in it. A place from which the file may vanish gets a warning. */
int reach_check_writers(const struct plan *plan, const char *file);

#endif
