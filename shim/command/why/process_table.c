/* SPDX-License-Identifier: MIT
 *
 * Contract in process_table.h.
 */
#include "process_table.h"

#include "reuseshim/command.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

static size_t place_of(const struct process_table *table, pid_t pid)
{
    size_t place = (size_t)pid * 2654435761U & (table->room - 1);
    while (table->places[place] && table->places[place]->pid != pid)
        place = (place + 1) & (table->room - 1);
    return place;
}

static bool make_room(struct process_table *table)
{
    struct process **old = table->places;
    size_t old_room = table->room, room = old_room ? 2 * old_room : FIRST_ROOM;
    if (2 * table->count < old_room)
        return true;
    struct process **processes = calloc(room, sizeof *processes);
    if (processes == NULL)
        return false;
    table->places = processes;
    table->room = room;
    for (size_t i = 0; i < old_room; i++)
        if (old[i])
            processes[place_of(table, old[i]->pid)] = old[i];
    free(old);
    return true;
}

const struct process *process_table_find(struct process_table *table, pid_t pid)
{
    static const struct self nobody = {.pid = -1};
    static char room[ARGUMENTS_ROOM];
    if (!make_room(table)) {
        table->no_memory = true;
        return NULL;
    }
    struct process **place = &table->places[place_of(table, pid)], *process = *place;
    if (process)
        return process;
    process = calloc(1, sizeof *process);
    if (process == NULL) {
        table->no_memory = true;
        return NULL;
    }
    *place = process;
    table->count++;
    process_describe(process, pid, &nobody, room);
    if (command_names_only())
        process->command_length = 0;
    return process;
}

pid_t process_table_master(struct process_table *table, pid_t pid)
{
    enum { DEPTH = 16 };
    for (int depth = 0; depth < DEPTH; depth++) {
        const struct process *process = process_table_find(table, pid);
        const struct process *parent =
            process && process->parent > 1 ? process_table_find(table, process->parent) : NULL;
        if (parent == NULL || parent->names.program[0] == '\0' ||
            strcmp(parent->names.program, process->names.program) != 0)
            break;
        pid = parent->pid;
    }
    return pid;
}

void process_table_free(struct process_table *table)
{
    for (size_t i = 0; i < table->room; i++)
        free(table->places[i]);
    free(table->places);
}
