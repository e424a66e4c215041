/* SPDX-License-Identifier: MIT
 *
 * One refusal from the question to the answer. Contract in conflict.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/linux.h"
#include "reuseshim/proc.h"
#include "reuseshim/protocol.h"
#include "steps.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
    LISTENING = 1U << STATE_LISTEN,
    BOUND = 1U << STATE_CLOSE | 1U << STATE_BOUND_INACTIVE,
};

struct listing {
    struct conflict *conflict;
    const struct newcomer *newcomer;
};

static void list(void *context, const struct holder *holder)
{
    const struct listing *listing = context;
    holders_add(listing->conflict, listing->newcomer, holder);
}

static int collect(struct conflict *conflict, const struct newcomer *newcomer, uint32_t states,
                   struct scratch *scratch)
{
    struct listing listing = {conflict, newcomer};
    struct question question = question_about(newcomer, conflict->deadline);
    question.states = states;
    question.found = list;
    question.context = &listing;
    return sockets_ask(&question, &conflict->source, scratch);
}

/* A listener that certainly blocks as one is answer enough: no cause comes before that. Its connections,
 * perhaps 100,000, need not be walked. */
static bool is_decided(const struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct holder *first = &conflict->holders[0];
    return conflict->holder_count && first->blocks == YES && first->state == STATE_LISTEN &&
           cause_of_holder(newcomer, first) == CAUSE_LISTENER;
}

/* "TCP: inuse 27 orphan 1 tw 12 ...": few enough that one more look at all of them does not matter? */
static bool are_few(void)
{
    enum { FEW = 20000 };
    char text[256];
    uint64_t inuse;
    (void)proc_read("/proc/thread-self/net/sockstat", text, sizeof text);
    return proc_number(text, "TCP: inuse ", UINT32_MAX, &inuse) && inuse < FEW;
}

static int collect_all(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    if (!protocol_is_tcp(newcomer->protocol))
        return collect(conflict, newcomer, ALL_STATES, scratch);
    uint32_t connected = ALL_STATES & ~(uint32_t)(LISTENING | BOUND);
    if (newcomer->call == CALL_CONNECT)
        return collect(conflict, newcomer, connected, scratch);
    /* To find the bound ones the kernel goes through all its buckets of ports, and all connections of this
     * one (inet_diag_dump_icsk()). Of them only a wildcard can meet one beside a listener that is not of its
     * kind. */
    bool at_once = endpoint_is_wildcard(&newcomer->local) && are_few();
    int result = collect(conflict, newcomer, at_once ? LISTENING | BOUND : LISTENING, scratch);
    if (result == 0 && !at_once && !is_decided(conflict, newcomer))
        result = collect(conflict, newcomer, BOUND, scratch);
    if (result == 0 && !is_decided(conflict, newcomer))
        result = collect(conflict, newcomer, connected, scratch);
    return result;
}

/* connect() also gives EADDRNOTAVAIL if no local address can reach the peer. A UDP connect, which sends
 * nothing, gets the same error. */
bool conflict_peer_is_unreachable(const struct endpoint *remote, const char *device)
{
    union any_sockaddr peer;
    socklen_t length = endpoint_to_sockaddr(remote, &peer);
    int fd = raw_socket(remote->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (device && device[0])
        (void)raw_setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, IF_NAMESIZE);
    int result = raw_connect(fd, &peer, length);
    raw_close(fd);
    return result == -EADDRNOTAVAIL;
}

/* AF_UNIX says EAGAIN for a full backlog, a stream for other reasons. */
static bool is_about_ports(const struct newcomer *newcomer)
{
    return newcomer->call != CALL_CONNECT || newcomer->error != EAGAIN || newcomer->type == SOCK_DGRAM;
}

static void find_out(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch)
{
    conflict->complete = conflict_find_owners(conflict, newcomer, scratch) && conflict->all_sockets;
    /* Once hidden options have been read, what was unknown may be known. */
    holders_decide(conflict, newcomer);
    conflict_settle(conflict, newcomer);
    evidence_find(conflict, newcomer, scratch);
    if (conflict->holder_count && endpoint_is_wildcard(&newcomer->local) &&
        !endpoint_is_wildcard(&conflict->holders[0].local))
        machine_addresses(conflict, scratch);
}

