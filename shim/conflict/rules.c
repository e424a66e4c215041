/* SPDX-License-Identifier: MIT
 *
 * When Linux refuses a local port: inet_csk_bind_conflict() for TCP, udp_lib_lport_inuse() for UDP, as
 * one pure predicate with three answers. UNKNOWN where it hangs on a flag that user space cannot see.
 *
 * The kernel's bucket cache (net/ipv4/inet_connection_sock.c, "fastreuse") is not modelled: it can only turn
 * a refusal into a success, and this is asked about refusals.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"

#include <netinet/in.h>
#include <string.h>

static tristate kleene_not(tristate a)
{
    return a == UNKNOWN ? UNKNOWN : !a;
}

static tristate kleene_and(tristate a, tristate b)
{
    if (a == NO || b == NO)
        return NO;
    return a == YES && b == YES ? YES : UNKNOWN;
}

static tristate kleene_or(tristate a, tristate b)
{
    return kleene_not(kleene_and(kleene_not(a), kleene_not(b)));
}

static bool is_tcp(int protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

static bool is_udp(int protocol)
{
    return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

bool rules_is_time_wait(const struct holder *holder)
{
    /* An orphan in FIN_WAIT2 is normally a mini-socket like TIME_WAIT; with a tcp_fin_timeout above 60 s it
     * is a full socket for the excess, which cannot be told from outside and differs only in the uid. */
    return holder->state == STATE_TIME_WAIT || (holder->state == STATE_FIN_WAIT2 && holder->inode == 0);
}

/* A socket's IPv4 part and IPv6 part: each absent, one address, or any. */
struct reach {
    tristate v4, v6; /* is the part there */
    const unsigned char *v4_address, *v6_address;
};

static struct reach reach_of(const struct endpoint *local, tristate v6only)
{
    struct reach reach = {NO, NO, NULL, NULL};
    if (local->family == AF_INET || endpoint_is_mapped(local)) {
        reach.v4 = YES;
        reach.v4_address = local->family == AF_INET ? local->address : local->address + 12;
    } else if (endpoint_is_wildcard(local)) {
        static const unsigned char any[16];
        reach.v6 = YES;
        reach.v4 = kleene_not(v6only);
        reach.v6_address = reach.v4_address = any;
    } else {
        /* A real IPv6 address carries 127.0.0.6 in its IPv4 field (LOOPBACK4_IPV6, net/ipv6/af_inet6.c).
         * bind() hides it by forcing V6ONLY on; a socket that came by its address through accept() or
         * connect() on a dual-stack socket keeps V6ONLY off and does collide with IPv4. */
        static const unsigned char loopback4_ipv6[4] = {127, 0, 0, 6};
        reach.v6 = YES;
        reach.v6_address = local->address;
        reach.v4 = kleene_not(v6only);
        reach.v4_address = loopback4_ipv6;
    }
    return reach;
}

static bool meet(const unsigned char *one, const unsigned char *other, size_t size)
{
    static const unsigned char any[16];
    return memcmp(one, other, size) == 0 || memcmp(one, any, size) == 0 || memcmp(other, any, size) == 0;
}

tristate rules_overlap(const struct newcomer *newcomer, const struct holder *holder)
{
    if (newcomer->device && holder->device_known && holder->device && newcomer->device != holder->device)
        return NO;
    tristate same_device = holder->device_known || !newcomer->device ? YES : UNKNOWN;

    /* The newcomer's v6only is the one in force after bind: a real IPv6 address forces it on. */
    bool real_v6 = newcomer->local.family == AF_INET6 && !endpoint_is_wildcard(&newcomer->local) &&
                   !endpoint_is_mapped(&newcomer->local);
    struct reach b = reach_of(&newcomer->local, real_v6 ? YES : newcomer->options[OPTION_V6ONLY]);
    struct reach a = reach_of(&holder->local, holder->v6only);
    /* Of the IPv4 newcomers only AF_INET ones meet that 127.0.0.6, for TCP only the wildcard. */
    bool holder_real_v6 = holder->local.family == AF_INET6 && !endpoint_is_wildcard(&holder->local) &&
                          !endpoint_is_mapped(&holder->local);
    if (holder_real_v6 && (newcomer->local.family != AF_INET ||
                           (is_tcp(newcomer->protocol) && !endpoint_is_wildcard(&newcomer->local))))
        a.v4 = NO;
    tristate v4 = kleene_and(a.v4, b.v4);
    tristate v6 = kleene_and(a.v6, b.v6);
    if (v4 != NO && !meet(a.v4_address, b.v4_address, 4))
        v4 = NO;
    if (v6 != NO && !meet(a.v6_address, b.v6_address, 16))
        v6 = NO;
    return kleene_and(same_device, kleene_or(v4, v6));
}

/* The uid clause of SO_REUSEPORT. */
static tristate same_user(const struct newcomer *newcomer, const struct holder *holder)
{
    if (rules_is_time_wait(holder))
        return YES;
    if (!newcomer->uid_known || !holder->uid_known)
        return UNKNOWN;
    return newcomer->uid == holder->uid;
}

tristate rules_blocks(const struct newcomer *newcomer, const struct holder *holder)
{
    tristate overlap = rules_overlap(newcomer, holder);
    if (overlap == NO)
        return NO;
    if (!is_tcp(newcomer->protocol) && !is_udp(newcomer->protocol))
        return UNKNOWN;
    /* A request that is not a connection yet holds no port. */
    if (is_tcp(newcomer->protocol) &&
        (holder->state == STATE_SYN_RECV || holder->state == STATE_NEW_SYN_RECV) && holder->inode == 0)
        return NO;
    bool listens = is_tcp(newcomer->protocol) && holder->state == STATE_LISTEN;
    tristate by_address = listens ? NO : kleene_and(newcomer->options[OPTION_REUSEADDR], holder->reuseaddr);
    tristate by_port = kleene_and(kleene_and(newcomer->options[OPTION_REUSEPORT], holder->reuseport),
                                  same_user(newcomer, holder));
    return kleene_and(overlap, kleene_not(kleene_or(by_address, by_port)));
}

tristate rules_same_tuple(const struct newcomer *newcomer, const struct holder *holder)
{
    if (!endpoint_is_internet(&holder->remote) || newcomer->local.port != holder->local.port ||
        newcomer->remote.port != holder->remote.port ||
        !endpoint_same_address(&newcomer->remote, &holder->remote))
        return NO;
    if (endpoint_is_wildcard(&newcomer->local)) /* the address that routing would have chosen is not known */
        return UNKNOWN;
    return endpoint_same_address(&newcomer->local, &holder->local) ? YES : NO;
}

bool rules_is_dual_stack(const struct newcomer *newcomer, const struct holder *holder)
{
    bool new_v6 = newcomer->local.family == AF_INET6 && !endpoint_is_mapped(&newcomer->local);
    bool old_v6 = holder->local.family == AF_INET6 && !endpoint_is_mapped(&holder->local);
    return new_v6 != old_v6;
}
