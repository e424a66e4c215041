/* SPDX-License-Identifier: MIT
 *
 * reuseshim why without a port: all ports of this network namespace, a line each.
 */
#ifndef REUSESHIM_COMMAND_TABLE_H
#define REUSESHIM_COMMAND_TABLE_H

#include "request.h"

/* Prints the list, as the request wants it; returns the exit code. */
int table_show(const struct request *request);

#endif
