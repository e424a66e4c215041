/* SPDX-License-Identifier: MIT
 *
 * Where the rules of other systems were read. Pure.
 */
#ifndef REUSESHIM_COMMAND_MATRIX_SOURCES_H
#define REUSESHIM_COMMAND_MATRIX_SOURCES_H

#include "reuseshim/systems.h"

/* Where a system's rule was read, and what is not certain about it; "" for nothing. */
const char *system_source(enum system system);
const char *system_doubt(enum system system);

#endif
