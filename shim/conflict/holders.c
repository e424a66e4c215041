/* SPDX-License-Identifier: MIT
 *
 * The list of the sockets in the way: what is taken in, and in which order. Contract in steps.h.
 */
#include "steps.h"

#include <string.h>

/* The surest blockers first, then in the order of the causes. */
static int by_certainty(const struct newcomer *newcomer, const struct holder *holder)
{
    int certainty = holder->blocks == YES ? 0 : holder->blocks == UNKNOWN ? 1 : 2;
    return certainty * CAUSE_COUNT + (int)cause_of_holder(newcomer, holder);
}

/* What does not meet the newcomer at all is not listed; what meets it and lets it pass is. */
static bool concerns(const struct newcomer *newcomer, const struct holder *holder)
{
    if (newcomer->call == CALL_CONNECT || rules_is_automatic(newcomer))
        return holder->blocks != NO;
    return rules_overlap(newcomer, holder) != NO;
}

void holders_insert(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *holder,
                    holder_rank *rank)
{
    uint32_t count = conflict->holder_count, at = 0;
    int own_rank = rank(newcomer, holder);
    if (newcomer->inode && holder->inode == newcomer->inode)
        return; /* the newcomer itself, bound already */
    while (at < count && rank(newcomer, &conflict->holders[at]) <= own_rank)
        at++;
    if (count == HOLDERS_MAX)
        conflict->holders_omitted++;
    else
        conflict->holder_count = ++count;
    if (at >= count)
        return;
    memmove(&conflict->holders[at + 1], &conflict->holders[at], (count - 1 - at) * sizeof *holder);
    conflict->holders[at] = *holder;
}

void holders_add(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *found)
{
    struct holder holder = *found;
    holder.blocks = rules_blocks(newcomer, &holder);
    if (concerns(newcomer, &holder))
        holders_insert(conflict, newcomer, &holder, by_certainty);
}

/* Equals stay as they are. */
static void sort(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct holder *holders = conflict->holders;
    for (uint32_t i = 1; i < conflict->holder_count; i++)
        for (uint32_t k = i;
             k > 0 && by_certainty(newcomer, &holders[k]) < by_certainty(newcomer, &holders[k - 1]); k--) {
            struct holder holder = holders[k];
            holders[k] = holders[k - 1];
            holders[k - 1] = holder;
        }
}

void holders_decide(struct conflict *conflict, const struct newcomer *newcomer)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        conflict->holders[i].blocks = rules_blocks(newcomer, &conflict->holders[i]);
    sort(conflict, newcomer);
}
