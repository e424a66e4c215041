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

/* What is left out is no secret as long as it is what the last one listed is; to a wildcard one address is
 * as another. */
static bool are_alike(const struct newcomer *newcomer, const struct holder *one, const struct holder *other)
{
    bool same_place = endpoint_same_address(&one->local, &other->local) ||
                      (endpoint_is_wildcard(&newcomer->local) && !endpoint_is_wildcard(&one->local) &&
                       !endpoint_is_wildcard(&other->local));

    return one->state == other->state && one->blocks == other->blocks && one->outgoing == other->outgoing &&
           (one->inode == 0) == (other->inode == 0) && one->uid == other->uid &&
           one->reuseaddr == other->reuseaddr && one->reuseport == other->reuseport &&
           one->remote.family == other->remote.family && one->local.family == other->local.family &&
           one->local.port == other->local.port && same_place;
}

static void omit(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *holder,
                 const struct holder *last)
{
    int64_t longest = conflict->holders_omitted++ ? conflict->omitted_timer_ms : 0;
    conflict->omitted_differ |= !are_alike(newcomer, holder, last);
    conflict->omitted_timer_ms = longest < 0 || holder->timer_ms < 0 ? -1
                                 : holder->timer_ms > longest        ? holder->timer_ms
                                                                     : longest;
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
    struct holder *holders = conflict->holders;
    enum { LAST = HOLDERS_MAX - 1 };
    if (at > LAST) {
        omit(conflict, newcomer, holder, &holders[LAST]);
        return;
    }
    if (count > LAST)
        omit(conflict, newcomer, &holders[LAST], at == LAST ? holder : &holders[LAST - 1]);
    else
        conflict->holder_count = ++count;
    memmove(&holders[at + 1], &holders[at], (count - 1 - at) * sizeof *holder);
    holders[at] = *holder;
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
