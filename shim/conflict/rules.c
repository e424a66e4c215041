/* SPDX-License-Identifier: MIT
 *
 * When Linux refuses a local port: inet_csk_bind_conflict() and inet_csk_get_port() for TCP,
 * udp_lib_lport_inuse() for UDP, __inet_hash_connect() for connect, as pure predicates with three answers.
 * UNKNOWN where it hangs on something that user space cannot see. Contract in rules.h.
 *
 * The kernel's bucket cache (net/ipv4/inet_connection_sock.c, "fastreuse") is not modelled: it can only turn
 * a refusal into a success, and this is asked about refusals.
 */
#include "reuseshim/rules.h"
#include "reuseshim/protocol.h"

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

/* From 6.1 to 6.7 a TCP socket that asks for a mapped address does not meet one on ::ffff:0.0.0.0: the kernel
 * looked for it among those on :: (bhash2; mended in 6.8). */
static tristate overlooks(const struct newcomer *newcomer, const struct holder *holder)
{
    if (!protocol_is_tcp(newcomer->protocol) || !endpoint_is_mapped(&newcomer->local) ||
        endpoint_is_wildcard(&newcomer->local) || !endpoint_is_mapped(&holder->local) ||
        !endpoint_is_wildcard(&holder->local))
        return NO;
    return newcomer->kernel == KERNEL_UNKNOWN
               ? UNKNOWN
               : newcomer->kernel >= KERNEL(6, 1) && newcomer->kernel < KERNEL(6, 8);
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
    /* Of the IPv4 newcomers only AF_INET ones meet that 127.0.0.6; for TCP only the wildcard, since one that
     * is not looks at its own address and the wildcards alone (bhash2, Linux 6.1). */
    bool holder_real_v6 = holder->local.family == AF_INET6 && !endpoint_is_wildcard(&holder->local) &&
                          !endpoint_is_mapped(&holder->local);
    bool by_address = protocol_is_tcp(newcomer->protocol) && !endpoint_is_wildcard(&newcomer->local);
    if (holder_real_v6 &&
        (newcomer->local.family != AF_INET || (by_address && newcomer->kernel >= KERNEL(6, 1))))
        a.v4 = NO;
    else if (holder_real_v6 && by_address && newcomer->kernel == KERNEL_UNKNOWN)
        a.v4 = kleene_and(a.v4, UNKNOWN);
    tristate v4 = kleene_and(a.v4, b.v4);
    tristate v6 = kleene_and(a.v6, b.v6);
    if (v4 != NO && !meet(a.v4_address, b.v4_address, 4))
        v4 = NO;
    if (v6 != NO && !meet(a.v6_address, b.v6_address, 16))
        v6 = NO;
    return kleene_and(kleene_and(same_device, kleene_or(v4, v6)), kleene_not(overlooks(newcomer, holder)));
}

tristate rules_same_user(const struct newcomer *newcomer, const struct holder *holder)
{
    if (!newcomer->uid_known || !holder->uid_known)
        return UNKNOWN;
    return newcomer->uid == holder->uid;
}

/* The uid clause of SO_REUSEPORT. */
static tristate same_user(const struct newcomer *newcomer, const struct holder *holder)
{
    return rules_is_time_wait(holder) ? YES : rules_same_user(newcomer, holder);
}

bool rules_is_request(const struct holder *holder)
{
    return (holder->state == STATE_SYN_RECV || holder->state == STATE_NEW_SYN_RECV) && holder->inode == 0;
}

bool rules_is_automatic(const struct newcomer *newcomer)
{
    return newcomer->local.port == 0 && newcomer->call != CALL_BINDRESVPORT;
}

/* SO_REUSEADDR on both, and no listener. */
static tristate share_by_address(const struct newcomer *newcomer, const struct holder *holder)
{
    if (protocol_is_tcp(newcomer->protocol) && holder->state == STATE_LISTEN)
        return NO;
    return kleene_and(newcomer->options[OPTION_REUSEADDR], holder->reuseaddr);
}

