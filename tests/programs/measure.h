/* SPDX-License-Identifier: MIT
 *
 * Time, and the order of what was measured.
 */
#ifndef REUSESHIM_TESTS_MEASURE_H
#define REUSESHIM_TESTS_MEASURE_H

#include <time.h>

/* Nanoseconds. */
static inline double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#endif
