/* SPDX-License-Identifier: MIT
 *
 * Everybody on a port, whether in the way or not. Contract in conflict.h.
 */
#include "reuseshim/deadline.h"
#include "steps.h"

struct presence {
    struct conflict *conflict;
    const struct newcomer *newcomer;
};

static int by_state(const struct newcomer *newcomer, const struct holder *holder)
{
    (void)newcomer;
    return holder->state == STATE_LISTEN ? 0 : holder->remote.family == AF_UNSPEC ? 1 : 2;
}

static void take_in(void *context, const struct holder *found)
{
    const struct presence *presence = context;
    struct holder holder = *found;
    holder.blocks = rules_blocks(presence->newcomer, found);
    holders_insert(presence->conflict, presence->newcomer, &holder, by_state);
}

void conflict_present(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct presence presence = {conflict, newcomer};
    struct question question = question_about(newcomer, conflict->deadline);
    question.found = take_in;
    question.context = &presence;
    conflict->all_sockets = sockets_ask(&question, &conflict->source, scratch) == 0;
    conflict->shows_bound = conflict->all_sockets && sockets_show_bound(conflict->source);
    conflict->complete = conflict_find_owners(conflict, newcomer, scratch) && conflict->all_sockets;
    conflict->elapsed_us = microseconds_since(conflict->started);
}
