/* SPDX-License-Identifier: MIT
 *
 * The socket options that a rule can set: the only list of them. Pure.
 */
#ifndef REUSESHIM_OPTIONS_H
#define REUSESHIM_OPTIONS_H

#include "linux.h" /* beside this file, so that a program of the tests needs no include path */

#include <stdbool.h>

/* Which sockets have an option: all, those of the two Internet families, those of IPv6. The last is a flag of
 * the descriptor and not of the socket. */
enum option_kind { OF_ANY, OF_INTERNET, OF_IPV6, OF_DESCRIPTOR };

/* NAME, the word in rules and records, level and name for setsockopt(2), the sockets that have it. Records
 * list them in this order. */
#define SOCKET_OPTIONS(_)                                                                                    \
    _(REUSEADDR, "reuseaddr", SOL_SOCKET, SO_REUSEADDR, OF_ANY)                                              \
    _(REUSEPORT, "reuseport", SOL_SOCKET, SO_REUSEPORT, OF_ANY)                                              \
    _(V6ONLY, "v6only", IPPROTO_IPV6, IPV6_V6ONLY, OF_IPV6)                                                  \
    _(BIND_ADDRESS_NO_PORT, "bind-address-no-port", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, OF_INTERNET)        \
    _(FREEBIND, "freebind", IPPROTO_IP, IP_FREEBIND, OF_INTERNET)                                            \
    _(CLOEXEC, "cloexec", -1, -1, OF_DESCRIPTOR)

#define OPTION_ENUMERATOR(name, ...) OPTION_##name,
enum socket_option { SOCKET_OPTIONS(OPTION_ENUMERATOR) OPTION_COUNT };

struct option_info {
    char word[24];
    int level;
    int name;
    enum option_kind kind;
};
extern const struct option_info option_table[OPTION_COUNT];

/* Sets of options are bits, in a byte. */
static inline unsigned option_bit(enum socket_option option)
{
    return 1U << option;
}
_Static_assert(OPTION_COUNT <= 8, "struct rule and struct shim keep a set of options in a byte");

/* The option that setsockopt(level, name) is about, or -1. */
int option_find(int level, int name);

/* Does a socket of this family have it? */
bool option_fits(enum socket_option option, int family);

#endif
