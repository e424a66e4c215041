/* SPDX-License-Identifier: MIT
 *
 * The model against the kernel: random histories of up to seven sockets on one port, which come, listen,
 * change their options and go. What the pair rule cannot know (the TCP bucket cache, the order of UDP's
 * chains) is modelled here, because it can only turn a refusal into a success, and the library is asked about
 * refusals.
 *
 *   histories [-n COUNT] [-S SEED] [-l LIBRARY [-u UID] [-s STEP]]
 */
#define _GNU_SOURCE
#include "arguments.h"
#include "judge.h"
#include "tap.h"
#include "witness.h"
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOCKETS_MAX = 7, STEPS = 14 };

struct sock {
    int fd; /* -1: not there */
    bool bound, listens, attached;
    unsigned born; /* order of bind */
    struct choice choice;
};

/* What the kernel remembers of the port's binds with SO_REUSEPORT; before 6.8 also that all had SO_REUSEADDR
 * and none listened, and that the first had SO_REUSEPORT, which lets its user in on any address. */
struct bucket {
    bool remembers, any_address, reuseaddr;
    uint32_t uid;
    struct endpoint local;
    bool v6only;
};

struct history {
    bool tcp;
    uint16_t port;
    unsigned births;
    struct sock sockets[SOCKETS_MAX];
    struct bucket bucket;
};

static struct arguments arguments = {.count = 40000, .seed = 1};
static bool witnessed; /* the last call was made under the library */
static long by_cache, by_order, overlooked;
static uint64_t seed; /* never 0 */

static unsigned dice(unsigned sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % sides);
}

/* ---- the model ------------------------------------------------------------------------------------- */

static struct newcomer newcomer_of(const struct history *history, const struct sock *sock)
{
    struct newcomer b = world_newcomer(history->tcp, &sock->choice, history->port);
    b.own_group = sock->attached;
    return b;
}

/* The others on the port, in the order in which UDP meets them: newest first, but AF_INET6 with SO_REUSEPORT
 * at the end. The option counts as it was at bind. */
static unsigned others(const struct history *history, const struct sock *but,
                       struct holder there[SOCKETS_MAX], const struct sock *who[SOCKETS_MAX])
{
    unsigned count = 0;
    for (int late = 0; late < 2; late++)
        for (unsigned k = 0; k <= history->births; k++) {
            unsigned born = late ? k : history->births - k;
            for (int i = 0; i < SOCKETS_MAX; i++) {
                const struct sock *one = &history->sockets[i];
                bool at_end =
                    strchr(one->choice.place ? one->choice.place->address : "", ':') && one->choice.accepter;
                if (one->fd < 0 || !one->bound || one == but || one->born != born || at_end != late)
                    continue;
                who[count] = one;
                there[count++] = world_describe(history->tcp, one->fd,
                                                one->listens ? STATE_LISTEN : STATE_CLOSE, &one->choice);
            }
        }
    return count;
}

/* Is `b` the remembered address, or inside a remembered wildcard of its family? */
static bool is_covered(const struct bucket *bucket, const struct newcomer *b)
{
    const struct endpoint *old = &bucket->local, *new = &b->local;
    bool old_v4 = old->family == AF_INET || endpoint_is_mapped(old);
    bool new_v4 = new->family == AF_INET || endpoint_is_mapped(new);
    bool real_v6 = !new_v4 && !endpoint_is_wildcard(new);
    bool new_v6only = real_v6 || b->options[OPTION_V6ONLY] == YES;
    if (old_v4 && (new_v4 || old->family == AF_INET)) {
        /* [::] has 0.0.0.0 as its IPv4 address. */
        static const unsigned char any[4];
        const unsigned char *o = old->family == AF_INET ? old->address : old->address + 12;
        const unsigned char *n = new->family == AF_INET ? new->address : new_v4 ? new->address + 12 : any;
        if (new->family == AF_INET6 && new_v6only)
            return false;
        return memcmp(o, n, 4) == 0 || memcmp(o, any, 4) == 0;
    }
    if (!old_v4 && endpoint_is_wildcard(old))
        return !(bucket->v6only && new_v4);
    return endpoint_same_address(old, new);
}

static bool is_let_in_by_port(const struct bucket *bucket, const struct newcomer *b)
{
    return bucket->remembers && b->options[OPTION_REUSEPORT] == YES && b->own_group == NO &&
           bucket->uid == b->uid && (bucket->any_address || is_covered(bucket, b));
}

