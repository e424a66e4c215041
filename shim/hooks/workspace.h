/* SPDX-License-Identifier: MIT
 *
 * All working memory of a record, in one mapping that goes away again. Private to shim/hooks.
 */
#ifndef REUSESHIM_HOOKS_WORKSPACE_H
#define REUSESHIM_HOOKS_WORKSPACE_H

#include "hooks.h"

#include "reuseshim/record.h"
#include "reuseshim/status.h"

struct workspace {
    struct newcomer newcomer;
    struct record record;
    struct conflict conflict;
    struct thread_status status;
    struct names names;
    struct scratch scratch;
    char output[RECORD_BUFFER_SIZE];
};

/* "conflict" for what is about a port or name that is taken, "refused" for the other errors of bind. */
enum event refusal_event(const struct newcomer *newcomer);

/* Fills in who we are; the first of the two all but the program's name. */
void workspace_identify(struct workspace *work);
void workspace_begin(struct workspace *work);
/* May the diagnosis make calls that a seccomp filter could kill for? */
bool workspace_may_ask(const struct workspace *work, const struct shim *shim);
/* Why it may not. */
enum bare workspace_why_bare(const struct workspace *work, const struct shim *shim);
/* Asks about the socket of a call that failed with `error`; explains it, where that is permitted. False if it
 * turns out not to be about a port that is taken. */
bool workspace_explain(struct workspace *work, const struct hooked_call *hooked, int error);

/* The same without any look: a bare record with the reason "busy". */
void workspace_be_brief(struct workspace *work, const struct hooked_call *hooked, int error);

#endif
