/* SPDX-License-Identifier: MIT
 *
 * What the refusal itself proves. The call failed, so at least one of the sockets that can be seen blocks;
 * the more of them are known not to, the more is known about the rest. Contract in steps.h.
 */
#include "reuseshim/protocol.h"
#include "steps.h"

/* Everybody who could be the blocker is on the list. The only ones that may not show are bound TCP sockets,
 * and a 4-tuple is none of theirs. */
static bool all_are_listed(const struct conflict *conflict, const struct newcomer *newcomer)
{
    bool shown =
        conflict->shows_bound || !protocol_is_tcp(newcomer->protocol) || newcomer->call == CALL_CONNECT;
    return conflict->all_sockets && shown && conflict->holders_omitted == 0 && conflict->holder_count > 0;
}

/* If without a reuseport program of its own nobody would refuse the newcomer, it has one. */
static void settle_own_group(const struct conflict *conflict, struct newcomer *newcomer)
{
    if (newcomer->own_group != UNKNOWN || newcomer->call == CALL_CONNECT)
        return;
    struct newcomer without = *newcomer;
    without.own_group = NO;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (rules_blocks(&without, &conflict->holders[i]) != NO)
            return;
    newcomer->own_group = YES;
}

/* It blocks, so whatever would have kept it from blocking is not there. */
static void settle_flags(struct holder *holder, const struct newcomer *newcomer)
{
    if (rules_overlap(newcomer, holder) == UNKNOWN && holder->device_known && holder->v6only == UNKNOWN)
        holder->v6only = NO;
    bool listens = holder->state == STATE_LISTEN && !protocol_is_udp(newcomer->protocol);
    if (newcomer->options[OPTION_REUSEADDR] == YES && !listens)
        holder->reuseaddr = NO;
    /* Of SO_REUSEPORT nothing is proved as long as the newcomer may have a group of its own. */
}

void conflict_settle(struct conflict *conflict, struct newcomer *newcomer)
{
    struct holder *only = NULL;
    if (!all_are_listed(conflict, newcomer) || rules_is_automatic(newcomer))
        return;
    settle_own_group(conflict, newcomer);
    holders_decide(conflict, newcomer);
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        struct holder *holder = &conflict->holders[i];
        if (holder->blocks == YES || (holder->blocks == UNKNOWN && only))
            return;
        if (holder->blocks == UNKNOWN)
            only = holder;
    }
    if (only == NULL)
        return;
    only->blocks = YES;
    if (newcomer->call != CALL_CONNECT)
        settle_flags(only, newcomer);
}