static bool is_let_in(const struct bucket *bucket, const struct newcomer *b)
{
    bool by_address = bucket->reuseaddr && b->options[OPTION_REUSEADDR] == YES && b->call == CALL_BIND;
    return by_address || is_let_in_by_port(bucket, b);
}

/* `alone`: nobody else was on the port, nor the newcomer itself, as it is when it listens. */
static void remember(struct history *history, const struct newcomer *b, bool alone)
{
    struct bucket *bucket = &history->bucket;
    bool old = b->kernel < KERNEL(6, 8), first = old && alone;
    bool reuses = b->options[OPTION_REUSEADDR] == YES && b->call == CALL_BIND;
    bool lets_in = is_let_in_by_port(bucket, b);
    bucket->reuseaddr = old && reuses && (first || bucket->reuseaddr);
    if (b->options[OPTION_REUSEPORT] != YES) {
        bucket->remembers = false;
    } else if (first || !lets_in) {
        bool real_v6 =
            b->local.family == AF_INET6 && !endpoint_is_wildcard(&b->local) && !endpoint_is_mapped(&b->local);
        *bucket = (struct bucket){true,   first,    bucket->reuseaddr,
                                  b->uid, b->local, real_v6 || b->options[OPTION_V6ONLY] == YES};
    }
}

/* From 6.1 to 6.7 the kernel looks at one bucket of wildcards only (bhash2). Whoever asks for a mapped
 * address may so get in beside a wildcard that would have refused it alone. */
static bool may_be_overlooked(const struct newcomer *b)
{
    return b->kernel >= KERNEL(6, 1) && b->kernel < KERNEL(6, 8) && endpoint_is_mapped(&b->local) &&
           !endpoint_is_wildcard(&b->local);
}

static bool tcp_refuses(const struct history *history, const struct newcomer *b, const struct holder *there,
                        unsigned count)
{
    bool refuses = false;
    for (unsigned i = 0; i < count; i++)
        refuses |= rules_blocks(b, &there[i]) == YES;
    if (refuses && is_let_in(&history->bucket, b)) {
        by_cache++;
        return false;
    }
    return refuses;
}

/* The first that neither is elsewhere nor shares by SO_REUSEADDR decides for all. */
static bool udp_refuses(const struct newcomer *b, const struct holder *there, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bool shares_address = b->options[OPTION_REUSEADDR] == YES && there[i].reuseaddr == YES;
        if (rules_overlap(b, &there[i]) != YES || shares_address)
            continue;
        bool refuses = rules_blocks(b, &there[i]) == YES;
        for (unsigned k = i + 1; k < count && !refuses; k++)
            if (rules_blocks(b, &there[k]) == YES) {
                by_order++;
                break;
            }
        return refuses;
    }
    return false;
}

/* ---- the steps ------------------------------------------------------------------------------------- */

static int make_call(const struct history *history, enum call call, const struct sock *sock)
{
    struct sockaddr_storage address;
    socklen_t length = world_address(&address, sock->choice.place->address, history->port);
    if ((witnessed = witness_is_asked()))
        return witness_call(call, sock->fd, &address, length);
    int result =
        call == CALL_BIND ? bind(sock->fd, (struct sockaddr *)&address, length) : listen(sock->fd, 8);
    return result == 0 ? 0 : errno;
}

