/* SPDX-License-Identifier: MIT
 *
 * 4.4BSD and its children: in_pcbbind() and in_pcblookup_local(). Of several sockets one is looked at: who
 * came later can hide an older one that would refuse. Contract in judges.h.
 */
#include "judges.h"

#include <errno.h>
#include <netinet/in.h>

static const uint8_t reuse = ASKS_ADDRESS | ASKS_PORT | ASKS_BALANCED;

static enum relation_of_addresses relation(const struct bind_case *bind_case, const struct system_socket *old)
{
    return addresses_meet(bind_case->traits, old, bind_case->newcomer);
}

/* With wildcards: the one that overlaps and fits best; of equals the newest. */
static const struct system_socket *find_any(const struct bind_case *bind_case)
{
    const struct system_socket *found = NULL;
    int least = 0;
    for (size_t i = bind_case->count; i-- > 0;) {
        const struct system_socket *old = &bind_case->existing[i];
        enum relation_of_addresses how = relation(bind_case, old);
        int score = is_connected(old) + (how == OLD_WILDCARD || how == NEW_WILDCARD);
        if (old->protocol != bind_case->newcomer->protocol || how == APART || (found && score >= least))
            continue;
        found = old;
        least = score;
    }
    return found;
}

/* Without: the newest on that very address that has no peer. */
static const struct system_socket *find_exact(const struct bind_case *bind_case)
{
    for (size_t i = bind_case->count; i-- > 0;) {
        const struct system_socket *old = &bind_case->existing[i];
        if (old->protocol == bind_case->newcomer->protocol && !is_connected(old) &&
            is_exact(relation(bind_case, old)))
            return old;
    }
    return NULL;
}

/* The options of the old socket that let the newcomer in. */
static uint8_t mask_of(const struct traits *traits, const struct system_socket *newcomer)
{
    if (!endpoint_is_multicast(&newcomer->local))
        return newcomer->asks & (ASKS_PORT | ASKS_BALANCED);
    uint8_t mask = 0;
    if (asks(newcomer, ASKS_ADDRESS) || (traits->symmetric && asks(newcomer, ASKS_PORT)))
        mask = ASKS_ADDRESS | ASKS_PORT;
    else if (asks(newcomer, ASKS_PORT))
        mask = ASKS_PORT;
    if (traits->knows & ASKS_BALANCED && asks(newcomer, ASKS_ADDRESS | ASKS_BALANCED))
        mask |= ASKS_ADDRESS | ASKS_BALANCED;
    return mask;
}

static bool is_anothers(const struct bind_case *bind_case)
{
    const struct system_socket *newcomer = bind_case->newcomer, *old = find_any(bind_case);
    if (bind_case->traits->users == NO_USER_TEST || newcomer->user == 0 || old == NULL ||
        endpoint_is_multicast(&newcomer->local) || old->user == newcomer->user)
        return false;
    bool both_wildcard = relation(bind_case, old) == BOTH_WILDCARD;
    switch (bind_case->traits->users) {
    case USERS_FREEBSD:
        return !(old->protocol == IPPROTO_TCP && is_connected(old));
    case USERS_NETBSD:
        return !(both_wildcard && asks(old, ASKS_PORT));
    case USERS_MACOS:
        return !both_wildcard;
    default:
        return true;
    }
}

struct system_answer judge_bsd(const struct bind_case *bind_case)
{
    const struct system_socket *newcomer = bind_case->newcomer;
    if (is_anothers(bind_case))
        return refused(EADDRINUSE, "another user has the port, and the newcomer is not root");
    if (!asks(newcomer, reuse))
        return find_any(bind_case)
                   ? refused(EADDRINUSE, "the newcomer has no reuse option, so whatever overlaps refuses it")
                   : allowed("nothing overlaps");
    const struct system_socket *old = find_exact(bind_case);
    if (old == NULL)
        return allowed(find_any(bind_case) ? "a reuse option of the newcomer alone lets it in beside "
                                             "wildcards, other addresses and connections"
                                           : "nothing overlaps");
    if (old->asks & mask_of(bind_case->traits, newcomer))
        return allowed(endpoint_is_multicast(&newcomer->local) ? "both share the multicast address"
                                                               : "both have the same SO_REUSEPORT option");
    return refused(EADDRINUSE,
                   endpoint_is_multicast(&newcomer->local)
                       ? "the old socket lacks the option that the newcomer's one is compared with"
                       : "the very same address wants SO_REUSEPORT on both");
}