/* SO_REUSEPORT on both, one user, and no group of its own that keeps the newcomer from joining. */
static tristate share_by_port(const struct newcomer *newcomer, const struct holder *holder)
{
    tristate both = kleene_and(newcomer->options[OPTION_REUSEPORT], holder->reuseport);
    return kleene_and(kleene_and(both, kleene_not(newcomer->own_group)), same_user(newcomer, holder));
}

/* A port that was asked for by number; for UDP, one that the kernel considers, too. */
static tristate conflicts(const struct newcomer *newcomer, const struct holder *holder)
{
    tristate shared = kleene_or(share_by_address(newcomer, holder), share_by_port(newcomer, holder));
    return kleene_and(rules_overlap(newcomer, holder), kleene_not(shared));
}

/* TCP, bind to port 0: flags and states do not matter, unless ip_autobind_reuse lets a second look in, which
 * accepts SO_REUSEADDR on both, but not together with what SO_REUSEPORT would share. */
static tristate keeps_from_bind(const struct newcomer *newcomer, const struct holder *holder)
{
    tristate relaxed =
        kleene_and(share_by_address(newcomer, holder), kleene_not(share_by_port(newcomer, holder)));
    return kleene_and(rules_overlap(newcomer, holder),
                      kleene_not(kleene_and(newcomer->autobind_reuse, relaxed)));
}

/* TCP, connect() without bind: a port is passed over if a bind placed any socket on it, whatever its address;
 * ports that only connects took are shared as long as the 4-tuple is new. */
static tristate keeps_from_connect(const struct newcomer *newcomer, const struct holder *holder)
{
    bool by_bind = holder->state == STATE_LISTEN || holder->state == STATE_CLOSE ||
                   holder->state == STATE_BOUND_INACTIVE || holder->automatic == NO || holder->outgoing == NO;
    tristate tuple = rules_same_tuple(newcomer, holder);
    /* A TIME_WAIT may be taken over, by what tcp_tw_reuse and its time stamps allow. */
    if (tuple == YES && rules_is_time_wait(holder))
        tuple = UNKNOWN;
    return kleene_or(by_bind ? YES : kleene_not(holder->connect_placed), tuple);
}

tristate rules_blocks(const struct newcomer *newcomer, const struct holder *holder)
{
    if (!protocol_is_tcp(newcomer->protocol) && !protocol_is_udp(newcomer->protocol))
        return rules_overlap(newcomer, holder) == NO ? NO : UNKNOWN;
    if (protocol_is_tcp(newcomer->protocol) && rules_is_request(holder))
        return NO;
    if (newcomer->call == CALL_CONNECT && newcomer->local.port != 0)
        return rules_same_tuple(newcomer, holder);
    if (protocol_is_udp(newcomer->protocol) || !rules_is_automatic(newcomer))
        return conflicts(newcomer, holder);
    return newcomer->call == CALL_CONNECT ? keeps_from_connect(newcomer, holder)
                                          : keeps_from_bind(newcomer, holder);
}

tristate rules_same_tuple(const struct newcomer *newcomer, const struct holder *holder)
{
    bool port_differs = newcomer->local.port != 0 && newcomer->local.port != holder->local.port;
    if (!endpoint_is_internet(&holder->remote) || port_differs ||
        newcomer->remote.port != holder->remote.port ||
        !endpoint_same_address(&newcomer->remote, &holder->remote))
        return NO;
    /* A connection that is bound to no device takes segments from all of them (inet_bound_dev_eq()). */
    tristate device =
        !holder->device_known ? UNKNOWN : holder->device == 0 || holder->device == newcomer->device;
    /* From a wildcard, the address that routing would have chosen is not known. */
    tristate local = endpoint_is_wildcard(&newcomer->local)
                         ? UNKNOWN
                         : endpoint_same_address(&newcomer->local, &holder->local);
    return kleene_and(device, local);
}

bool rules_is_dual_stack(const struct newcomer *newcomer, const struct holder *holder)
{
    bool new_v6 = newcomer->local.family == AF_INET6 && !endpoint_is_mapped(&newcomer->local);
    bool old_v6 = holder->local.family == AF_INET6 && !endpoint_is_mapped(&holder->local);
    return new_v6 != old_v6;
}
