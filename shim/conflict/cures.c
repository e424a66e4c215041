/* SPDX-License-Identifier: MIT
 *
 * What makes the refused call succeed. Only what is certain to: no cure is better than a wrong one. Pure.
 * Contract in conflict.h.
 */
#include "reuseshim/conflict.h"

#include <netinet/in.h>
#include <string.h>

static struct cure *add(struct conflict *conflict, const char *policy, enum apply_to apply_to, unsigned needs)
{
    struct cure *cure = &conflict->cures[conflict->cure_count++];
    cure->policy = policy;
    cure->apply_to = apply_to;
    cure->needs = needs;
    return cure;
}

/* "tcp port 8080 force reuseaddr". Rules come before the policy, so they also name what the socket has
 * already: else they would take away what the policy gave it. */
static void write_rules(struct cure *cure, const struct newcomer *newcomer, const char *family,
                        unsigned options)
{
    struct text text = text_in(cure->rules, sizeof cure->rules);
    bool first = true;
    text_strings(&text, family, newcomer->protocol == IPPROTO_UDP ? "udp" : "tcp", " port ");
    text_unsigned(&text, newcomer->local.port);
    text_string(&text, " force ");
    for (int i = 0; i < OPTION_COUNT; i++) {
        bool has = i != OPTION_CLOEXEC && newcomer->options[i] == YES;
        if (!has && !(options & 1U << i))
            continue;
        text_strings(&text, first ? "" : ",", option_table[i].word);
        first = false;
    }
    text_end(&text);
}

static void write_text(struct cure *cure, const char *before, int64_t number, const char *after)
{
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, before);
    if (number >= 0)
        text_signed(&text, number);
    text_string(&text, after);
    text_end(&text);
}

/* How long until the last of the blockers that expire has gone, in whole seconds rounded up; -1 if not all
 * do. */
static int64_t seconds_to_wait(const struct conflict *conflict)
{
    enum { TIME_WAIT_MS = 60000 }; /* TCP_TIMEWAIT_LEN, not tunable */
    int64_t longest = -1;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (holder->blocks == NO)
            continue;
        if (holder->timer_ms < 0)
            return -1;
        /* A FIN_WAIT2 whose peer closes becomes TIME_WAIT in its last moment at the worst. */
        int64_t left = holder->timer_ms + (holder->state == STATE_FIN_WAIT2 ? TIME_WAIT_MS : 0);
        if (left > longest)
            longest = left;
    }
    return longest < 0 ? -1 : (longest + 999) / 1000;
}

static void cure_by_waiting(struct conflict *conflict)
{
    int64_t seconds = seconds_to_wait(conflict);
    if (seconds >= 0)
        write_text(add(conflict, NULL, APPLY_TO_THIS, 0), "wait ", seconds, " s and start it again");
}

/* SO_REUSEADDR on both helps against everything but a listener. */
static void cure_by_reuseaddr(struct conflict *conflict, const struct newcomer *newcomer, const char *text)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].state == STATE_LISTEN)
            return;
    struct cure *cure = add(conflict, "restart", APPLY_TO_BOTH, 0);
    write_text(cure, text, -1, "");
    write_rules(cure, newcomer, "", 1U << OPTION_REUSEADDR);
}

/* Stopping the one process that holds the one blocker; only if nobody else can have it, which takes a look at
 * all processes. Its connections may stay behind in TIME_WAIT. */
static void cure_by_stopping(struct conflict *conflict)
{
    const struct owners *owners = &conflict->owners[conflict->holders[0].owners];
    bool alone = conflict->holder_count == 1 || conflict->holders[1].blocks == NO;
    if (!alone || !conflict->all_processes || conflict->holders[0].blocks != YES || owners->count != 1 ||
        owners->processes[0].relation == RELATION_SELF || owners->processes[0].relation == RELATION_ANCESTOR)
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_HOLDER, NEED_STOP_HOLDER);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, "stop process ");
    text_signed(&text, owners->processes[0].pid);
    text_string(&text, " (");
    text_escaped(&text, owners->processes[0].program, strlen(owners->processes[0].program));
    text_string(&text, "), if it should not be there");
    if (conflict->cause != CAUSE_BOUND)
        text_string(&text, "; a connection that it closes may hold the port for 60 s more");
    text_end(&text);
}

