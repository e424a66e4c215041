/* SPDX-License-Identifier: MIT
 *
 * A rule in the words of the language.
 */
#ifndef REUSESHIM_COMMAND_DESCRIBE_H
#define REUSESHIM_COMMAND_DESCRIBE_H

#include "reuseshim/policy.h"

/* Writes the rule as reuseshim.policy(5) has it, always in the same order; parsed again, it is the same rule.
 * The rule must not have been resolved for a program. Pure. */
void rule_describe(struct text *text, const struct rule *rule);

#endif
