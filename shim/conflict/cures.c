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

/* "tcp port 8080 force reuseaddr" */
static void write_rules(struct cure *cure, const struct newcomer *newcomer, const char *family,
                        const char *action)
{
    struct text text = text_in(cure->rules, sizeof cure->rules);
    text_strings(&text, family, newcomer->protocol == IPPROTO_UDP ? "udp" : "tcp", " port ");
    text_unsigned(&text, newcomer->local.port);
    text_strings(&text, " ", action);
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
    int64_t longest = -1;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (holder->blocks == NO)
            continue;
        if (holder->timer_ms < 0)
            return -1;
        if (holder->timer_ms > longest)
            longest = holder->timer_ms;
    }
    return longest < 0 || conflict->holders_omitted ? -1 : (longest + 999) / 1000;
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
    write_rules(cure, newcomer, "", "force reuseaddr");
}

/* Stopping the one process that holds the one blocker. */
static void cure_by_stopping(struct conflict *conflict)
{
    const struct owners *owners = &conflict->owners[0];
    bool alone = conflict->holder_count == 1 || conflict->holders[1].blocks == NO;
    if (!alone || conflict->holders_omitted || conflict->holders[0].blocks != YES || owners->count != 1 ||
        owners->processes[0].relation == RELATION_SELF || owners->processes[0].relation == RELATION_ANCESTOR)
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_HOLDER, NEED_STOP_HOLDER);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, "stop process ");
    text_signed(&text, owners->processes[0].pid);
    text_string(&text, " (");
    text_escaped(&text, owners->processes[0].program, strlen(owners->processes[0].program));
    text_string(&text, "), if it should not be there");
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
    write_rules(cure, newcomer, "ipv6 ", "force v6only");
}

static void cure_by_sharing(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (newcomer->options[OPTION_REUSEPORT] == YES && conflict->holders[0].reuseport == UNKNOWN)
        return;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && (!conflict->holders[i].uid_known || !newcomer->uid_known ||
                                                  conflict->holders[i].uid != newcomer->uid))
            return;
    struct cure *cure = add(conflict, "share", APPLY_TO_BOTH, NEED_SAME_USER);
    write_text(cure, "or let both serve the port: each then gets a part of the connections", -1, "");
    write_rules(cure, newcomer, "", "force reuseport");
}

void conflict_cures(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool tcp = newcomer->protocol == IPPROTO_TCP;
    if (conflict->holder_count == 0 || newcomer->call == CALL_CONNECT || conflict->holders[0].blocks == NO ||
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
        if (tcp)
            cure_by_reuseaddr(conflict, newcomer,
                              "or run both under the policy restart, the holder from its start");
        break;
    default:
        break;
    }
}
