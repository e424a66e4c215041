/* SPDX-License-Identifier: MIT
 *
 * When Linux (3.9 and later) refuses a local port or a connection, as predicates with three answers. Pure.
 * Proved against the kernel by tests/kernel.
 */
#ifndef REUSESHIM_RULES_H
#define REUSESHIM_RULES_H

#include "reuseshim/holder.h"

/* Does `holder` make the kernel refuse the newcomer's call? If the kernel chooses the port: does it rule the
 * holder's port out? */
tristate rules_blocks(const struct newcomer *newcomer, const struct holder *holder);

/* Do their devices and local addresses meet? */
tristate rules_overlap(const struct newcomer *newcomer, const struct holder *holder);

/* Is its 4-tuple the one that connect() asks for? */
tristate rules_same_tuple(const struct newcomer *newcomer, const struct holder *holder);

/* Are both of one user, as far as that is known? */
tristate rules_same_user(const struct newcomer *newcomer, const struct holder *holder);

/* It leaves the choice of a port to the kernel: bind to port 0, listen or connect without bind. (bindresvport
 * tries one port after the other itself.) */
bool rules_is_automatic(const struct newcomer *newcomer);

/* The two are of different families and meet through a dual-stack [::]. */
bool rules_is_dual_stack(const struct newcomer *newcomer, const struct holder *holder);

/* TIME_WAIT, or the FIN_WAIT2 leftover that the kernel treats as one. */
bool rules_is_time_wait(const struct holder *holder);

/* A request that is not a connection yet; it holds no port. */
bool rules_is_request(const struct holder *holder);

#endif
