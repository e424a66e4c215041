/* SPDX-License-Identifier: MIT
 *
 * Contract in progress.h.
 */
#include "progress.h"

#include "../terminal.h"

#include <stdio.h>

enum { PATIENCE = 2 };

static time_t now(void)
{
    struct timespec time;
    return clock_gettime(CLOCK_MONOTONIC, &time) == 0 ? time.tv_sec : 0;
}

void progress_begin(struct progress *progress, bool wanted)
{
    *progress = (struct progress){.wanted = wanted && terminal_is(stderr), .next = now() + PATIENCE};
}

void progress_step(struct progress *progress, size_t rows)
{
    if (!progress->wanted || now() < progress->next)
        return;
    fprintf(stderr, "\r%zu rows tried ...", rows);
    progress->shown = true;
    progress->next = now() + 1;
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\33[K", stderr);
}
