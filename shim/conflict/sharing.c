/* SPDX-License-Identifier: MIT
 *
 * After a success: who else is on the port, and who receives what. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

static bool is_datagram(const struct newcomer *newcomer)
{
    return newcomer->protocol == IPPROTO_UDP || newcomer->protocol == IPPROTO_UDPLITE;
}

/* IPv4, in whatever form. */
static bool is_v4(const struct endpoint *local)
{
    return local->family == AF_INET || endpoint_is_mapped(local);
}

/* The other family under the same name: 127.0.0.1 and ::1 are both localhost, 0.0.0.0 and [::] both
 * everything. */
static bool is_counterpart(const struct endpoint *one, const struct endpoint *other)
{
    return is_v4(one) != is_v4(other) && ((endpoint_is_wildcard(one) && endpoint_is_wildcard(other)) ||
                                          (endpoint_is_loopback(one) && endpoint_is_loopback(other)));
}

struct listing {
    struct conflict *conflict;
    const struct newcomer *newcomer;
};

static void list(void *context, const struct holder *found)
{
    const struct listing *listing = context;
    struct conflict *conflict = listing->conflict;
    if ((found->inode && found->inode == listing->newcomer->inode) ||
        (rules_overlap(listing->newcomer, found) == NO &&
         !is_counterpart(&listing->newcomer->local, &found->local)))
        return;
    if (conflict->holder_count == HOLDERS_MAX) {
        conflict->holders_omitted++;
        return;
    }
    conflict->holders[conflict->holder_count] = *found;
    conflict->holders[conflict->holder_count++].blocks = NO;
}

/* A program's own two sockets on a port are nobody else. */
static bool is_only_us(const struct owners *owners)
{
    return owners->count == 1 && owners->processes[0].relation == RELATION_SELF;
}

static void drop_our_own(struct conflict *conflict)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (!is_only_us(&conflict->owners[conflict->holders[i].owners]))
            conflict->holders[kept++] = conflict->holders[i];
    conflict->holder_count = kept;
}

/* ---- who receives what -------------------------------------------------------------------------- */

/* The kernel's order, net/ipv4/udp.c and inet_hashtables.c, compute_score(): a connected socket first, then
 * the exact address, then IPv4 before a dual-stack [::]; among equals a reuseport group by hash, else the
 * newest. */
static const char *who_receives(const struct newcomer *newcomer, const struct holder *other)
{
    const struct endpoint *ours = &newcomer->local, *theirs = &other->local;
    bool same_family = is_v4(ours) == is_v4(theirs);
    if (other->state == STATE_ESTABLISHED)
        return "what comes from its peer goes to that one, everything else here";
    if (!same_family && (endpoint_is_wildcard(ours) == endpoint_is_wildcard(theirs)))
        return is_v4(ours)
                   ? "IPv4 comes here, IPv6 goes to that one; a client that says 'localhost' may meet either"
                   : "IPv6 comes here, IPv4 goes to that one; a client that says 'localhost' may meet either";
    if (endpoint_is_wildcard(ours) && !endpoint_is_wildcard(theirs))
        return "what is for its address goes to that one, the rest comes here";
    if (!endpoint_is_wildcard(ours) && endpoint_is_wildcard(theirs))
        return "what is for this address comes here, and no longer to that one";
    if (is_datagram(newcomer) && endpoint_is_multicast(ours))
        return "both receive every datagram of the group";
    if (newcomer->options[OPTION_REUSEPORT] == NO || other->reuseport == NO)
        return "every datagram comes here, to the newest, and none to that one any more";
    if (newcomer->options[OPTION_REUSEPORT] == YES && (other->reuseport == YES || !is_datagram(newcomer)))
        return is_datagram(newcomer) ? "each peer's datagrams go to one of the two, by a hash"
                                     : "each new connection goes to one of the two, by a hash";
    return "one of the two receives; which of them depends on options that do not show";
}

static void write_sentence(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct holder *first = &conflict->holders[0];
    struct text text = text_in(conflict->because, sizeof conflict->because);
    text_string(&text, who_receives(newcomer, first));
    if (first->uid_known && newcomer->uid_known && first->uid != newcomer->uid) {
        text_string(&text, "; that one belongs to another user, uid ");
        text_unsigned(&text, first->uid);
    }
    text_end(&text);
}

/* The most telling first: another user's, then the same address, then what overlaps, then the other family.
 */
static int distance(const struct newcomer *newcomer, const struct holder *holder)
{
    bool stranger = newcomer->uid_known && holder->uid_known && newcomer->uid != holder->uid;
    bool same = endpoint_same_address(&newcomer->local, &holder->local);
    bool other_family = is_v4(&newcomer->local) != is_v4(&holder->local);
    return (stranger ? 0 : 4) + (same ? 0 : other_family ? 2 : 1) + (holder->state == STATE_ESTABLISHED);
}

static void nearest_first(struct conflict *conflict, const struct newcomer *newcomer)
{
    uint32_t nearest = 0;
    for (uint32_t i = 1; i < conflict->holder_count; i++)
        if (distance(newcomer, &conflict->holders[i]) < distance(newcomer, &conflict->holders[nearest]))
            nearest = i;
    struct holder holder = conflict->holders[0];
    conflict->holders[0] = conflict->holders[nearest];
    conflict->holders[nearest] = holder;
}

bool conflict_sharing(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    int64_t started = raw_clock(CLOCK_MONOTONIC);
    struct listing listing = {conflict, newcomer};
    struct question question = {
        .protocol = newcomer->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : newcomer->protocol,
        .ports = {newcomer->local.port, newcomer->local.port},
        .states = is_datagram(newcomer) ? (1U << STATE_COUNT) - 1 : 1U << STATE_LISTEN,
        .deadline = conflict->deadline,
        .found = list,
        .context = &listing};
    if (!endpoint_is_internet(&newcomer->local) || newcomer->local.port == 0)
        return false;
    conflict->all_sockets = conflict_collect(conflict, &question, buffer) == 0;
    if (conflict->holder_count == 0)
        return false;
    conflict->complete = owners_find(conflict, newcomer, buffer) && conflict->all_sockets;
    drop_our_own(conflict);
    if (conflict->holder_count == 0)
        return false;
    nearest_first(conflict, newcomer);
    write_sentence(conflict, newcomer);
    conflict->elapsed_us = (raw_clock(CLOCK_MONOTONIC) - started) / 1000;
    return true;
}
