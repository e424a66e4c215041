/* SPDX-License-Identifier: MIT
 *
 * The table of protocols. Contract in protocol.h.
 */
#include "reuseshim/protocol.h"

/* clang-format off */
const struct protocol protocols[] = {
    /* number         ports           shown            matched      word       table */
    {IPPROTO_TCP,     PORTS_OF_TCP,   IPPROTO_TCP,     IPPROTO_TCP, "tcp",     "tcp"},
    {IPPROTO_UDP,     PORTS_OF_UDP,   IPPROTO_UDP,     IPPROTO_UDP, "udp",     "udp"},
    {IPPROTO_MPTCP,   PORTS_OF_TCP,   IPPROTO_TCP,     IPPROTO_TCP, "mptcp",   ""},
    {IPPROTO_UDPLITE, PORTS_OF_UDP,   IPPROTO_UDPLITE, 0,           "udplite", "udplite"},
    {IPPROTO_SCTP,    PORTS_UNKNOWN,  IPPROTO_SCTP,    0,           "sctp",    ""},
    {IPPROTO_DCCP,    PORTS_UNKNOWN,  IPPROTO_DCCP,    0,           "dccp",    ""},
    {IPPROTO_ICMP,    PORTS_UNKNOWN,  IPPROTO_ICMP,    0,           "icmp",    ""},
    {IPPROTO_ICMPV6,  PORTS_UNKNOWN,  IPPROTO_ICMPV6,  0,           "icmp6",   ""},
    {-1,              PORTS_UNKNOWN,  -1,              0,           "",        ""},
};
/* clang-format on */

const struct protocol *protocol_find(int number)
{
    const struct protocol *row = protocols;
    while (row->number != number && row->number >= 0)
        row++;
    return row;
}
