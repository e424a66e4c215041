/* SPDX-License-Identifier: MIT
 *
 * Rules that can never match, and what in a rule can never act. Pure.
 */
#ifndef REUSESHIM_COMMAND_NEVER_H
#define REUSESHIM_COMMAND_NEVER_H

#include "reuseshim/policy.h"

/* Why the rule at `index` can never match, or what of it never acts, as a sentence; false if neither is
 * proven. The rules before it in the same text count, not those of other texts: REUSESHIM_RULES is there to
 * come before a policy. */
bool rule_never(struct text *text, const struct rule *rules, size_t index);

#endif
