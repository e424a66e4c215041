/* SPDX-License-Identifier: MIT
 *
 * Solaris and illumos: tcp_bindi() and udp_do_bind(). Each socket that is there may refuse. Contract in
 * judges.h.
 */
#include "judges.h"

#include <errno.h>
#include <netinet/in.h>

/* A group is joined at bind: by one user. */
static struct system_answer join(const struct system_socket *old, const struct system_socket *newcomer)
{
    if (!asks(old, ASKS_PORT))
        return refused(EADDRINUSE, "the old socket is in no SO_REUSEPORT group");
    return old->user == newcomer->user ? allowed("both are in one SO_REUSEPORT group")
                                       : refused(EPERM, "the SO_REUSEPORT group is another user's");
}

static struct system_answer beside_tcp(const struct traits *traits, const struct system_socket *old,
                                       const struct system_socket *newcomer, enum relation_of_addresses how)
{
    bool waits_for_peers = !is_connected(old);
    if (how == APART)
        return allowed("nothing overlaps");
    if (asks(old, ASKS_EXCLUSIVE) || asks(newcomer, ASKS_EXCLUSIVE)) {
        if (old->stage != STAGE_TIME_WAIT)
            return refused(EADDRINUSE, "SO_EXCLBIND on either of them keeps the port for one");
    } else if (traits->knows & ASKS_PORT && is_exact(how) && asks(newcomer, ASKS_PORT) && waits_for_peers) {
        return join(old, newcomer);
    }
    if (!asks(newcomer, ASKS_ADDRESS))
        return refused(EADDRINUSE, "the newcomer lacks SO_REUSEADDR, so whatever overlaps refuses it");
    if (is_exact(how) && waits_for_peers)
        return refused(EADDRINUSE, "the very same address is bound or listened on");
    return allowed("SO_REUSEADDR of the newcomer alone lets it in beside wildcards and connections");
}

static struct system_answer beside_udp(const struct traits *traits, const struct system_socket *old,
                                       const struct system_socket *newcomer, enum relation_of_addresses how)
{
    if (asks(old, ASKS_EXCLUSIVE) || asks(newcomer, ASKS_EXCLUSIVE))
        return how == APART ? allowed("nothing overlaps")
                            : refused(EADDRINUSE, "SO_EXCLBIND on either of them keeps the port for one");
    bool groups = traits->knows & ASKS_PORT && asks(newcomer, ASKS_PORT);
    if (asks(newcomer, ASKS_ADDRESS) && !groups)
        return allowed("of UDP SO_REUSEADDR of the newcomer alone is enough, whatever is there");
    if (how == APART)
        return allowed("nothing overlaps");
    return groups ? join(old, newcomer) : refused(EADDRINUSE, "the newcomer lacks SO_REUSEADDR");
}

struct system_answer judge_solaris(const struct bind_case *bind_case)
{
    const struct system_socket *newcomer = bind_case->newcomer;
    struct system_answer answer = allowed("nothing overlaps");
    for (size_t i = 0; i < bind_case->count; i++) {
        const struct system_socket *old = &bind_case->existing[i];
        enum relation_of_addresses how = addresses_meet(bind_case->traits, old, newcomer);
        /* The ports of IPv4 and of IPv6 are two spaces, unless somebody wants one alone. */
        if (old->protocol != newcomer->protocol ||
            (are_of_two_families(old, newcomer) && !((old->asks | newcomer->asks) & ASKS_EXCLUSIVE)))
            continue;
        answer = (newcomer->protocol == IPPROTO_TCP ? beside_tcp : beside_udp)(bind_case->traits, old,
                                                                               newcomer, how);
        if (answer.error)
            break;
    }
    return answer;
}
