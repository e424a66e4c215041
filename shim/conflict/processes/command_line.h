/* SPDX-License-Identifier: MIT
 *
 * The command line of a process, as a record may show it. Private to shim/conflict/processes. Pure.
 */
#ifndef REUSESHIM_CONFLICT_COMMAND_LINE_H
#define REUSESHIM_CONFLICT_COMMAND_LINE_H

#include <stddef.h>

/* Joins arguments, each with a NUL behind it, by blanks: of one whose name promises a secret the value is
 * "***", and where all of it does not fit the middle is "...". Returns the length; there is no NUL. */
size_t command_line_write(char *line, size_t size, const char *arguments, size_t length);

#endif
