/* SPDX-License-Identifier: MIT
 *
 * What an answer leads to: lines below all answers.
 */
#ifndef REUSESHIM_COMMAND_NOTES_H
#define REUSESHIM_COMMAND_NOTES_H

#include "probe.h"

enum { NOTED_USERS_MAX = 16, NOTED_PORTS_SIZE = 256, RESERVED_SIZE = 4096 };

struct notes {
    size_t user_count;
    uint32_t users[NOTED_USERS_MAX];
    bool hidden; /* an owner that another user may see */
    /* Free ports that the kernel may give to any client. */
    struct port_range automatic; /* last 0 where it is not known */
    char reserved[RESERVED_SIZE];
    struct port_range last;
    char ports[NOTED_PORTS_SIZE];
    struct text list; /* in `ports` */
};

void notes_begin(struct notes *notes);
/* The probes of one port, and whether it is free as a whole. */
void notes_take(struct notes *notes, const struct probe *probes, size_t count, bool is_free);
/* `again`: the command that shows hidden owners, NULL where there is none. */
void notes_show(struct notes *notes, const char *again);

/* "the owner is hidden ...: COMMAND" */
void notes_show_hidden(const char *again);
void notes_show_line(const char *line);

#endif
