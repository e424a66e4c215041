/* SPDX-License-Identifier: MIT
 *
 * Linux: by the very rules that explain a refusal (conflict/rules.c); before 3.9 by fewer. Contract in
 * judges.h.
 */
#include "judges.h"

#include "reuseshim/rules.h"

#include <errno.h>
#include <netinet/in.h>

static tristate known(bool value)
{
    return value ? YES : NO;
}

static struct newcomer newcomer_of(const struct system_socket *socket)
{
    struct newcomer newcomer = {.call = CALL_BIND,
                                .family = socket->local.family,
                                .protocol = socket->protocol,
                                .local = socket->local,
                                .uid = socket->user,
                                .uid_known = true,
                                .kernel = KERNEL(6, 8),
                                .own_group = NO};
    newcomer.options[OPTION_REUSEADDR] = known(asks(socket, ASKS_ADDRESS));
    newcomer.options[OPTION_REUSEPORT] = known(asks(socket, ASKS_PORT));
    newcomer.options[OPTION_V6ONLY] = known(socket->v6only);
    return newcomer;
}

static struct holder holder_of(const struct system_socket *socket)
{
    static const uint8_t states[STAGE_COUNT] = {[STAGE_BOUND] = STATE_CLOSE,
                                                [STAGE_LISTENING] = STATE_LISTEN,
                                                [STAGE_CONNECTED] = STATE_ESTABLISHED,
                                                [STAGE_TIME_WAIT] = STATE_TIME_WAIT};
    struct holder holder = holder_unknown();
    holder.protocol = socket->protocol;
    holder.state = states[socket->stage];
    holder.local = socket->local;
    holder.inode = socket->stage != STAGE_TIME_WAIT;
    holder.uid = socket->user;
    holder.uid_known = holder.device_known = true;
    holder.v6only = known(socket->v6only);
    holder.reuseaddr = known(asks(socket, ASKS_ADDRESS));
    holder.reuseport = known(asks(socket, ASKS_PORT));
    return holder;
}

static const char *why_refused(const struct system_socket *old, const struct system_socket *newcomer)
{
    bool listens = old->protocol == IPPROTO_TCP && old->stage == STAGE_LISTENING;
    if (asks(old, ASKS_PORT) && asks(newcomer, ASKS_PORT))
        return "SO_REUSEPORT shares a port only among sockets of one user";
    if (asks(old, ASKS_ADDRESS) && asks(newcomer, ASKS_ADDRESS) && listens)
        return "SO_REUSEADDR never lets anybody in beside a listener";
    return old->stage == STAGE_TIME_WAIT ? "the same option has to be on both, also against TIME_WAIT"
                                         : "the same option has to be on both sockets";
}

struct system_answer judge_linux(const struct bind_case *bind_case)
{
    const struct newcomer newcomer = newcomer_of(bind_case->newcomer);
    bool unsure = false, meets = false;
    for (size_t i = 0; i < bind_case->count; i++) {
        const struct holder holder = holder_of(&bind_case->existing[i]);
        if (holder.protocol != newcomer.protocol)
            continue;
        tristate blocks = rules_blocks(&newcomer, &holder);
        if (blocks == YES)
            return refused(EADDRINUSE, why_refused(&bind_case->existing[i], bind_case->newcomer));
        unsure |= blocks == UNKNOWN;
        meets |= rules_overlap(&newcomer, &holder) != NO;
    }
    struct system_answer answer =
        allowed(meets ? "both sockets have the option that shares the port" : "nothing overlaps");
    answer.unsure = unsure;
    return answer;
}

struct system_answer judge_old_linux(const struct bind_case *bind_case)
{
    const struct system_socket *newcomer = bind_case->newcomer;
    bool meets = false;
    for (size_t i = 0; i < bind_case->count; i++) {
        const struct system_socket *old = &bind_case->existing[i];
        if (old->protocol != newcomer->protocol || addresses_meet(bind_case->traits, old, newcomer) == APART)
            continue;
        meets = true;
        if (!asks(old, ASKS_ADDRESS) || !asks(newcomer, ASKS_ADDRESS))
            return refused(EADDRINUSE, old->stage == STAGE_TIME_WAIT
                                           ? "SO_REUSEADDR has to be on both, also against TIME_WAIT"
                                           : "SO_REUSEADDR has to be on both sockets");
        if (old->protocol == IPPROTO_TCP && old->stage == STAGE_LISTENING)
            return refused(EADDRINUSE, "SO_REUSEADDR never lets anybody in beside a listener");
    }
    return allowed(meets ? "both sockets have SO_REUSEADDR" : "nothing overlaps");
}
