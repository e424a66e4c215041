/* SPDX-License-Identifier: MIT
 *
 * Whether a refusal is worth waiting for, and how long. Pure.
 */
#ifndef REUSESHIM_PATIENCE_H
#define REUSESHIM_PATIENCE_H

#include "reuseshim/conflict.h"

/* Does a process surely hold what refuses us, so that removing leftovers would be in vain, and harm? */
bool patience_somebody_blocks(const struct conflict *conflict);

/* How long to sleep before the next try, of `left` milliseconds that may be waited; *pause_ms begins with
 * PAUSE_FIRST_MS and grows. `conflict` may be NULL. PAUSE_IN_VAIN if what blocks surely stays for longer. */
enum { PAUSE_FIRST_MS = 5, PAUSE_IN_VAIN = -1 };
int64_t patience_pause(const struct conflict *conflict, int64_t *pause_ms, int64_t left);

/* Beside `evict`: would waiting be for something else than what an earlier instance leaves? */
bool patience_is_in_vain(const struct conflict *conflict, int error);

#endif
