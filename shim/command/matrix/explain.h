/* SPDX-License-Identifier: MIT
 *
 * One situation, and what each system says to it.
 */
#ifndef REUSESHIM_COMMAND_MATRIX_EXPLAIN_H
#define REUSESHIM_COMMAND_MATRIX_EXPLAIN_H

#include "request.h"

/* Prints a line for each system that is asked for; the exit code. */
int explain(const struct request *request);

#endif
