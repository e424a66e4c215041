/* SPDX-License-Identifier: MIT
 *
 * The sentence that says why the kernel refused. Pure. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"

#include <string.h>

/* To a newcomer without and with SO_REUSEADDR; one sentence where that makes no difference. */
static const char *const sentences[CAUSE_COUNT][2] = {
    [CAUSE_LISTENER] = {"it listens there; two can listen only with SO_REUSEPORT on both and one user",
                        "it listens there; SO_REUSEADDR never lets anybody in beside a listener"},
    [CAUSE_BOUND] = {"it is bound there, and SO_REUSEADDR is not on both sockets",
                     "it is bound there without SO_REUSEADDR; Linux wants the option on both sockets"},
    [CAUSE_CONNECTED] =
        {"a live connection has that local port, and SO_REUSEADDR is not on both sockets",
         "a live connection has that local port, without SO_REUSEADDR; Linux wants the option on both sockets"},
    [CAUSE_EPHEMERAL_CLIENT] =
        {"an outgoing connection happened to get that local port, and SO_REUSEADDR is not on both sockets",
         "an outgoing connection without SO_REUSEADDR happened to get that local port; Linux wants the option on both sockets"},
    [CAUSE_INHERITED] =
        {"a program that is gone left its listening socket to that process, which does not seem to serve it",
         NULL},
    [CAUSE_TIME_WAIT] =
        {"a closed connection keeps its port for a minute, unless SO_REUSEADDR is on both sockets; this one does not have it",
         "it was closed without SO_REUSEADDR; Linux wants the option on both sockets"},
    [CAUSE_ORPHAN] =
        {"it is still closing, without a process, and SO_REUSEADDR is not on both sockets",
         "it is still closing, without SO_REUSEADDR and without a process; Linux wants the option on both sockets"},
    [CAUSE_OTHER_USER] =
        {"it belongs to another user; SO_REUSEPORT shares a port inside one user only, root included", NULL},
    [CAUSE_OWN_GROUP] =
        {"this socket has a reuseport program, and so a group of its own; it could only be the first on the port",
         NULL},
    [CAUSE_SAME_TUPLE] = {"a connection from that local port to that very peer exists already", NULL},
    [CAUSE_PORTS_EXHAUSTED] = {"no port of the range for automatic ports is free", NULL},
    [CAUSE_UNIX_LIVE] = {"a live socket has that name", NULL},
    [CAUSE_UNIX_STALE] = {"the socket file was left behind: nobody listens there any more", NULL},
    [CAUSE_UNSEEN] =
        {"nothing visible holds the port: its holder has just left, is in a network namespace or VRF that cannot be seen from here, or is a bound socket on a kernel before 6.8",
         NULL},
};
static const char several[] =
    "one of them lacks an option that Linux wants on both sockets, and does not show which";
static const char someone_elses[] =
    "SO_REUSEPORT would share the port only with the option on both and one user, and the holder's does not show";
static const char harmless[] = "none of the sockets that can be seen would refuse it: one has just left";
static const char reserved_port[] = "none of the ports for privileged programs is free";

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
    const char *found = pair[newcomer->options[OPTION_REUSEADDR] == YES && pair[1]];
    return found ? found : "";
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
        text_escaped(text, process->program, strlen(process->program));
        text_char(text, ')');
    }
    write_count(text, ", ", use->by_others, " by other processes");
    write_count(text, ", ", use->time_wait, " in TIME_WAIT");
    write_count(text, ", ", use->without_process, " without a visible process");
    write_count(text, "; ", use->reserved, " are reserved");
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

void sentence_write(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct text text = text_in(conflict->because, sizeof conflict->because);
    text_string(&text, find(conflict, newcomer));
    if (conflict->range_use.range.last)
        write_range(&text, &conflict->range_use);
    bool meets = conflict->holder_count && newcomer->call != CALL_CONNECT && newcomer->local.port &&
                 endpoint_is_internet(&newcomer->local);
    if (meets && rules_is_dual_stack(newcomer, &conflict->holders[0]))
        write_dual_stack(&text, conflict, newcomer);
    if (conflict->holder_count && conflict->holders[0].owner == OWNER_HIDDEN)
        text_strings(&text, "; ", hidden_phrase(conflict->hidden));
    text_end(&text);
}
