/* SPDX-License-Identifier: MIT
 *
 * The list of the sockets in the way: what is taken in, and in which order. Pure. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"

#include <string.h>

/* The surest blockers first, then in the order of the causes. */
static int rank(const struct newcomer *newcomer, const struct holder *holder)
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

void conflict_add(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *found)
{
    struct holder holder = *found;
    if (newcomer->inode && holder.inode == newcomer->inode)
        return; /* the newcomer itself, bound already */
    holder.blocks = rules_blocks(newcomer, &holder);
    if (!concerns(newcomer, &holder))
        return;
    uint32_t count = conflict->holder_count, at = 0;
    int own_rank = rank(newcomer, &holder);
    while (at < count && rank(newcomer, &conflict->holders[at]) <= own_rank)
        at++;
    if (count == HOLDERS_MAX)
        conflict->holders_omitted++;
    else
        conflict->holder_count = ++count;
    if (at >= count)
        return;
    memmove(&conflict->holders[at + 1], &conflict->holders[at], (count - 1 - at) * sizeof holder);
    conflict->holders[at] = holder;
}

/* Equals stay as they are. */
static void sort(struct conflict *conflict, const struct newcomer *newcomer)
{
    for (uint32_t i = 1; i < conflict->holder_count; i++)
        for (uint32_t k = i;
             k > 0 && rank(newcomer, &conflict->holders[k]) < rank(newcomer, &conflict->holders[k - 1]);
             k--) {
            struct holder holder = conflict->holders[k];
            conflict->holders[k] = conflict->holders[k - 1];
            conflict->holders[k - 1] = holder;
        }
}

void conflict_decide(struct conflict *conflict, const struct newcomer *newcomer)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        conflict->holders[i].blocks = rules_blocks(newcomer, &conflict->holders[i]);
    sort(conflict, newcomer);
}
