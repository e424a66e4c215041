/* SPDX-License-Identifier: MIT
 *
 * The multicast group that setsockopt() is to join. Contract in hooks.h.
 */
#include "hooks.h"

#include "reuseshim/linux.h"

#include <stddef.h>

/* struct ip_mreq and the like begin with the group; struct group_req has its interface before a whole
 * sockaddr. */
enum shape { PLAIN_IPV4, PLAIN_IPV6, WITH_SOCKADDR };

static const struct {
    int level, name;
    enum shape shape;
} joins[] = {
    {IPPROTO_IP, IP_ADD_MEMBERSHIP, PLAIN_IPV4},
    {IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, PLAIN_IPV4},
    {IPPROTO_IP, MCAST_JOIN_GROUP, WITH_SOCKADDR},
    {IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, WITH_SOCKADDR},
    {IPPROTO_IPV6, IPV6_JOIN_GROUP, PLAIN_IPV6},
    {IPPROTO_IPV6, MCAST_JOIN_GROUP, WITH_SOCKADDR},
    {IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, WITH_SOCKADDR},
};

bool hooked_read_group(struct hooked_call *hooked, int level, int name, const void *value, socklen_t length)
{
    const char *bytes = value; /* not necessarily aligned */
    size_t at = 0, count = sizeof joins / sizeof *joins;
    while (at < count && (joins[at].level != level || joins[at].name != name))
        at++;
    if (at == count)
        return false;
    const size_t needed[] = {[PLAIN_IPV4] = 4, [PLAIN_IPV6] = 16, [WITH_SOCKADDR] = sizeof(struct group_req)};
    if (length < needed[joins[at].shape])
        return false;
    if (joins[at].shape == WITH_SOCKADDR)
        return endpoint_from_sockaddr(&hooked->argument, bytes + offsetof(struct group_req, gr_group),
                                      sizeof(struct sockaddr_storage));
    hooked->argument = endpoint_of(joins[at].shape == PLAIN_IPV4 ? AF_INET : AF_INET6, value, 0);
    return true;
}
