/* SPDX-License-Identifier: MIT
 *
 * Services whose command only has another program started elsewhere: a container, another root.
 */
#ifndef REUSESHIM_COMMAND_STARTER_H
#define REUSESHIM_COMMAND_STARTER_H

#include "costs.h"

/* A line on stderr, and a comment for the drop-in, if ExecStart= is such a command. */
void starter_tell(const struct plan *plan, const char *library);

#endif