static void explain_port(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch)
{
    conflict->all_sockets = collect_all(conflict, newcomer, scratch) == 0;
    conflict->shows_bound = conflict->all_sockets && sockets_show_bound(conflict->source);
    int looked = foreign_holds(conflict) ? foreign_look(find_out, conflict, newcomer, scratch) : -ENOSYS;
    if (looked == -ETIMEDOUT) {
        foreign_give_up(conflict);
        holders_decide(conflict, newcomer);
        conflict_settle(conflict, newcomer);
    } else if (looked < 0) {
        find_out(conflict, newcomer, scratch);
    }
}

/* Errors of bind that are not about a socket in the way; connect shares one of them. */
static bool is_about_something_else(const struct newcomer *newcomer)
{
    if (newcomer->call == CALL_CONNECT)
        return newcomer->error == EADDRNOTAVAIL &&
               conflict_peer_is_unreachable(&newcomer->remote, newcomer->device_name);
    return newcomer->error != EADDRINUSE && newcomer->error != EAGAIN;
}

void conflict_begin(struct conflict *conflict, unsigned budget_ms, bool usual_calls_only)
{
    memset(conflict, 0, offsetof(struct conflict, room));
    conflict->started = raw_clock(CLOCK_MONOTONIC);
    conflict->deadline = conflict->started + (int64_t)budget_ms * 1000000;
    conflict->usual_calls_only = usual_calls_only;
}

void conflict_forget_commands(struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        for (uint32_t k = 0; k < PROCESSES_MAX; k++)
            conflict->owners[i].processes[k].command_length = 0;
}

static void conclude(struct conflict *conflict, const struct newcomer *newcomer)
{
    conflict->cause = cause_find(conflict, newcomer);
    sentence_write(conflict, newcomer);
    cures_find(conflict, newcomer);
}

void conflict_judge(struct conflict *conflict, const struct newcomer *newcomer)
{
    holders_decide(conflict, newcomer);
    if (conflict->holder_count && conflict->holders[0].blocks == YES)
        conclude(conflict, newcomer);
}

bool conflict_explain(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch)
{
    bool internet = newcomer->family == AF_INET || newcomer->family == AF_INET6;
    bool ported = newcomer->type == SOCK_STREAM || newcomer->type == SOCK_DGRAM;
    if (internet && is_about_something_else(newcomer)) {
        if (!refused_explain(conflict, newcomer, scratch))
            return false;
        conclude(conflict, newcomer);
        conflict->elapsed_us = microseconds_since(conflict->started);
        return true;
    }
    if (newcomer->call == CALL_SETSOCKOPT)
        conflict->cause = CAUSE_ALREADY_MEMBER;
    else if (internet && sockets_are_elsewhere(newcomer))
        conflict->cause = newcomer->call == CALL_CONNECT ? CAUSE_UNKNOWN : CAUSE_UNSEEN;
    else if (newcomer->family == AF_UNIX)
        unix_explain(conflict, newcomer, scratch);
    else if (internet && ported && newcomer->local.port == 0)
        exhausted_explain(conflict, newcomer, scratch);
    else if (internet)
        explain_port(conflict, newcomer, scratch);
    if (!is_about_ports(newcomer))
        return false;
    conclude(conflict, newcomer);
    conflict->elapsed_us = microseconds_since(conflict->started);
    return true;
}

void conflict_forget_policies(struct conflict *conflict)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < conflict->cure_count; i++)
        if (conflict->cures[i].policy == NULL && conflict->cures[i].rules[0] == '\0')
            conflict->cures[kept++] = conflict->cures[i];
    conflict->cure_count = kept;
}

void conflict_forget_owned(struct conflict *conflict)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode == 0)
            conflict->holders[kept++] = conflict->holders[i];
    conflict->holder_count = kept;
}
