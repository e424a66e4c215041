/* SPDX-License-Identifier: MIT
 *
 * Can records go where they are sent? Asked before the program runs, when it can still be told.
 */
#ifndef REUSESHIM_COMMAND_LOG_PLACE_H
#define REUSESHIM_COMMAND_LOG_PLACE_H

#include "reuseshim/settings.h"

/* 0, or EXIT_USAGE after a line on stderr: a descriptor that is not open for writing or not after an exec, a
 * path that cannot be opened as the library opens it. Nothing is created. */
int log_place_check(const struct settings *settings);

#endif