/* A dual-stack [::] only wanted IPv6, perhaps: v6only on it ends the quarrel with an IPv4 socket. */
static void cure_by_v6only(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool ours = newcomer->local.family == AF_INET6 && !endpoint_is_mapped(&newcomer->local) &&
                endpoint_is_wildcard(&newcomer->local);
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct endpoint *local = &conflict->holders[i].local;
        bool plain_v4 = local->family == AF_INET || endpoint_is_mapped(local);
        bool dual = !plain_v4 && endpoint_is_wildcard(local) && conflict->holders[i].v6only == NO;
        if (conflict->holders[i].blocks == NO)
            continue;
        if (ours ? !plain_v4 : newcomer->local.family != AF_INET || !dual)
            return;
    }
    struct cure *cure = add(conflict, NULL, ours ? APPLY_TO_THIS : APPLY_TO_HOLDER, 0);
    write_text(cure,
               ours ? "bind [::] for IPv6 alone (it then no longer takes IPv4)"
                    : "let the holder bind [::] for IPv6 alone (it then no longer takes IPv4)",
               -1, "");
    write_rules(cure, newcomer, "ipv6 ", 1U << OPTION_V6ONLY);
}

static void cure_by_sharing(struct conflict *conflict, const struct newcomer *newcomer)
{
    /* A newcomer that has the option and is refused all the same may have a reuseport program of its own. */
    if (newcomer->options[OPTION_REUSEPORT] == YES)
        return;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && (!conflict->holders[i].uid_known || !newcomer->uid_known ||
                                                  conflict->holders[i].uid != newcomer->uid))
            return;
    /* With SO_REUSEADDR as well, for what an instance leaves behind in TIME_WAIT. */
    struct cure *cure = add(conflict, "handover", APPLY_TO_BOTH, NEED_SAME_USER);
    bool same = endpoint_same_address(&newcomer->local, &conflict->holders[0].local);
    write_text(
        cure,
        same ? "or let both serve the port: each then gets a part of the connections"
             : "or let both serve the port: each then gets what is for its own address, the exact one first",
        -1, "");
    write_rules(cure, newcomer, "", 1U << OPTION_REUSEADDR | 1U << OPTION_REUSEPORT);
}

/* A connection got its option from the listener that it came in by, or before its own connect(). */
static void cure_a_connection(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = add(conflict, NULL, APPLY_TO_BOTH, 0);
    write_text(cure, "or force SO_REUSEADDR on both, on the holder from its start", -1, "");
    write_rules(cure, newcomer, "", 1U << OPTION_REUSEADDR);
    struct text text = {.start = cure->rules, .size = sizeof cure->rules - 1, .used = strlen(cure->rules)};
    text_string(&text, ";on connect tcp force reuseaddr");
    text_end(&text);
}

void conflict_cures(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool tcp = newcomer->protocol == IPPROTO_TCP;
    /* What holds against those that are listed need not hold against the others. */
    if (conflict->holder_count == 0 || conflict->holders_omitted || !conflict->all_sockets ||
        newcomer->call == CALL_CONNECT || conflict->holders[0].blocks == NO ||
        (!tcp && newcomer->protocol != IPPROTO_UDP))
        return;
    if (rules_is_dual_stack(newcomer, &conflict->holders[0]))
        cure_by_v6only(conflict, newcomer);
    switch (conflict->cause) {
    case CAUSE_TIME_WAIT:
        cure_by_waiting(conflict);
        cure_by_reuseaddr(
            conflict, newcomer,
            "for the next time: run every instance under the policy restart, this one included");
        break;
    case CAUSE_LISTENER:
        cure_by_stopping(conflict);
        if (tcp)
            cure_by_sharing(conflict, newcomer);
        break;
    case CAUSE_BOUND:
    case CAUSE_CONNECTED:
    case CAUSE_ORPHAN:
        if (conflict->cause != CAUSE_ORPHAN)
            cure_by_stopping(conflict);
        if (tcp && conflict->cause == CAUSE_CONNECTED)
            cure_a_connection(conflict, newcomer);
        else if (tcp)
            cure_by_reuseaddr(conflict, newcomer,
                              "or run both under the policy restart, the holder from its start");
        break;
    default:
        break;
    }
}
