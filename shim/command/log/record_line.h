/* SPDX-License-Identifier: MIT
 *
 * A record read back from its line of JSON. Pure.
 */
#ifndef REUSESHIM_COMMAND_RECORD_LINE_H
#define REUSESHIM_COMMAND_RECORD_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of a JSON string as they stand in the line, escapes and all, for as long as the line is there;
 * start NULL for null. */
struct slice {
    const char *start;
    size_t length;
};

enum { RECORD_LINE_BEHIND = 8 };

struct record_line {
    int64_t time_us; /* since 1970 */
    struct slice time, event, program, protocol, cause;
    struct slice local_path;
    int32_t local_port;                                      /* -1 where there is none */
    struct slice holder_state, holder_owner, holder_program; /* of the first holder and its first process */
    uint64_t lost;
};

/* Reads a line whose '\n' stands at `end`; RECORD_LINE_BEHIND bytes behind it may be looked at, too. NULL if
 * it is a record, else what is wrong with it, in a few words. */
const char *record_line_read(struct record_line *record, const char *line, const char *end);

#endif
