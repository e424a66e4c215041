/* SPDX-License-Identifier: MIT
 *
 * After a success: who else is on the port, and who receives what. Contract in conflict.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"
#include "steps.h"

static bool is_datagram(const struct newcomer *newcomer)
{
    return protocol_is_udp(newcomer->protocol);
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

/* The most telling first: another user's, then the same address, then what overlaps, then the other family.
 */
static int distance(const struct newcomer *newcomer, const struct holder *holder)
{
    bool stranger = rules_same_user(newcomer, holder) == NO;
    bool same = endpoint_same_address(&newcomer->local, &holder->local);
    bool other_family = is_v4(&newcomer->local) != is_v4(&holder->local);
    return (stranger ? 0 : 4) + (same ? 0 : other_family ? 2 : 1) + (holder->state == STATE_ESTABLISHED);
}

enum { OWN_MAX = 4096 };

struct listing {
    struct conflict *conflict;
    const struct newcomer *newcomer;
    unsigned own_count;
    uint64_t own[OWN_MAX]; /* inodes of this process's sockets: they are nobody else */
};

static void note_own(void *context, pid_t pid, int fd, uint64_t inode)
{
    struct listing *listing = context;
    (void)pid;
    (void)fd;
    if (listing->own_count < OWN_MAX)
        listing->own[listing->own_count++] = inode;
}

static bool enough(void *context)
{
    return ((struct listing *)context)->own_count == OWN_MAX;
}

static bool is_own(const struct listing *listing, uint64_t inode)
{
    bool found = false;
    for (unsigned i = 0; inode && i < listing->own_count && !found; i++)
        found = listing->own[i] == inode;
    return found;
}

static void list(void *context, const struct holder *found)
{
    const struct listing *listing = context;
    struct conflict *conflict = listing->conflict;
    const struct newcomer *newcomer = listing->newcomer;
    bool meets = rules_overlap(newcomer, found) != NO;
    bool split = found->state != STATE_ESTABLISHED && is_counterpart(&newcomer->local, &found->local);
    if ((!meets && !split) || is_own(listing, found->inode))
        return;
    uint32_t at = conflict->holder_count;
    if (at == HOLDERS_MAX) {
        /* The farthest gives way: a stranger among many must not be missed. */
        at = 0;
        for (uint32_t i = 1; i < HOLDERS_MAX; i++)
            if (distance(newcomer, &conflict->holders[i]) > distance(newcomer, &conflict->holders[at]))
                at = i;
        conflict->holders_omitted++;
        if (distance(newcomer, found) >= distance(newcomer, &conflict->holders[at]))
            return;
    } else {
        conflict->holder_count++;
    }
    conflict->holders[at] = *found;
    conflict->holders[at].blocks = NO;
}

/* ---- who receives what -------------------------------------------------------------------------- */

enum share {
    PEER_FIRST, /* theirs is connected */
    OURS_BY_V4, /* the families split it */
    THEIRS_BY_V4,
    OTHER_NAME,
    THEIRS_NARROWER,
    OURS_NARROWER,
    ALL_GET_IT,
    BY_HASH,
    NEWEST,
    NOT_KNOWN,
};

/* One reuseport group: TCP and UDP alike deal out by a hash inside it, and nowhere else. */
static tristate is_group(const struct newcomer *newcomer, const struct holder *other)
{
    bool alike = newcomer->local.family == other->local.family && other->device_known &&
                 newcomer->device == other->device &&
                 endpoint_same_address(&newcomer->local, &other->local) &&
                 rules_same_user(newcomer, other) == YES &&
                 (newcomer->local.family == AF_INET || other->v6only == UNKNOWN ||
                  newcomer->options[OPTION_V6ONLY] == other->v6only);
    /* Two that listen on one address can do so by SO_REUSEPORT alone. */
    tristate theirs = is_datagram(newcomer) ? other->reuseport : YES;
    if (!alike || newcomer->options[OPTION_REUSEPORT] != YES)
        return NO;
    return theirs;
}

/* Among equals. A socket on a device comes before one that is on none, for what arrives there; an AF_INET6
 * socket with SO_REUSEPORT stands at the end of the kernel's row, and so behind older ones. */
static enum share of_equals(const struct newcomer *newcomer, const struct holder *other)
{
    tristate group = is_group(newcomer, other);
    bool same_kind = newcomer->local.family == other->local.family && other->device_known &&
                     newcomer->device == other->device;
    bool at_end = newcomer->local.family == AF_INET6 && newcomer->options[OPTION_REUSEPORT] != NO;
    if (group == YES)
        return BY_HASH;
    return is_datagram(newcomer) && group == NO && same_kind && !at_end ? NEWEST : NOT_KNOWN;
}

/* The kernel's order, compute_score() in net/ipv4/udp.c and inet_hashtables.c: a connected socket first, then
 * the exact address, then AF_INET before a dual-stack [::]. */
