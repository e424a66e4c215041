/* SPDX-License-Identifier: MIT
 *
 * Processes by their numbers, each looked at once.
 */
#ifndef REUSESHIM_COMMAND_PROCESS_TABLE_H
#define REUSESHIM_COMMAND_PROCESS_TABLE_H

#include "reuseshim/processes.h"

struct process_table {
    size_t count, room; /* open addressing; `room` is a power of two */
    struct process **places;
    bool no_memory;
};

/* What there is to know of a process; NULL, and no_memory set, where there is no memory for it. Good until
 * the table is freed. */
const struct process *process_table_find(struct process_table *table, pid_t pid);
/* The first of its ancestors that runs the same program without a break: a server and its workers are one. */
pid_t process_table_master(struct process_table *table, pid_t pid);
void process_table_free(struct process_table *table);

#endif
