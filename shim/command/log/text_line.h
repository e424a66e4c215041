/* SPDX-License-Identifier: MIT
 *
 * A line of a text record, with whatever a log has put before it. Pure.
 */
#ifndef REUSESHIM_COMMAND_TEXT_LINE_H
#define REUSESHIM_COMMAND_TEXT_LINE_H

#include "reuseshim/words.h"
#include "slice.h"

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

/* The label of a detail; LABEL_COUNT for none. */
enum label text_find_label(const struct slice *body);
/* "bind(", of the call that stands first in a record's first line; NULL if there is none. */
const char *text_find_call(const struct slice *body, enum call *call);
/* Where the arguments of the call end, and what follows says how it went; NULL if that is cut off. */
const char *text_find_outcome(const struct slice *body);

#endif
