/* SPDX-License-Identifier: MIT
 *
 * Many records in few lines.
 */
#ifndef REUSESHIM_COMMAND_SUMMARY_H
#define REUSESHIM_COMMAND_SUMMARY_H

#include "occasions.h"
#include "record_line.h"
#include "tally.h"
#include "timeline.h"

enum { DAMAGED_NAMED = 3 };

struct damage {
    const char *file; /* whose memory is not ours */
    uint64_t line;
    const char *trouble;
};

/* All zero to begin with; its size does not grow. Ports, causes, holders, programs, the timeline and the
 * occasions are about calls that were refused: the events "conflict" and "refused". */
struct summary {
    uint64_t records, conflicts, refused, repeated, untimed, lost, damaged, foreign;
    int64_t first_us, last_us; /* of those whose time is known */
    struct damage damage[DAMAGED_NAMED];
    struct tally events, ports, causes, holders, programs;
    struct timeline timeline;
    struct occasions *occasions; /* NULL: not wanted */
};

void summary_add(struct summary *summary, const struct record_line *record);
void summary_add_damage(struct summary *summary, const char *file, uint64_t line, const char *trouble);
/* For a person, `top` rows of each; for a program. Nothing may be added afterwards. */
void summary_show(struct summary *summary, unsigned top);
void summary_json(struct summary *summary, unsigned top);
/* How many records, of when, and what is wrong with the rest, a line each. */
void summary_show_head(const struct summary *summary, FILE *file);

#endif