static enum share share_of(const struct newcomer *newcomer, const struct holder *other)
{
    const struct endpoint *ours = &newcomer->local, *theirs = &other->local;
    if (other->state == STATE_ESTABLISHED)
        return PEER_FIRST;
    if (is_datagram(newcomer) && (endpoint_is_multicast(ours) || endpoint_is_multicast(theirs)))
        return ALL_GET_IT;
    if (is_v4(ours) != is_v4(theirs) && endpoint_is_wildcard(ours) == endpoint_is_wildcard(theirs)) {
        if (!endpoint_is_wildcard(ours))
            return OTHER_NAME;
        /* A mapped wildcard is an AF_INET6 socket and has no precedence. */
        return ours->family == AF_INET ? OURS_BY_V4 : theirs->family == AF_INET ? THEIRS_BY_V4 : NOT_KNOWN;
    }
    if (endpoint_is_wildcard(ours) != endpoint_is_wildcard(theirs))
        return endpoint_is_wildcard(ours) ? THEIRS_NARROWER : OURS_NARROWER;
    return of_equals(newcomer, other);
}

static const char *const shares[] = {
    [PEER_FIRST] = "datagrams from its peer go to the other socket, everything else comes here",
    [OURS_BY_V4] =
        "IPv4 comes here, IPv6 goes to the other socket; a client that says 'localhost' may meet either",
    [THEIRS_BY_V4] =
        "IPv6 comes here, IPv4 goes to the other socket; a client that says 'localhost' may meet either",
    [OTHER_NAME] = "each receives its own family; a client that says 'localhost' may meet either",
    [THEIRS_NARROWER] = "what is sent to its address goes to the other socket, the rest comes here",
    [OURS_NARROWER] = "what is sent to this address comes here, and no longer to the other socket",
    [ALL_GET_IT] = "both receive every datagram of the group",
    [NEWEST] = "every datagram comes here, to the newest socket; the other socket receives none",
    [NOT_KNOWN] =
        "only one of the two receives; which one depends on devices and options that cannot all be seen",
};

/* Beside more than one other socket. */
static const char *const shares_of_many[] = {
    [ALL_GET_IT] = "all of them receive every datagram of the group",
    [NEWEST] = "every datagram comes here, to the newest socket; the other sockets receive none",
    [NOT_KNOWN] =
        "only one of them receives; which one depends on devices and options that cannot all be seen",
};

static const char *who_receives(const struct newcomer *newcomer, const struct holder *other, bool many)
{
    enum share share = share_of(newcomer, other);
    if (share == BY_HASH && is_datagram(newcomer))
        return many ? "each peer's datagrams go to one of them all, by a hash"
                    : "each peer's datagrams go to one of the two, by a hash";
    if (share == BY_HASH)
        return many ? "each new connection goes to one of them all, by a hash"
                    : "each new connection goes to one of the two, by a hash";
    return many && shares_of_many[share] ? shares_of_many[share] : shares[share];
}

/* Unicast has one receiver; multicast and broadcast reach every wildcard socket. */
static bool groups_reach_both(const struct newcomer *newcomer, const struct holder *other)
{
    return is_datagram(newcomer) && endpoint_is_wildcard(&newcomer->local) &&
           endpoint_is_wildcard(&other->local) && other->state != STATE_ESTABLISHED &&
           !endpoint_is_multicast(&newcomer->local);
}

static void write_sentence(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct holder *first = &conflict->holders[0];
    struct text text = text_in(conflict->because, sizeof conflict->because);
    text_string(&text, who_receives(newcomer, first, conflict->holder_count > 1));
    if (groups_reach_both(newcomer, first))
        text_strings(&text, "; multicast and broadcast reach ", conflict->holder_count > 1 ? "all" : "both");
    if (rules_same_user(newcomer, first) == NO) {
        text_string(&text, "; the other one belongs to another user, uid ");
        text_unsigned(&text, first->uid);
    }
    text_end(&text);
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

static bool collect(struct listing *listing, struct scratch *scratch)
{
    struct conflict *conflict = listing->conflict;
    struct question question = question_about(listing->newcomer, conflict->deadline);
    struct search search = {.found = note_own,
                            .enough = enough,
                            .context = listing,
                            .deadline = conflict->deadline,
                            .scratch = scratch};
    if (!is_datagram(listing->newcomer))
        question.states = 1U << STATE_LISTEN;
    question.found = list;
    question.context = listing;
    if (conflict->self.pid == 0)
        process_self(&conflict->self, conflict->room);
    search_process(&search, conflict->self.pid);
    conflict->all_sockets = sockets_ask(&question, &conflict->source, scratch) == 0;
    return conflict->holder_count > 0;
}

bool conflict_sharing(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    if (!endpoint_is_internet(&newcomer->local) || newcomer->local.port == 0 ||
        sockets_are_elsewhere(newcomer))
        return false;
    struct listing *listing = raw_map(sizeof *listing);
    if (listing == NULL)
        return false;
    listing->conflict = conflict;
    listing->newcomer = newcomer;
    bool shared = collect(listing, scratch);
    raw_unmap(listing, sizeof *listing);
    if (!shared)
        return false;
    conflict->complete = conflict_find_owners(conflict, newcomer, scratch) && conflict->all_sockets;
    nearest_first(conflict, newcomer);
    write_sentence(conflict, newcomer);
    conflict->elapsed_us = microseconds_since(conflict->started);
    return true;
}