static void try_call(struct tally *tally, struct history *history, struct sock *sock, enum call call)
{
    struct holder there[SOCKETS_MAX];
    const struct sock *who[SOCKETS_MAX];
    struct newcomer b = newcomer_of(history, sock);
    unsigned count = others(history, sock, there, who);
    bool alone = count == 0 && call == CALL_BIND;
    b.call = call;
    bool expected = history->tcp ? tcp_refuses(history, &b, there, count) : udp_refuses(&b, there, count);
    int error = make_call(history, call, sock);
    tally->outcomes++;
    tally->refusals += error == EADDRINUSE;
    if (expected && error == 0 && history->tcp && may_be_overlooked(&b)) {
        overlooked++;
        expected = false;
    }
    if ((error == EADDRINUSE) != expected || (error && error != EADDRINUSE)) {
        if (tally->mismatches++ < 5) {
            char local[64];
            witness_write(local, &b.local);
            printf("# kernel %d (%s), model %d: call %d %s uid=%u ra=%d rp=%d v6only=%d group=%d among %u\n",
                   error, strerror(error), expected, (int)call, local, b.uid, b.options[0], b.options[1],
                   b.options[OPTION_V6ONLY], b.own_group, count);
            for (unsigned i = 0; i < count; i++) {
                witness_write(local, &there[i].local);
                printf("#   %s state %d uid=%u ra=%d rp=%d v6only=%d blocks %d\n", local, there[i].state,
                       there[i].uid, there[i].reuseaddr, there[i].reuseport, there[i].v6only,
                       rules_blocks(&b, &there[i]));
            }
        }
    } else if (error && witnessed) {
        judge_record(tally, &b, there, count);
    }
    if (error == 0) {
        sock->bound = true;
        sock->listens = call == CALL_LISTEN;
        if (history->tcp)
            remember(history, &b, alone);
    }
}

static void come(struct tally *tally, struct history *history, struct sock *sock)
{
    bool attach = dice(8) == 0;
    *sock = (struct sock){.choice = {.place = &places[dice(PLACES)],
                                     .reuseaddr = dice(2),
                                     .reuseport = attach || dice(2),
                                     .own_group = attach,
                                     .uid = dice(4) == 0 ? OTHER_USER : 0},
                          .attached = attach};
    sock->fd = world_socket(history->tcp, &sock->choice);
    sock->born = ++history->births;
    sock->choice.accepter = sock->choice.reuseport; /* at bind; see others() */
    try_call(tally, history, sock, CALL_BIND);
    if (!sock->bound) {
        close(sock->fd);
        sock->fd = -1;
    }
}

static void change_an_option(struct sock *sock)
{
    bool address = dice(2);
    bool *option = address ? &sock->choice.reuseaddr : &sock->choice.reuseport;
    int value = !*option;
    if (!address && sock->attached)
        return; /* a group without the option is another matter */
    if (setsockopt(sock->fd, SOL_SOCKET, address ? SO_REUSEADDR : SO_REUSEPORT, &value, sizeof value) == 0)
        *option = value;
}

static void go(struct history *history, struct sock *sock)
{
    close(sock->fd);
    sock->fd = -1;
    for (int i = 0; i < SOCKETS_MAX; i++)
        if (history->sockets[i].fd >= 0)
            return;
    history->bucket = (struct bucket){0};
}

static void live(struct tally *tally, bool tcp, uint16_t port)
{
    struct history history = {.tcp = tcp, .port = port};
    for (int i = 0; i < SOCKETS_MAX; i++)
        history.sockets[i].fd = -1;
    for (int i = 0; i < STEPS; i++) {
        struct sock *sock = &history.sockets[dice(SOCKETS_MAX)];
        unsigned what = dice(10);
        if (sock->fd < 0)
            come(tally, &history, sock);
        else if (what < 4 && tcp && !sock->listens)
            try_call(tally, &history, sock, CALL_LISTEN);
        else if (what < 6)
            change_an_option(sock);
        else if (what < 7)
            go(&history, sock);
    }
    for (int i = 0; i < SOCKETS_MAX; i++)
        if (history.sockets[i].fd >= 0)
            close(history.sockets[i].fd);
}

int main(int argc, char **argv)
{
    arguments_read(&arguments, argc, argv);
    seed = (uint64_t)arguments.seed;
    for (int tcp = 1; tcp >= 0; tcp--) {
        struct tally tally = {0};
        char line[500], name[160];
        uint64_t begun = seed;
        world_begin();
        if (arguments.library)
            witness_start(arguments.library, arguments.user);
        for (long i = 0; i < arguments.count; i++)
            live(&tally, tcp, (uint16_t)(1024 + i % 30000));
        witness_stop();
        snprintf(name, sizeof name, "%ld %s histories (seed %llu; %ld let in by %s, %ld overlooked)",
                 arguments.count, tcp ? "TCP" : "UDP", (unsigned long long)begun, tcp ? by_cache : by_order,
                 tcp ? "the bucket cache" : "the first in the chain", tcp ? overlooked : 0);
        judge_write(line, sizeof line, name, &tally);
        ok(judge_is_clean(&tally) && tally.outcomes > arguments.count, line);
        fflush(stdout);
    }
    return tap_end();
}
