/* SPDX-License-Identifier: MIT
 *
 * Another system's answers, and what other systems would have said. Private to shim/hooks.
 */
#ifndef REUSESHIM_HOOKS_EMULATE_H
#define REUSESHIM_HOOKS_EMULATE_H

#include "repetition.h"

#include "reuseshim/neighbours.h"

struct emulation {
    struct workspace work;
    struct neighbours neighbours;
    struct raw_mask mask;
    enum system system;
    struct system_answer answer;
    bool known; /* it hangs on nothing that cannot be seen */
};

/* Waits until nobody else in this network namespace is in an emulated call, at most for the budget. */
int emulation_turn(unsigned budget_ms);
void emulation_turn_ends(int turn);

/* Writes a record "portability" with that message; without one, the record that `work` holds. */
void portability_emit(struct workspace *work, const struct hooked_call *hooked, const char *message);

/* After a refusal that was explained: who else would have allowed it. */
void portability_of_refusal(struct workspace *work, const struct hooked_call *hooked);

#endif
