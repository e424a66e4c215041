/* SPDX-License-Identifier: MIT
 *
 * Tests of the pure modules say "ok 1 - NAME" (TAP).
 */
#ifndef REUSESHIM_TESTS_TAP_H
#define REUSESHIM_TESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed;

static void ok(bool good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
    tap_failed += !good;
}

static int tap_end(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#endif
