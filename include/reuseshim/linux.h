/* SPDX-License-Identifier: MIT
 *
 * Numbers of the kernel's interface that a libc's headers may not have, and what its protocols have in
 * common. None of it ever changes.
 */
#ifndef REUSESHIM_LINUX_H
#define REUSESHIM_LINUX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262 /* Linux 5.6 */
#endif
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif
#ifndef SO_BINDTODEVICE
#define SO_BINDTODEVICE 25
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24 /* Linux 4.2 */
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* Linux 6.3; the low port in the low half */
#endif

/* An MPTCP socket is placed by its TCP subflow, which is also what sock_diag and /proc show of it. */
static inline bool protocol_is_tcp(int protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

static inline bool protocol_is_udp(int protocol)
{
    return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* What to ask the kernel for. */
static inline int protocol_shown(int protocol)
{
    return protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
}

#endif
