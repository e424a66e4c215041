/* SPDX-License-Identifier: MIT
 *
 * Until when to look: nanoseconds on CLOCK_MONOTONIC. Async-signal-safe.
 */
#ifndef REUSESHIM_DEADLINE_H
#define REUSESHIM_DEADLINE_H

#include "reuseshim/raw.h"

#include <time.h>

static inline int64_t deadline_in(unsigned milliseconds)
{
    return raw_clock(CLOCK_MONOTONIC) + (int64_t)milliseconds * 1000000;
}

static inline bool deadline_has_passed(int64_t deadline)
{
    return raw_clock(CLOCK_MONOTONIC) >= deadline;
}

static inline int64_t microseconds_since(int64_t started)
{
    return (raw_clock(CLOCK_MONOTONIC) - started) / 1000;
}

#endif
