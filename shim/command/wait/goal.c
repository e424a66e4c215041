/* SPDX-License-Identifier: MIT
 *
 * Contract in goal.h.
 */
#include "goal.h"

#include "../why/answer.h"
#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <string.h>

enum { BUDGET_MS = 3000 };

/* ---- free ------------------------------------------------------------------------------------------- */

static unsigned options_for(const struct goal *goal, const struct probe *probe)
{
    return protocol_is_tcp(probe->protocol) && !goal->plain ? option_bit(OPTION_REUSEADDR) : 0;
}

static bool is_absent(const struct probe *probe)
{
    return probe->implied && (probe->error == EADDRNOTAVAIL || probe->error == EAFNOSUPPORT);
}

static enum look look_at_free(const struct goal *goal, struct probe *probe, struct scratch *scratch)
{
    unsigned options = options_for(goal, probe);
    probe->error = probe_try(probe, options);
    switch (probe->error) {
    case 0:
        return LOOK_REACHED;
    case EADDRINUSE:
    case EADDRNOTAVAIL: /* an address may come */
        return LOOK_NOT_YET;
    case EACCES:
        break;
    default:
        return is_absent(probe) ? LOOK_NOT_YET : LOOK_HOPELESS;
    }
    /* A port below 1024 that this user may not bind: by the kernel's rule. */
    probe_run(probe, options, BUDGET_MS, scratch);
    return probe->free_by_rule ? LOOK_REACHED : probe_is_refused(probe) ? LOOK_NOT_YET : LOOK_HOPELESS;
}

/* All of them, but for addresses that nobody named and that are not here. */
static enum look look_for_free(struct goal *goal, struct scratch *scratch)
{
    size_t reached = 0, absent = 0;
    for (size_t i = 0; i < goal->count; i++) {
        struct probe *probe = &goal->probes[i];
        enum look look = look_at_free(goal, probe, scratch);
        bool passed_over = look != LOOK_REACHED && is_absent(probe);
        reached += look == LOOK_REACHED;
        absent += passed_over;
        if (look == LOOK_REACHED || (passed_over && reached + absent < goal->count))
            continue;
        goal->open = probe;
        if (!passed_over || reached == 0)
            return look;
    }
    return reached ? LOOK_REACHED : LOOK_NOT_YET;
}

/* ---- taken ------------------------------------------------------------------------------------------ */

struct listening {
    const struct probe *probe;
    bool found;
};

/* Would what is sent to that address get there? Where no address was named, any will do. */
static void take_in(void *context, const struct holder *holder)
{
    struct listening *listening = context;
    const struct endpoint *asked = &listening->probe->local;
    bool dual = holder->local.family == AF_INET6 && holder->v6only != YES;
    bool elsewhere = asked->scope && holder->device && holder->device != asked->scope;
    if (holder->remote.family != AF_UNSPEC || elsewhere)
        return;
    if (endpoint_is_wildcard(asked))
        listening->found |= holder->local.family == asked->family || (asked->family == AF_INET && dual);
    else if (endpoint_is_wildcard(&holder->local))
        listening->found |= holder->local.family == asked->family || dual;
    else
        listening->found |= endpoint_same_address(asked, &holder->local);
}

static bool is_listened_on(const struct probe *probe, struct scratch *scratch)
{
    struct listening listening = {.probe = probe};
    enum source source = SOURCE_NONE;
    struct question question = {.protocol = probe->protocol,
                                .ports = {probe->local.port, probe->local.port},
                                .states = 1U << (probe->type == SOCK_STREAM ? STATE_LISTEN : STATE_CLOSE),
                                .deadline = deadline_in(BUDGET_MS),
                                .found = take_in,
                                .context = &listening};
    (void)sockets_ask(&question, &source, scratch);
    return listening.found;
}

/* The explanation of a refusal that did not take place. */
static bool is_served(struct probe *probe, struct scratch *scratch)
{
    struct newcomer *newcomer = &probe->newcomer;
    struct conflict *conflict = &probe->conflict;
    newcomer_ask(newcomer, CALL_BIND, -1, EADDRINUSE, &probe->local, false);
    newcomer->path = probe->path;
    newcomer->type = probe->type;
    newcomer->protocol = probe->protocol;
    conflict_begin(conflict, BUDGET_MS, false);
    (void)conflict_explain(conflict, newcomer, scratch);
    const struct holder *holder = &conflict->holders[0];
    return conflict->cause == CAUSE_UNIX_LIVE &&
           (conflict->holder_count == 0 || holder->type == SOCK_DGRAM || holder->state == STATE_LISTEN);
}

static enum look look_for_taken(struct goal *goal, struct scratch *scratch)
{
    for (size_t i = 0; i < goal->count; i++)
        if (endpoint_is_internet(&goal->probes[i].local) ? is_listened_on(&goal->probes[i], scratch)
                                                         : is_served(&goal->probes[i], scratch))
            return LOOK_REACHED;
    goal->open = &goal->probes[0];
    return LOOK_NOT_YET;
}

enum look goal_look(struct goal *goal, struct scratch *scratch)
{
    return goal->taken ? look_for_taken(goal, scratch) : look_for_free(goal, scratch);
}

/* ---- words ------------------------------------------------------------------------------------------ */

void goal_write_trouble(struct text *text, struct goal *goal, const char *when, struct scratch *scratch)
{
    struct probe *probe = goal->open;
    const struct conflict *conflict = &probe->conflict;
    if (goal->taken) {
        text_strings(text, "nobody listens there", when);
        return;
    }
    probe_run(probe, options_for(goal, probe), BUDGET_MS, scratch);
    if (!probe_is_refused(probe)) {
        text_strings(text, probe_is_free(probe) ? "in use until a moment ago" : answer_verdict(probe), when);
        return;
    }
    text_strings(text, "still in use", when);
    if (conflict->holder_count) {
        text_string(text, ", held by ");
        record_write_holder(text, conflict, &conflict->holders[0]);
        record_write_omitted(text, conflict, "; ", 1);
    } else if (conflict->because[0]) {
        text_strings(text, ", because ", conflict->because);
    }
}
