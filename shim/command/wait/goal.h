/* SPDX-License-Identifier: MIT
 *
 * What reuseshim wait waits for, looked at once.
 */
#ifndef REUSESHIM_COMMAND_GOAL_H
#define REUSESHIM_COMMAND_GOAL_H

#include "../why/probe.h"

enum look { LOOK_REACHED, LOOK_NOT_YET, LOOK_HOPELESS };

struct goal {
    bool taken; /* until somebody listens; else until a server could bind */
    bool plain; /* a server that does not set SO_REUSEADDR */
    size_t count;
    struct probe probes[PROBES_MAX];
    struct probe *open; /* the one that is not as it should be */
};

/* Of a port that is to be free a bind decides, with SO_REUSEADDR for TCP, as servers set it. Nothing is bound
 * to find out that it is taken: that could be in the way of the very server that is waited for. */
enum look goal_look(struct goal *goal, struct scratch *scratch);

/* After a look that did not reach it: why. `when`: " after 30s", or "". */
void goal_write_trouble(struct text *text, struct goal *goal, const char *when, struct scratch *scratch);

#endif
