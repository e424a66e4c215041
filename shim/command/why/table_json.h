/* SPDX-License-Identifier: MIT
 *
 * A row of the list of ports as a line of JSON.
 */
#ifndef REUSESHIM_COMMAND_TABLE_JSON_H
#define REUSESHIM_COMMAND_TABLE_JSON_H

#include "ports.h"

/* Prints it; false, and nothing printed, where there is no memory. */
bool table_json(const struct ports *ports, const struct port_row *row);

#endif
