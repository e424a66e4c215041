/* SPDX-License-Identifier: MIT
 *
 * Counts per stretch of time; times may come in any order, and the range is not known in advance. Pure.
 */
#ifndef REUSESHIM_COMMAND_TIMELINE_H
#define REUSESHIM_COMMAND_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { TIMELINE_PARTS = 240 };

/* All zero to begin with. The width of the parts grows as needed, from a second on, in steps that a person
 * would take: 5 s, 15 s, a minute. */
struct timeline {
    int64_t start, width; /* seconds since 1970, seconds */
    uint64_t counts[TIMELINE_PARTS];
};

void timeline_add(struct timeline *timeline, int64_t second);
/* "15 s", "2 min": what a part stands for. */
void timeline_write_width(FILE *file, int64_t seconds);
/* A row of bars, at most `columns` wide, and below it from when to when. Nothing if nothing was added. */
void timeline_draw(const struct timeline *timeline, FILE *file, int columns, bool unicode);

#endif
