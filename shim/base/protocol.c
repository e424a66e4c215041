/* SPDX-License-Identifier: MIT
 *
 * The table of protocols. Contract in protocol.h.
 */
#include "reuseshim/protocol.h"

#include <sys/socket.h>

#ifndef SOCK_DCCP
#define SOCK_DCCP 6
#endif

/* clang-format off */
const struct protocol protocols[] = {
    /* number         type         ports          shown            matched      word       table */
    {IPPROTO_TCP,     SOCK_STREAM, PORTS_OF_TCP,  IPPROTO_TCP,     IPPROTO_TCP, "tcp",     "tcp"},
    {IPPROTO_UDP,     SOCK_DGRAM,  PORTS_OF_UDP,  IPPROTO_UDP,     IPPROTO_UDP, "udp",     "udp"},
    {IPPROTO_MPTCP,   SOCK_STREAM, PORTS_OF_TCP,  IPPROTO_TCP,     IPPROTO_TCP, "mptcp",   ""},
    {IPPROTO_UDPLITE, SOCK_DGRAM,  PORTS_OF_UDP,  IPPROTO_UDPLITE, 0,           "udplite", "udplite"},
    {IPPROTO_SCTP,    SOCK_STREAM, PORTS_UNKNOWN, IPPROTO_SCTP,    0,           "sctp",    ""},
    {IPPROTO_DCCP,    SOCK_DCCP,   PORTS_UNKNOWN, IPPROTO_DCCP,    0,           "dccp",    ""},
    {IPPROTO_ICMP,    SOCK_RAW,    PORTS_UNKNOWN, IPPROTO_ICMP,    0,           "icmp",    ""},
    {IPPROTO_ICMPV6,  SOCK_RAW,    PORTS_UNKNOWN, IPPROTO_ICMPV6,  0,           "icmp6",   ""},
    {-1,              -1,          PORTS_UNKNOWN, -1,              0,           "",        ""},
};
/* clang-format on */

const struct protocol *protocol_find(int number)
{
    const struct protocol *row = protocols;
    while (row->number != number && row->number >= 0)
        row++;
    return row;
}

int protocol_of_type(int type)
{
    const struct protocol *row = protocols;
    while (row->number >= 0 && row->type != type)
        row++;
    return row->number < 0 || type == SOCK_RAW ? 0 : row->number;
}
