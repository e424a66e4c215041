/* SPDX-License-Identifier: MIT
 *
 * A record read back from its line of JSON. Pure.
 */
#ifndef REUSESHIM_COMMAND_RECORD_LINE_H
#define REUSESHIM_COMMAND_RECORD_LINE_H

#include "slice.h"

/* Of a record about another refusal than that something is taken. */
#define RECORD_REFUSED "refused"

struct record_line {
    int64_t time_us; /* since 1970 */
    bool timed;      /* a text record does not tell its time itself */
    enum encoding encoding;
    struct slice time, event, program, protocol, cause;
    struct slice local_path;
    int32_t local_port; /* -1 where there is none */
    /* Of the first holder and its first process. */
    struct slice holder_state, holder_owner, holder_program, holder_unit, holder_container;
    uint64_t repeated, lost;
};

/* What record_line_read says of a JSON object that is somebody else's. */
extern const char record_line_foreign[];

/* Reads a line whose '\n' stands at `end`; JSON_BEHIND bytes behind it may be looked at, too. NULL if it is a
 * record, else what is wrong with it, in a few words. */
const char *record_line_read(struct record_line *record, const char *line, const char *end);

#endif
