/* SPDX-License-Identifier: MIT
 *
 * One refusal from the question to the answer. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/file.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

enum {
    LISTENING = 1U << STATE_LISTEN,
    BOUND = 1U << STATE_CLOSE | 1U << STATE_BOUND_INACTIVE,
    ALL = (1U << STATE_COUNT) - 1,
};

struct listing {
    struct conflict *conflict;
    const struct newcomer *newcomer;
};

static void list(void *context, const struct holder *holder)
{
    const struct listing *listing = context;
    conflict_add(listing->conflict, listing->newcomer, holder);
}

static int collect(struct conflict *conflict, const struct newcomer *newcomer, uint32_t states, void *buffer)
{
    struct listing listing = {conflict, newcomer};
    struct question question = {.protocol = protocol_shown(newcomer->protocol),
                                .ports = {newcomer->local.port, newcomer->local.port},
                                .states = states,
                                .deadline = conflict->deadline,
                                .found = list,
                                .context = &listing};
    return conflict_collect(conflict, &question, buffer);
}

/* A listener that certainly blocks is answer enough; its connections, perhaps 100,000, need not be walked. */
static bool is_decided(const struct conflict *conflict)
{
    return conflict->holder_count && conflict->holders[0].blocks == YES &&
           conflict->holders[0].state == STATE_LISTEN;
}

/* "TCP: inuse 27 orphan 1 tw 12 ...": few enough that one more look at all of them does not matter? */
static bool are_few(void)
{
    enum { FEW = 20000 };
    char text[256];
    uint64_t inuse;
    ssize_t length = file_read("/proc/thread-self/net/sockstat", text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    const char *at = strstr(text, "TCP: inuse ");
    if (at == NULL)
        return false;
    at += strlen("TCP: inuse ");
    return text_to_number(at, strspn(at, "0123456789"), UINT32_MAX, &inuse) && inuse < FEW;
}

static int collect_all(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    if (!protocol_is_tcp(newcomer->protocol))
        return collect(conflict, newcomer, ALL, buffer);
    uint32_t connected = ALL & ~(uint32_t)(LISTENING | BOUND);
    if (newcomer->call == CALL_CONNECT)
        return collect(conflict, newcomer, connected, buffer);
    /* To find the bound ones the kernel goes through all connections of the port, too
     * (inet_diag_dump_icsk()). */
    bool few = are_few();
    int result = collect(conflict, newcomer, few ? LISTENING | BOUND : LISTENING, buffer);
    if (result == 0 && !few && !is_decided(conflict))
        result = collect(conflict, newcomer, BOUND, buffer);
    if (result == 0 && !is_decided(conflict))
        result = collect(conflict, newcomer, connected, buffer);
    return result;
}

/* connect() also says EADDRNOTAVAIL when no local address can reach the peer. A datagram socket, whose
 * connect sends nothing, is told that as well. */
static bool peer_is_unreachable(const struct newcomer *newcomer)
{
    union any_sockaddr peer;
    socklen_t length = endpoint_to_sockaddr(&newcomer->remote, &peer);
    int fd = raw_socket(newcomer->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (newcomer->device_name[0])
        (void)raw_setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, newcomer->device_name, IF_NAMESIZE);
    int result = raw_connect(fd, &peer, length);
    raw_close(fd);
    return result == -EADDRNOTAVAIL;
}

/* Not every error of these numbers is about a port that is taken. */
static bool is_about_ports(const struct newcomer *newcomer, const struct conflict *conflict)
{
    if (newcomer->call != CALL_CONNECT)
        return true;
    if (newcomer->error == EAGAIN)
        return newcomer->type == SOCK_DGRAM;
    /* Holders of other ports of the range prove nothing. */
    bool proved = conflict->holder_count && newcomer->local.port;
    return proved || !endpoint_is_internet(&newcomer->remote) || !peer_is_unreachable(newcomer);
}

static void explain_port(struct conflict *conflict, struct newcomer *newcomer, void *buffer)
{
    conflict->all_sockets = collect_all(conflict, newcomer, buffer) == 0;
    conflict->shows_bound = conflict->all_sockets && conflict_shows_bound(conflict);
    conflict->complete = owners_find(conflict, newcomer, buffer) && conflict->all_sockets;
    /* Once hidden options have been read, what was unknown may be known. */
    conflict_decide(conflict, newcomer);
    conflict_settle(conflict, newcomer);
    evidence_find(conflict, newcomer, buffer);
}

bool conflict_explain(struct conflict *conflict, struct newcomer *newcomer, void *buffer)
{
    int64_t started = raw_clock(CLOCK_MONOTONIC);
    bool internet = newcomer->family == AF_INET || newcomer->family == AF_INET6;
    bool ported = newcomer->type == SOCK_STREAM || newcomer->type == SOCK_DGRAM;
    if (internet && conflict_is_elsewhere(newcomer))
        conflict->cause = newcomer->call == CALL_CONNECT ? CAUSE_UNKNOWN : CAUSE_UNSEEN;
    else if (newcomer->family == AF_UNIX)
        unix_explain(conflict, newcomer, buffer);
    else if (internet && ported && newcomer->local.port == 0)
        exhausted_explain(conflict, newcomer, buffer);
    else if (internet)
        explain_port(conflict, newcomer, buffer);
    if (!is_about_ports(newcomer, conflict))
        return false;
    conflict->cause = cause_find(conflict, newcomer);
    sentence_write(conflict, newcomer);
    cures_find(conflict, newcomer);
    conflict->elapsed_us = (raw_clock(CLOCK_MONOTONIC) - started) / 1000;
    return true;
}
