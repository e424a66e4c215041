/* SPDX-License-Identifier: MIT
 *
 * From the sockets on the port to the one cause and the sentence that says it. Pure. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"

#include <string.h>

/* Which kind of hindrance a socket is, if it blocks. */
static enum cause cause_of(const struct newcomer *newcomer, const struct holder *holder)
{
    if (rules_is_time_wait(holder))
        return CAUSE_TIME_WAIT;
    bool users_differ = newcomer->uid_known && holder->uid_known && newcomer->uid != holder->uid;
    if (newcomer->options[OPTION_REUSEPORT] == YES && holder->reuseport == YES && users_differ)
        return CAUSE_OTHER_USER;
    switch (holder->state) {
    case STATE_LISTEN:
        return CAUSE_LISTENER;
    case STATE_CLOSE:
        return CAUSE_BOUND;
    case STATE_FIN_WAIT1:
    case STATE_FIN_WAIT2:
    case STATE_LAST_ACK:
    case STATE_CLOSING:
        return holder->inode == 0 ? CAUSE_ORPHAN : CAUSE_CONNECTED;
    default:
        return CAUSE_CONNECTED;
    }
}

/* The surest blockers first, then in the order of the causes. */
static int rank(const struct newcomer *newcomer, const struct holder *holder)
{
    int certainty = holder->blocks == YES ? 0 : holder->blocks == UNKNOWN ? 1 : 2;
    return certainty * CAUSE_COUNT + (int)cause_of(newcomer, holder);
}

void conflict_add(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *found)
{
    struct holder holder = *found;
    if (newcomer->inode && holder.inode == newcomer->inode)
        return; /* the newcomer itself, bound already */
    if (newcomer->call == CALL_CONNECT)
        holder.blocks = rules_same_tuple(newcomer, &holder);
    else
        holder.blocks = rules_blocks(newcomer, &holder);
    if (newcomer->call == CALL_CONNECT ? holder.blocks == NO : rules_overlap(newcomer, &holder) == NO)
        return;

    uint32_t count = conflict->holder_count, at = 0;
    int own_rank = rank(newcomer, &holder);
    while (at < count && rank(newcomer, &conflict->holders[at]) <= own_rank)
        at++;
    if (count == HOLDERS_MAX)
        conflict->holders_omitted++;
    else
        conflict->holder_count = ++count;
    if (at >= count)
        return;
    memmove(&conflict->holders[at + 1], &conflict->holders[at], (count - 1 - at) * sizeof holder);
    conflict->holders[at] = holder;
}

/* The call failed, so somebody blocks. If only one can be the one, it is, and what was hidden about it is
 * thereby known. */
static void settle(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct holder *only = NULL;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        struct holder *holder = &conflict->holders[i];
        if (holder->blocks == YES || (holder->blocks == UNKNOWN && only))
            return;
        if (holder->blocks == UNKNOWN)
            only = holder;
    }
    if (only == NULL || conflict->holders_omitted || !conflict->shows_bound)
        return;
    only->blocks = YES;
    if (newcomer->call == CALL_CONNECT)
        return;
    if (rules_overlap(newcomer, only) == UNKNOWN) {
        if (only->device_known && only->v6only == UNKNOWN)
            only->v6only = NO;
    }
    /* Nothing is proved about SO_REUSEPORT: a newcomer with a reuseport program of its own is refused
     * whatever the holder has, and such a program cannot be read back. */
    if (newcomer->options[OPTION_REUSEADDR] == YES && only->state != STATE_LISTEN)
        only->reuseaddr = NO;
}

/* The cause of the first blocker in the table's order; of those who may block, only if all agree and all were
 * seen. */
static enum cause choose(const struct conflict *conflict, const struct newcomer *newcomer)
{
    enum cause sure = CAUSE_UNKNOWN, perhaps = CAUSE_UNKNOWN;
    bool agreed = conflict->all_sockets && conflict->holders_omitted == 0;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        enum cause one = cause_of(newcomer, &conflict->holders[i]);
        if (conflict->holders[i].blocks == YES && (sure == CAUSE_UNKNOWN || one < sure))
            sure = one;
        if (conflict->holders[i].blocks != UNKNOWN)
            continue;
        agreed &= perhaps == CAUSE_UNKNOWN || perhaps == one;
        perhaps = one;
    }
    return sure != CAUSE_UNKNOWN ? sure : agreed ? perhaps : CAUSE_UNKNOWN;
}

/* By what is known now; equals stay as they are. */
static void sort(struct conflict *conflict, const struct newcomer *newcomer)
{
    for (uint32_t i = 1; i < conflict->holder_count; i++)
        for (uint32_t k = i;
             k > 0 && rank(newcomer, &conflict->holders[k]) < rank(newcomer, &conflict->holders[k - 1]);
             k--) {
            struct holder holder = conflict->holders[k];
            conflict->holders[k] = conflict->holders[k - 1];
            conflict->holders[k - 1] = holder;
        }
}

