/* SPDX-License-Identifier: MIT
 *
 * The command lines of a service, put behind another command. Pure.
 */
#ifndef REUSESHIM_COMMAND_EXEC_START_H
#define REUSESHIM_COMMAND_EXEC_START_H

#include "reuseshim/text.h"

/* The lines ExecStart= of a unit as `systemctl cat` prints it, each with `before` in front of its program,
 * where it is not there yet: the text of the file, so that what systemd puts in for $VARIABLE and %i, and
 * quotes, stay what they are. Begins with an empty one, which takes away those that there are. NULL, or why
 * that cannot be done. */
const char *exec_start_write(struct text *lines, const char *unit, const char *before);

#endif
