/* SPDX-License-Identifier: MIT
 *
 * A record read back from its lines of text, with whatever a log has put before them. Pure but for the time
 * zone.
 */
#ifndef REUSESHIM_COMMAND_TEXT_RECORD_H
#define REUSESHIM_COMMAND_TEXT_RECORD_H

#include "record_line.h"

struct text_line {
    enum {
        TEXT_OTHER,
        TEXT_HEAD,
        TEXT_DETAIL
    } kind;               /* of somebody else; the first line of a record; a line below it */
    uint64_t pid;         /* 0 where the line has none */
    struct slice program; /* if what stands before the body says it */
    struct slice body;    /* behind "reuseshim[1234] " */
};

/* What kind of line it is. `ours`: of a message that is known to be a record's, so that no "reuseshim[PID]"
 * has to be there. */
void text_line_read(struct text_line *line, const struct slice *whole, bool ours);

/* A record that may have further lines. What it keeps is copied: the lines may go. */
struct text_record {
    bool open;
    uint64_t pid;
    struct record_line record;
    char room[1024];
    size_t used;
};

/* Begins a record by its first line; NULL, or what is wrong with the line. */
const char *text_record_begin(struct text_record *text, const struct text_line *line);
/* Adds a line below it. False if it is another record's. */
bool text_record_add(struct text_record *text, const struct text_line *line);

#endif
