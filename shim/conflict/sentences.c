/* SPDX-License-Identifier: MIT
 *
 * The sentence that says why the kernel refused. Contract in steps.h. Each cause has its own in causes.h;
 * here are those that are about more than one.
 */
#include "steps.h"

#include <string.h>

/* To a newcomer without and with SO_REUSEADDR. */
#define SENTENCES(name, word, plain, with_reuseaddr, ...) [CAUSE_##name] = {plain, with_reuseaddr},
static const char *const sentences[CAUSE_COUNT][2] = {[CAUSE_UNKNOWN] = {"", ""}, CAUSES(SENTENCES)};

static const char several[] = "one of these lacks an option that both need; which one cannot be seen";
static const char someone_elses[] =
    "SO_REUSEPORT shares a port only if both have it and the same user; the holder's cannot be seen";
static const char harmless[] = "none of the sockets that can be seen would refuse it: one has just left";
static const char reserved_port[] = "no port from 512 to 1023 is free";

/* Why nobody is seen to have a socket that somebody has. */
static const char *hidden_phrase(enum hidden hidden)
{
    switch (hidden) {
    case HIDDEN_BY_PERMISSION:
        return "this user may not see what every process has open";
    case HIDDEN_ELSEWHERE:
        return "its process is in another PID namespace";
    case HIDDEN_BY_INIT:
        return "no process that shows has it open: it is process 1's, which hides that, the kernel's or "
               "io_uring's, or in transit over a UNIX socket";
    case HIDDEN_IN_KERNEL:
        break;
    }
    return "no process has it open: it belongs to the kernel or io_uring, or is in transit over a UNIX socket";
}

static const char *find(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (conflict->path_trouble)
        return conflict->path_trouble;
    if (newcomer->call == CALL_BINDRESVPORT && conflict->cause == CAUSE_PORTS_EXHAUSTED)
        return reserved_port;
    if (newcomer->call != CALL_CONNECT && newcomer->local.port && conflict->holder_count) {
        if (conflict->holders[0].blocks == NO)
            return harmless;
        if (conflict->holder_count > 1 && conflict->holders[0].blocks != YES)
            return several;
    }
    if (conflict->cause == CAUSE_UNKNOWN && newcomer->options[OPTION_REUSEPORT] == YES &&
        conflict->holder_count)
        return someone_elses;
    const char *const *pair = sentences[conflict->cause];
    return pair[newcomer->options[OPTION_REUSEADDR] == YES && pair[1][0]];
}

static void write_count(struct text *text, const char *before, uint32_t count, const char *after)
{
    if (count == 0)
        return;
    text_string(text, before);
    text_unsigned(text, count);
    text_string(text, after);
}

/* " (32768-60999): of 28232 ports 28000 by pid 17 (client), 200 in TIME_WAIT, 32 by other processes" */
static void write_range(struct text *text, const struct range_use *use)
{
    text_string(text, " (");
    text_unsigned(text, use->range.first);
    text_char(text, '-');
    text_unsigned(text, use->range.last);
    text_string(text, use->own ? ", narrowed by IP_LOCAL_PORT_RANGE)" : ")");
    if (!use->counted)
        return;
    text_string(text, ": of ");
    text_unsigned(text, (uint32_t)(use->range.last - use->range.first) + 1);
    text_string(text, " ports ");
    text_unsigned(text, use->taken);
    text_string(text, " are taken");
    for (uint32_t i = 0; i < use->taker_count; i++) {
        const struct process *process = &use->takers[i].process;
        write_count(text, ", ", use->takers[i].ports, " by pid ");
        text_signed(text, process->pid);
        text_string(text, " (");
        text_escaped(text, process->names.program, strlen(process->names.program));
        text_char(text, ')');
    }
    write_count(text, ", ", use->by_others, " by other processes");
    write_count(text, ", ", use->time_wait, " in TIME_WAIT");
    write_count(text, ", ", use->without_process, " without a visible process");
    write_count(text, "; ", use->reserved, " are reserved");
}

/* "[::]:80 also takes IPv4; bind it with v6only" */
static void write_dual_stack(struct text *text, const struct conflict *conflict,
                             const struct newcomer *newcomer)
{
    bool ours = newcomer->local.family == AF_INET6;
    const struct endpoint *dual = ours ? &newcomer->local : &conflict->holders[0].local;
    text_string(text, "; ");
    endpoint_write(text, dual);
    text_string(text, endpoint_is_wildcard(dual)
                          ? " also takes IPv4; bind it with v6only"
                          : " was accepted by a dual-stack server and also counts as IPv4");
}

/* What there is to say of the one in the way beyond its cause. */
static void write_circumstances(struct text *text, const struct conflict *conflict)
{
    const struct holder *first = &conflict->holders[0];
    const struct owners *owners = &conflict->owners[first->owners];
    bool leftover = conflict->cause == CAUSE_TIME_WAIT || conflict->cause == CAUSE_ORPHAN;
    /* Of those who took a whole range the first is one of many. */
    if (conflict->holder_count == 0 || conflict->cause == CAUSE_PORTS_EXHAUSTED)
        return;
    if (leftover && first->outgoing != NO)
        text_string(text, first->outgoing == YES
                              ? "; it was an outgoing connection, and not one of an earlier server here"
                              : "; it may be left of an earlier server, or of an outgoing connection");
    if (owners->count && (owners->processes[0].state == 'T' || owners->processes[0].state == 't'))
        text_string(text, "; that process is stopped and serves nobody");
    if (owners->count && owners->processes[0].relation == RELATION_SELF)
        text_string(text, "; this program asks for the port twice");
    if (first->owner == OWNER_LIKELY)
        text_string(text, "; it hides what it has open, and nothing else that shows can be it");
    if (first->owner == OWNER_HIDDEN)
        text_strings(text, "; ", hidden_phrase(conflict->hidden));
}

void sentence_write(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct text text = text_in(conflict->because, sizeof conflict->because);
    text_string(&text, find(conflict, newcomer));
    if (conflict->refusal.found)
        refusal_write(&text, conflict, newcomer);
    if (conflict->range_use.range.last)
        write_range(&text, &conflict->range_use);
    bool meets = conflict->holder_count && newcomer->call != CALL_CONNECT && newcomer->local.port &&
                 endpoint_is_internet(&newcomer->local);
    if (meets && rules_is_dual_stack(newcomer, &conflict->holders[0]))
        write_dual_stack(&text, conflict, newcomer);
    write_circumstances(&text, conflict);
    text_end(&text);
}
