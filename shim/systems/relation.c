/* SPDX-License-Identifier: MIT
 *
 * How two addresses on one port meet. Contract in judges.h.
 */
#include "judges.h"

bool are_of_two_families(const struct system_socket *old, const struct system_socket *newcomer)
{
    return old->local.family != newcomer->local.family;
}

/* Does a socket of IPv6 stand for IPv4 as well? */
static bool is_dual_stack(const struct traits *traits, const struct system_socket *socket)
{
    return socket->local.family == AF_INET6 && endpoint_is_wildcard(&socket->local) && !socket->v6only &&
           !traits->v6_is_alone;
}

enum relation_of_addresses addresses_meet(const struct traits *traits, const struct system_socket *old,
                                          const struct system_socket *newcomer)
{
    bool old_any = endpoint_is_wildcard(&old->local), new_any = endpoint_is_wildcard(&newcomer->local);
    if (are_of_two_families(old, newcomer) && !is_dual_stack(traits, old) && !is_dual_stack(traits, newcomer))
        return APART;
    if (old_any && new_any)
        return BOTH_WILDCARD;
    if (old_any || new_any)
        return old_any ? OLD_WILDCARD : NEW_WILDCARD;
    return endpoint_same_address(&old->local, &newcomer->local) ? SAME_ADDRESS : APART;
}
