/* SPDX-License-Identifier: MIT
 *
 * The Internet protocols, and what is different about each. Pure.
 */
#ifndef REUSESHIM_PROTOCOL_H
#define REUSESHIM_PROTOCOL_H

#include <netinet/in.h>
#include <stdbool.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262 /* Linux 5.6 */
#endif
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

/* By which of the kernel's rules a local port is given away. */
enum port_rule { PORTS_UNKNOWN, PORTS_OF_TCP, PORTS_OF_UDP };

struct protocol {
    int number; /* IPPROTO_*; of the last row -1: all others */
    int type;   /* SOCK_* */
    enum port_rule ports;
    int shown; /* under which number the kernel shows its sockets: MPTCP's are placed by their TCP subflow */
    int matched;   /* the IPPROTO_* that a rule names to be about it, 0 where no word of the language is */
    char word[8];  /* in records; "" for none */
    char table[8]; /* /proc/net/TABLE and TABLE6; "" for none */
};
extern const struct protocol protocols[];

/* What socket(2) makes of protocol 0 and a type: the first row of that type; 0 if there is none. */
int protocol_of_type(int type);

/* The row of a protocol; never NULL. */
const struct protocol *protocol_find(int number);

static inline bool protocol_is_tcp(int number)
{
    return protocol_find(number)->ports == PORTS_OF_TCP;
}

static inline bool protocol_is_udp(int number)
{
    return protocol_find(number)->ports == PORTS_OF_UDP;
}

#endif
