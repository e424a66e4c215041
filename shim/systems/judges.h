/* SPDX-License-Identifier: MIT
 *
 * Between the files of this room: the predicates of whole families of systems. Pure.
 */
#ifndef REUSESHIM_SYSTEMS_JUDGES_H
#define REUSESHIM_SYSTEMS_JUDGES_H

#include "reuseshim/systems.h"

#include <stddef.h>

enum user_test { NO_USER_TEST, USERS_FREEBSD, USERS_OPENBSD, USERS_NETBSD, USERS_MACOS };

/* What differs between the systems of one family. */
struct traits {
    uint8_t knows;          /* the options that it has, ASKS_* */
    enum user_test users;   /* of a BSD */
    bool symmetric;         /* of a BSD: for multicast SO_REUSEADDR and SO_REUSEPORT are one */
    bool v6_is_alone;       /* a wildcard of IPv6 takes no IPv4 */
    bool dual_stack_unread; /* what it says to a dual stack beside IPv4 is not known */
    bool classic;           /* of Windows: before Server 2003 */
};

/* One bind beside others. */
struct bind_case {
    const struct traits *traits;
    const struct system_socket *existing;
    size_t count;
    const struct system_socket *newcomer;
};

typedef struct system_answer judge(const struct bind_case *bind_case);
judge judge_bsd, judge_solaris, judge_windows, judge_old_linux, judge_linux;

/* ---- relation.c ---- */

/* How the two addresses meet. */
enum relation_of_addresses { APART, BOTH_WILDCARD, OLD_WILDCARD, NEW_WILDCARD, SAME_ADDRESS };
enum relation_of_addresses addresses_meet(const struct traits *traits, const struct system_socket *old,
                                          const struct system_socket *newcomer);
static inline bool is_exact(enum relation_of_addresses relation)
{
    return relation == BOTH_WILDCARD || relation == SAME_ADDRESS;
}
/* One of IPv4 and one of IPv6. */
bool are_of_two_families(const struct system_socket *old, const struct system_socket *newcomer);

static inline bool asks(const struct system_socket *socket, uint8_t options)
{
    return socket->asks & options;
}
/* It has a remote address, TIME_WAIT included. */
static inline bool is_connected(const struct system_socket *socket)
{
    return socket->stage == STAGE_CONNECTED || socket->stage == STAGE_TIME_WAIT;
}
static inline struct system_answer allowed(const char *reason)
{
    return (struct system_answer){0, reason, false};
}
static inline struct system_answer refused(int error, const char *reason)
{
    return (struct system_answer){error, reason, false};
}

#endif
