/* SPDX-License-Identifier: MIT
 *
 * From the sockets on the port to the one cause. Pure. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"

static bool is_closing(const struct holder *holder)
{
    return holder->state == STATE_FIN_WAIT1 || holder->state == STATE_FIN_WAIT2 ||
           holder->state == STATE_LAST_ACK || holder->state == STATE_CLOSING;
}

/* A newcomer with SO_REUSEPORT: whether the option would have shared the port, but for the users or for the
 * newcomer's own group, hangs on the holder's option. Does that have to be known to tell the cause, and is
 * not? */
static bool hangs_on_reuseport(const struct newcomer *newcomer, const struct holder *holder)
{
    bool same_user = newcomer->uid_known && holder->uid_known && newcomer->uid == holder->uid;
    return newcomer->options[OPTION_REUSEPORT] == YES && holder->reuseport == UNKNOWN &&
           !(same_user && newcomer->own_group == NO);
}

static enum cause cause_by_port(const struct newcomer *newcomer, const struct holder *holder)
{
    if (newcomer->options[OPTION_REUSEPORT] != YES || holder->reuseport != YES)
        return CAUSE_UNKNOWN;
    if (newcomer->uid_known && holder->uid_known && newcomer->uid != holder->uid)
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

/* The cause of the first blocker in the table's order; none if a socket that may block as well, or whose own
 * cause does not show, could come before it. */
static enum cause choose(const struct conflict *conflict, const struct newcomer *newcomer)
{
    enum cause sure = CAUSE_COUNT, perhaps = CAUSE_COUNT;
    bool agreed = conflict->all_sockets && conflict->holders_omitted == 0;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        enum cause one = cause_of_holder(newcomer, &conflict->holders[i]);
        bool is_sure = conflict->holders[i].blocks == YES && one != CAUSE_UNKNOWN;
        if (conflict->holders[i].blocks == NO)
            continue;
        if (!is_sure)
            agreed &= perhaps == CAUSE_COUNT || perhaps == one;
        if (is_sure ? one < sure : one < perhaps)
            *(is_sure ? &sure : &perhaps) = one;
    }
    if (sure == CAUSE_LISTENER || sure <= perhaps)
        return sure == CAUSE_COUNT ? CAUSE_UNKNOWN : sure;
    return sure == CAUSE_COUNT && agreed ? perhaps : CAUSE_UNKNOWN;
}

enum cause cause_find(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!endpoint_is_internet(&newcomer->local))
        return conflict->cause; /* AF_UNIX was found out otherwise, of others nothing is known */
    if (newcomer->local.port == 0)
        return CAUSE_PORTS_EXHAUSTED;
    if (conflict->holder_count == 0)
        return conflict->all_sockets && newcomer->call != CALL_CONNECT ? CAUSE_UNSEEN : conflict->cause;
    return choose(conflict, newcomer);
}
