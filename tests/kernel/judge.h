/* SPDX-License-Identifier: MIT
 *
 * What the kernel did, against what the model says and what the library wrote.
 */
#ifndef TESTS_KERNEL_JUDGE_H
#define TESTS_KERNEL_JUDGE_H

#include "reuseshim/conflict.h"

#include <stdio.h>

struct tally {
    long outcomes, refusals, mismatches;
    long records, missing, no_blocker, wrong_blocks, wrong_cause; /* all but the first must stay 0 */
    long unsure_blocks, unsure_cause;                             /* null */
};

/* One outcome, for a later replay under a bent rule. */
struct trial {
    struct newcomer newcomer;
    struct holder holder;
    bool refused;
};

/* Compares the model with the kernel for one socket that is there and writes the trial to `trials`, if not
 * NULL. */
void judge_pair(struct tally *tally, const struct newcomer *newcomer, const struct holder *holder,
                bool refused, FILE *trials);

/* Compares the record that the witness just left with the truth: `there` are all the sockets on the port.
 * Before 6.8 the kernel shows no bound-only TCP socket; then no record can name one, and it has to be null or
 * "unseen" where none but these block. */
void judge_record(struct tally *tally, const struct newcomer *newcomer, const struct holder *there,
                  unsigned count);

bool judge_is_clean(const struct tally *tally);
void judge_write(char *line, size_t size, const char *name, const struct tally *tally);

#endif
