/* SPDX-License-Identifier: MIT
 *
 * Windows, by the tables of "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE" at Microsoft's, of which its own
 * text differs here and there. Contract in judges.h.
 */
#include "judges.h"

#include <errno.h>

static struct system_answer classic(const struct system_socket *old, const struct system_socket *newcomer)
{
    if (!asks(newcomer, ASKS_ADDRESS) || asks(newcomer, ASKS_EXCLUSIVE))
        return refused(EADDRINUSE, "the newcomer lacks SO_REUSEADDR");
    return asks(old, ASKS_EXCLUSIVE) ? refused(EACCES, "SO_EXCLUSIVEADDRUSE on the old socket forbids it")
                                     : allowed("SO_REUSEADDR of the newcomer alone takes any port");
}

static struct system_answer enhanced(const struct system_socket *old, const struct system_socket *newcomer,
                                     enum relation_of_addresses how)
{
    bool reuses = asks(newcomer, ASKS_ADDRESS) && !asks(newcomer, ASKS_EXCLUSIVE);
    bool is_reused = asks(old, ASKS_ADDRESS) && !asks(old, ASKS_EXCLUSIVE);
    if (is_exact(how) && reuses)
        return is_reused
                   ? allowed("both have SO_REUSEADDR")
                   : refused(EACCES, "the very same address wants SO_REUSEADDR on the first socket, too");
    if (is_exact(how))
        return refused(EADDRINUSE, "the very same address is bound");
    if (how == NEW_WILDCARD)
        return asks(newcomer, ASKS_EXCLUSIVE)
                   ? refused(EADDRINUSE, "SO_EXCLUSIVEADDRUSE on a wildcard wants the port for itself")
                   : allowed("a wildcard may be bound after any address");
    if (asks(old, ASKS_EXCLUSIVE))
        return refused(EACCES, "SO_EXCLUSIVEADDRUSE on the wildcard forbids it");
    if (old->user == newcomer->user)
        return allowed("one user may bind an address beside the wildcard");
    return is_reused && reuses ? allowed("both have SO_REUSEADDR")
                               : refused(EACCES, "another user has the wildcard");
}

struct system_answer judge_windows(const struct bind_case *bind_case)
{
    struct system_answer answer = allowed("nothing overlaps");
    for (size_t i = 0; i < bind_case->count && answer.error == 0; i++) {
        const struct system_socket *old = &bind_case->existing[i];
        enum relation_of_addresses how = addresses_meet(bind_case->traits, old, bind_case->newcomer);
        if (old->protocol != bind_case->newcomer->protocol || how == APART)
            continue;
        if (old->stage == STAGE_TIME_WAIT)
            answer = allowed("TIME_WAIT refuses nobody");
        else
            answer = bind_case->traits->classic ? classic(old, bind_case->newcomer)
                                                : enhanced(old, bind_case->newcomer, how);
        /* The tables are about sockets that are bound. */
        answer.unsure = is_connected(old);
    }
    return answer;
}