/* Why a holder of that kind refuses, to a newcomer without and with SO_REUSEADDR. */
static const char *const sentences[CAUSE_COUNT][2] = {
    [CAUSE_LISTENER] = {"it listens there; two can listen only with SO_REUSEPORT on both and one user",
                        "it listens there; SO_REUSEADDR never lets anybody in beside a listener"},
    [CAUSE_BOUND] = {"it is bound there, and SO_REUSEADDR is not on both sockets",
                     "it is bound there without SO_REUSEADDR; Linux wants the option on both sockets"},
    [CAUSE_CONNECTED] =
        {"a live connection has that local port, and SO_REUSEADDR is not on both sockets",
         "a live connection has that local port, without SO_REUSEADDR; Linux wants the option on both sockets"},
    [CAUSE_TIME_WAIT] =
        {"a closed connection keeps its port for a minute, unless SO_REUSEADDR is on both sockets; this one does not have it",
         "it was closed without SO_REUSEADDR; Linux wants the option on both sockets"},
    [CAUSE_ORPHAN] =
        {"it is still closing, without a process, and SO_REUSEADDR is not on both sockets",
         "it is still closing, without SO_REUSEADDR and without a process; Linux wants the option on both sockets"},
    [CAUSE_OTHER_USER] =
        {"it belongs to another user; SO_REUSEPORT shares a port inside one user only, root included",
         "it belongs to another user; SO_REUSEPORT shares a port inside one user only, root included"},
    [CAUSE_SAME_TUPLE] = {"a connection from that local port to that very peer exists already",
                          "a connection from that local port to that very peer exists already"},
    [CAUSE_PORTS_EXHAUSTED] = {"no port of the range for automatic ports is free on that address",
                               "no port of the range for automatic ports is free on that address"},
    [CAUSE_UNSEEN] =
        {"nothing visible holds the port: its holder has just left, is in a network namespace or VRF that cannot be seen from here, or is a bound socket on a kernel before 6.8",
         "nothing visible holds the port: its holder has just left, is in a network namespace or VRF that cannot be seen from here, or is a bound socket on a kernel before 6.8"},
};
static const char several[] =
    "one of them lacks an option that Linux wants on both sockets, and does not show which";
static const char harmless[] =
    "none of the sockets that can be seen would refuse it: one has just left, or this one has a reuseport program of its own and may not join";
static const char path_taken[] = "the path exists already; a socket file stays when its server ends";
static const char name_taken[] = "a live socket has that abstract name";

static enum cause find_cause(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!endpoint_is_internet(&newcomer->local))
        return CAUSE_UNKNOWN;
    if (newcomer->local.port == 0)
        return CAUSE_PORTS_EXHAUSTED;
    if (newcomer->call == CALL_CONNECT && conflict->holder_count)
        return CAUSE_SAME_TUPLE;
    if (conflict->holder_count == 0 && conflict->all_sockets)
        return CAUSE_UNSEEN;
    return conflict->holder_count ? choose(conflict, newcomer) : conflict->cause;
}

static const char *find_sentence(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (newcomer->family == AF_UNIX)
        return newcomer->path.length && newcomer->path.bytes[0] == '\0' ? name_taken : path_taken;
    if (newcomer->call != CALL_CONNECT && conflict->holder_count && conflict->holders[0].blocks == NO)
        return harmless;
    if (newcomer->call != CALL_CONNECT && conflict->holder_count > 1 && conflict->holders[0].blocks != YES)
        return several;
    const char *found = sentences[conflict->cause][newcomer->options[OPTION_REUSEADDR] == YES];
    return found ? found : "";
}

/* "[::]:80 also takes IPv4, bind it with v6only" */
static void write_dual_stack(struct text *text, const struct conflict *conflict,
                             const struct newcomer *newcomer)
{
    bool ours = newcomer->local.family == AF_INET6;
    const struct endpoint *dual = ours ? &newcomer->local : &conflict->holders[0].local;
    text_string(text, "; ");
    endpoint_write(text, dual);
    text_string(text, endpoint_is_wildcard(dual)
                          ? " also takes IPv4, bind it with v6only"
                          : " was accepted by a dual-stack server and also counts as IPv4");
}

void conflict_conclude(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct text text = text_in(conflict->because, sizeof conflict->because);
    settle(conflict, newcomer);
    sort(conflict, newcomer);
    conflict->cause = find_cause(conflict, newcomer);
    text_string(&text, find_sentence(conflict, newcomer));
    if (conflict->range.last) {
        text_string(&text, " (");
        text_unsigned(&text, conflict->range.first);
        text_char(&text, '-');
        text_unsigned(&text, conflict->range.last);
        text_char(&text, ')');
    }
    if (conflict->holder_count && newcomer->call != CALL_CONNECT &&
        rules_is_dual_stack(newcomer, &conflict->holders[0]))
        write_dual_stack(&text, conflict, newcomer);
    text_end(&text);
    conflict_cures(conflict, newcomer);
}
