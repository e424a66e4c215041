/* SPDX-License-Identifier: MIT
 *
 * Who of several sockets on one address and port receives. Contract in systems.h.
 */
#include "reuseshim/systems.h"

#include <netinet/in.h>

/* On a wildcard, and on one address: in_pcblookup_hash() of each BSD, os by os; Microsoft calls it
 * indeterminate. */
static const uint8_t receivers[SYSTEM_COUNT][2] = {
    [SYSTEM_BSD] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
    [SYSTEM_FREEBSD] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
    [SYSTEM_OPENBSD] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
    [SYSTEM_NETBSD] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
    [SYSTEM_MACOS] = {RECEIVES_OLDEST, RECEIVES_NEWEST},
    [SYSTEM_SOLARIS] = {RECEIVES_ANY, RECEIVES_ANY},
    [SYSTEM_ILLUMOS] = {RECEIVES_BY_HASH, RECEIVES_BY_HASH},
    [SYSTEM_WINDOWS] = {RECEIVES_ANY, RECEIVES_ANY},
    [SYSTEM_WINDOWS_XP] = {RECEIVES_ANY, RECEIVES_ANY},
    [SYSTEM_LINUX_2_6] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
    [SYSTEM_LINUX] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
    [SYSTEM_ANDROID] = {RECEIVES_NEWEST, RECEIVES_NEWEST},
};

enum receives system_receives(enum system system, const struct system_socket *old,
                              const struct system_socket *newcomer)
{
    const bool linux_like = system == SYSTEM_LINUX || system == SYSTEM_ANDROID;
    if (linux_like && (newcomer->protocol == IPPROTO_TCP || old->asks & newcomer->asks & ASKS_PORT))
        return RECEIVES_BY_HASH;
    return receivers[system][!endpoint_is_wildcard(&newcomer->local)];
}

const char *receives_phrase(enum receives receives)
{
    static const char phrases[][40] = {[RECEIVES_NEWEST] = "to the newest of them",
                                       [RECEIVES_OLDEST] = "to the oldest of them",
                                       [RECEIVES_BY_HASH] = "to one of them, by a hash",
                                       [RECEIVES_ANY] = "to one of them, it does not say which"};
    return phrases[receives];
}
