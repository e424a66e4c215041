/* SPDX-License-Identifier: MIT
 *
 * From the sockets on the port to the one cause. Contract in steps.h.
 */
#include "reuseshim/protocol.h"
#include "steps.h"

static bool is_closing(const struct holder *holder)
{
    return holder->state == STATE_FIN_WAIT1 || holder->state == STATE_FIN_WAIT2 ||
           holder->state == STATE_LAST_ACK || holder->state == STATE_CLOSING;
}

/* With SO_REUSEPORT on the newcomer the cause may be other-user or own-group, but only if the holder has the
 * option, too. True if that is needed here and not known. */
static bool hangs_on_reuseport(const struct newcomer *newcomer, const struct holder *holder)
{
    return newcomer->options[OPTION_REUSEPORT] == YES && holder->reuseport == UNKNOWN &&
           !(rules_same_user(newcomer, holder) == YES && newcomer->own_group == NO);
}

static enum cause cause_by_port(const struct newcomer *newcomer, const struct holder *holder)
{
    if (newcomer->options[OPTION_REUSEPORT] != YES || holder->reuseport != YES)
        return CAUSE_UNKNOWN;
    if (rules_same_user(newcomer, holder) == NO)
        return CAUSE_OTHER_USER;
    return newcomer->own_group == YES ? CAUSE_OWN_GROUP : CAUSE_UNKNOWN;
}

static enum cause cause_by_state(const struct newcomer *newcomer, const struct holder *holder)
{
    if (holder->state == STATE_LISTEN)
        return holder->inherited == YES ? CAUSE_INHERITED : CAUSE_LISTENER;
    if (holder->state == STATE_CLOSE || holder->state == STATE_BOUND_INACTIVE)
        return CAUSE_BOUND;
    bool udp = protocol_is_udp(newcomer->protocol);
    bool happened = holder->automatic == YES && (udp || holder->outgoing == YES);
    return happened ? CAUSE_EPHEMERAL_CLIENT : CAUSE_CONNECTED;
}

enum cause cause_of_holder(const struct newcomer *newcomer, const struct holder *holder)
{
    if (newcomer->call == CALL_CONNECT && newcomer->local.port != 0)
        return CAUSE_SAME_TUPLE;
    if (rules_is_time_wait(holder))
        return CAUSE_TIME_WAIT;
    if (is_closing(holder) && holder->inode == 0)
        return CAUSE_ORPHAN;
    enum cause by_port = cause_by_port(newcomer, holder);
    if (by_port != CAUSE_UNKNOWN)
        return by_port;
    return hangs_on_reuseport(newcomer, holder) ? CAUSE_UNKNOWN : cause_by_state(newcomer, holder);
}

/* Cause of the first certain blocker, in the order of the table. None if a possible blocker, or one with an
 * unknown cause, could come before it. */
static enum cause choose(const struct conflict *conflict, const struct newcomer *newcomer)
{
    enum cause sure = CAUSE_COUNT, perhaps = CAUSE_COUNT;
    bool agreed = conflict->all_sockets && !conflict->omitted_differ;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        enum cause one = cause_of_holder(newcomer, &conflict->holders[i]);
        if (conflict->holders[i].blocks == NO)
            continue;
        if (conflict->holders[i].blocks == YES && one != CAUSE_UNKNOWN) {
            sure = one < sure ? one : sure;
        } else {
            agreed &= perhaps == CAUSE_COUNT || perhaps == one;
            perhaps = one < perhaps ? one : perhaps;
        }
    }
    if (sure == CAUSE_LISTENER || sure <= perhaps)
        return sure == CAUSE_COUNT ? CAUSE_UNKNOWN : sure;
    return sure == CAUSE_COUNT && agreed ? perhaps : CAUSE_UNKNOWN;
}

enum cause cause_find(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (conflict->refusal.found || newcomer->call == CALL_SETSOCKOPT)
        return conflict->cause;
    if (!endpoint_is_internet(&newcomer->local))
        return conflict->cause; /* AF_UNIX was found out otherwise, of others nothing is known */
    if (newcomer->local.port == 0)
        return CAUSE_PORTS_EXHAUSTED;
    if (conflict->holder_count == 0)
        return conflict->all_sockets && newcomer->call != CALL_CONNECT ? CAUSE_UNSEEN : conflict->cause;
    return choose(conflict, newcomer);
}
