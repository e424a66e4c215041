/* SPDX-License-Identifier: MIT
 *
 * What is known of a service before its drop-in is printed, and what its settings cost.
 */
#ifndef REUSESHIM_COMMAND_COSTS_H
#define REUSESHIM_COMMAND_COSTS_H

#include "reuseshim/setup.h"
#include "unit_facts.h"

struct plan {
    const char *unit, *policy, *format; /* format NULL for none */
    bool offline;
    struct policy rules;
    struct unit_facts facts;
};

/* A comment for each setting of the unit that makes a record say less, or a rule do less, and where one line
 * would undo that, the line, commented out. libreuseshim(7) has the same as a table. */
void costs_print(const struct plan *plan);

#endif
