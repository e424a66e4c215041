/* SPDX-License-Identifier: MIT
 *
 * What bind(2) answers on other systems: shim/systems. Pure.
 *
 * Where each rule was read, and how certain that is, stands in shim/command/matrix/sources.c. One port, asked
 * for by number; before any of this every system says EACCES to a port that is privileged, EADDRNOTAVAIL to
 * an address that is not its own, and EINVAL to a second bind of one socket.
 */
#ifndef REUSESHIM_SYSTEMS_H
#define REUSESHIM_SYSTEMS_H

#include "reuseshim/address.h"

enum system {
    SYSTEM_BSD, /* 4.4BSD */
    SYSTEM_FREEBSD,
    SYSTEM_OPENBSD,
    SYSTEM_NETBSD,
    SYSTEM_MACOS,
    SYSTEM_SOLARIS,
    SYSTEM_ILLUMOS,
    SYSTEM_WINDOWS,    /* Server 2003 and later */
    SYSTEM_WINDOWS_XP, /* and before */
    SYSTEM_LINUX_2_6,  /* to 3.8 */
    SYSTEM_LINUX,
    SYSTEM_ANDROID,
    SYSTEM_COUNT
};

/* What a socket asked for, as bits: SO_REUSEADDR, SO_REUSEPORT, FreeBSD's SO_REUSEPORT_LB, and
 * SO_EXCLUSIVEADDRUSE or SO_EXCLBIND. */
enum { ASKS_ADDRESS = 1, ASKS_PORT = 2, ASKS_BALANCED = 4, ASKS_EXCLUSIVE = 8, ASKS_COUNT = 4 };

enum stage { STAGE_BOUND, STAGE_LISTENING, STAGE_CONNECTED, STAGE_TIME_WAIT, STAGE_COUNT };

struct system_socket {
    int protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    struct endpoint local;
    uint8_t asks;
    uint8_t stage;
    bool v6only;
    uint32_t user; /* 0 is root */
};

struct system_answer {
    int error; /* 0 where it is allowed; ENOPROTOOPT: the option that the newcomer wants is not there */
    const char *reason; /* in a few words */
    bool unsure;        /* the rule for this was not read, or could not be */
};

/* What `system` answers to the newcomer's bind beside the sockets that are there, in the order in which they
 * were bound.
 */
struct system_answer system_judge(enum system system, const struct system_socket *existing, size_t count,
                                  const struct system_socket *newcomer);

/* Who receives what arrives for two sockets on one unicast address and port, both of which may: for TCP a
 * connection, for UDP a datagram without a connected socket of its own. (Multicast reaches all of them
 * everywhere.) */
enum receives { RECEIVES_NEWEST, RECEIVES_OLDEST, RECEIVES_BY_HASH, RECEIVES_ANY };
enum receives system_receives(enum system system, const struct system_socket *old,
                              const struct system_socket *newcomer);
/* "to the newest of them" */
const char *receives_phrase(enum receives receives);

/* "freebsd", as the command takes it; "FreeBSD", as people read it. */
const char *system_word(enum system system);
const char *system_title(enum system system);
/* The options that it has, as bits ASKS_*. */
uint8_t system_options(enum system system);
/* SYSTEM_COUNT for none. */
enum system system_find(const char *word);

#endif
