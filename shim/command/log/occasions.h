/* SPDX-License-Identifier: MIT
 *
 * Who was refused what, by whom and when: each combination once, in bounded memory.
 */
#ifndef REUSESHIM_COMMAND_OCCASIONS_H
#define REUSESHIM_COMMAND_OCCASIONS_H

#include "tally.h"
#include "timeline.h"

enum { OCCASIONS_MAX = 1024, OCCASION_SLOTS = 4 * OCCASIONS_MAX };

/* What one is told apart by. */
enum occasion_name { OCCASION_PORT, OCCASION_CAUSE, OCCASION_HOLDER, OCCASION_PROGRAM, OCCASION_NAMES };

struct occasion {
    char names[OCCASION_NAMES][TALLY_KEY];
    uint64_t count, timed;
    int64_t first, last; /* seconds since 1970, if `timed` */
    struct timeline timeline;
};

/* All zero to begin with. Once there are OCCASIONS_MAX, others are counted alone. */
struct occasions {
    uint32_t count;
    uint64_t others;
    uint16_t slots[OCCASION_SLOTS]; /* 1 + index of a row; 0: free */
    struct occasion rows[OCCASIONS_MAX];
};

/* `second`: NULL where it is not known. */
void occasions_add(struct occasions *occasions, char names[OCCASION_NAMES][TALLY_KEY], const int64_t *second);
/* The most frequent first. Nothing may be added afterwards. */
void occasions_sort(struct occasions *occasions);

#endif
