/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. Where the result of a call does not show, what a rule would do after a refusal can only
 * be done before, and only where the refusal is certain: by the kernel's rule and the sockets that are there.
 */
#include "trap.h"

#include "../hooks/workspace.h"
#include "reuseshim/deadline.h"
#include "reuseshim/rules.h"
#include "reuseshim/sockets.h"

#include <errno.h>

struct foresight {
    struct newcomer as_it_is, with_options;
    bool refused_now, refused_then;
};

static void look(void *context, const struct holder *holder)
{
    struct foresight *foresight = context;
    foresight->refused_now |= rules_blocks(&foresight->as_it_is, holder) == YES;
    /* Whether a TIME_WAIT has the option the kernel does not tell: that one is worth the try. */
    foresight->refused_then |= rules_blocks(&foresight->with_options, holder) == YES;
}

static bool will_help(struct trap *trap, const struct hooked_call *hooked, struct workspace *work)
{
    struct foresight foresight = {.refused_now = false};
    enum source source = SOURCE_NONE;
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, EADDRINUSE, &hooked->argument, true);
    foresight.as_it_is = foresight.with_options = work->newcomer;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (hooked->rule->retry & option_bit((enum socket_option)i))
            foresight.with_options.options[i] = YES;
    struct question question = question_about(&work->newcomer, deadline_in(trap->shim.settings.budget_ms));
    question.found = look;
    question.context = &foresight;
    bool whole = sockets_ask(&question, &source, &work->scratch) == 0;
    return whole && foresight.refused_now && !foresight.refused_then;
}

void trap_retry_beforehand(struct trap *trap, const struct hooked_call *hooked)
{
    bool wanted = hooked->which == CALL_BIND && hooked->rule && hooked->rule->retry &&
                  endpoint_is_internet(&hooked->argument) && hooked->argument.port;
    struct workspace *work = wanted && !trap_is_elsewhere(trap) ? raw_map(sizeof *work) : NULL;
    if (work == NULL)
        return;
    if (will_help(trap, hooked, work))
        (void)apply_for_retry(hooked);
    raw_unmap(work, sizeof *work);
}
