/* SPDX-License-Identifier: MIT
 *
 * What a process has been refused already. A program that tries again and again pays for the first
 * explanations only. Private to shim/hooks.
 *
 * The one thing that this library remembers between calls. It lies in a mapping of its own that is made at
 * the first refusal, and a child of fork(2) begins with an empty one. Whoever finds it in use, by another
 * thread or by what a signal has interrupted, does without. All are async-signal-safe.
 */
#ifndef REUSESHIM_HOOKS_REPETITION_H
#define REUSESHIM_HOOKS_REPETITION_H

#include "workspace.h"

/* All explanations of a process together: the first ones, and then a twentieth of its time (5 %). */
enum { FREE_EXPLANATIONS = 3, EXPLANATIONS_SHARE = 20 };

enum verdict {
    EXPLAIN, /* in full */
    REPEAT,  /* it has been told within the last seconds: the answer of then */
    BE_BRIEF /* too much time has gone into explanations */
};

/* A refusal as it is remembered. */
struct repeated_call {
    const struct hooked_call *hooked;
    int error;
    bool contended;         /* the table was in use */
    uint64_t before;        /* how many of the same kind came before it */
    struct workspace *work; /* for REPEAT and BE_BRIEF: the record is filled in, and must be given back */
};

/* What to do about it. */
enum verdict repetition_ask(struct repeated_call *call);
void repetition_give_back(void);

/* Remembers what it was explained with. Not under a seccomp filter, which may kill for a question. */
void repetition_keep(const struct repeated_call *call, const struct workspace *work);

/* May the time for one more explanation be spent? For those who could not have the table. */
bool repetition_allows(void);

#endif
