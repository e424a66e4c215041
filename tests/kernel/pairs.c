/* SPDX-License-Identifier: MIT
 *
 * The model against the kernel: every pair of an existing socket and a newcomer, bind and then listen, each
 * pair on a port of its own (the kernel's bucket cache must not carry over). Run as root in a network
 * namespace of its own; prints TAP, a line for each state of the existing socket.
 */
#define _GNU_SOURCE
#include "reuseshim/conflict.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OTHER_USER = 4711, FIRST_PORT = 1024, LAST_PORT = 32767 };

static const struct place {
    const char *address;
    bool v6only;
    const char *peer; /* where a client reaches it */
} places[] = {
    {"0.0.0.0", false, "127.0.0.1"},
    {"127.0.0.1", false, "127.0.0.1"},
    {"127.0.0.2", false, "127.0.0.2"},
    {"127.0.0.6", false, "127.0.0.6"},
    {"::", false, "::1"},
    {"::", true, "::1"},
    {"::1", false, "::1"},
    {"::ffff:127.0.0.1", false, "127.0.0.1"},
    {"::ffff:0.0.0.0", false, "127.0.0.1"},
};
enum { PLACES = sizeof places / sizeof *places };

static const struct kind {
    const char *name;
    bool tcp;
    enum { BOUND, LISTENING, ACCEPTED, LEFT_BEHIND, CONNECTED } life;
} kinds[] = {
    {"TCP, bound", true, BOUND},       {"TCP, listening", true, LISTENING},
    {"TCP, accepted", true, ACCEPTED}, {"TCP, TIME_WAIT", true, LEFT_BEHIND},
    {"UDP, bound", false, BOUND},      {"UDP, connected", false, CONNECTED},
};

struct choice {
    const struct place *place;
    bool reuseaddr, reuseport;
    uid_t uid;
};

static uint16_t port = FIRST_PORT;

static socklen_t to_sockaddr(struct sockaddr_storage *out, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        abort();
    memcpy(out, &v6, sizeof v6);
    return sizeof v6;
}

static int make(const struct kind *kind, const struct choice *choice)
{
    int on = 1, v6only = choice->place->v6only;
    bool v6 = strchr(choice->place->address, ':') != NULL;
    setfsuid(choice->uid);
    int fd = socket(v6 ? AF_INET6 : AF_INET, kind->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    setfsuid(0);
    if (fd < 0)
        abort();
    if (v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
    if (choice->reuseaddr)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (choice->reuseport)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    return fd;
}

static int bind_to(int fd, const struct choice *choice)
{
    struct sockaddr_storage address;
    socklen_t length = to_sockaddr(&address, choice->place->address);
    return bind(fd, (struct sockaddr *)&address, length);
}

static int client_of(const struct place *place)
{
    struct sockaddr_storage address;
    socklen_t length = to_sockaddr(&address, place->peer);
    int fd = socket(address.ss_family, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, length) != 0)
        abort();
    return fd;
}

/* What the kernel says of a socket, as the model wants it. */
static struct holder describe(const struct kind *kind, int fd, uint8_t state, const struct choice *choice)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int v6only = -1;
    struct holder holder = {.protocol = kind->tcp ? IPPROTO_TCP : IPPROTO_UDP,
                            .state = state,
                            .inode = state == STATE_TIME_WAIT ? 0 : 1,
                            .uid = choice->uid,
                            .uid_known = state != STATE_TIME_WAIT,
                            .device_known = true,
                            .reuseaddr = choice->reuseaddr,
                            .reuseport = choice->reuseport};
    getsockname(fd, (struct sockaddr *)&name, &length);
    endpoint_from_sockaddr(&holder.local, &name, length);
    length = sizeof v6only;
    getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &length);
    holder.v6only = v6only < 0 ? UNKNOWN : v6only != 0;
    return holder;
}

/* Makes the existing socket; its descriptors go to `open`. */
static struct holder settle_in(const struct kind *kind, const struct choice *choice, int open[2])
{
    int fd = make(kind, choice);
    open[0] = open[1] = -1;
    if (bind_to(fd, choice) != 0)
        abort();
    if (kind->life == BOUND || kind->life == LISTENING || kind->life == CONNECTED) {
        struct sockaddr_storage peer;
        socklen_t length = to_sockaddr(&peer, choice->place->peer);
        bool mapped = strchr(choice->place->address, ':') && !strchr(choice->place->peer, ':');
        char text[64];
        snprintf(text, sizeof text, "::ffff:%s", choice->place->peer);
        if (mapped)
            length = to_sockaddr(&peer, text);
        if (kind->life == LISTENING && listen(fd, 8) != 0)
            abort();
        if (kind->life == CONNECTED && connect(fd, (struct sockaddr *)&peer, length) != 0)
            abort();
        open[0] = fd;
        uint8_t state = kind->life == LISTENING   ? STATE_LISTEN
                        : kind->life == CONNECTED ? STATE_ESTABLISHED
                                                  : STATE_CLOSE;
        return describe(kind, fd, state, choice);
    }
    if (listen(fd, 8) != 0)
        abort();
    int client = client_of(choice->place);
    setfsuid(choice->uid);
    int child = accept(fd, NULL, NULL);
    setfsuid(0);
    struct holder holder =
        describe(kind, child, kind->life == ACCEPTED ? STATE_ESTABLISHED : STATE_TIME_WAIT, choice);
    close(fd);
    if (kind->life == LEFT_BEHIND) {
        char end;
        close(child);
        while (read(client, &end, 1) > 0)
            continue;
        close(client);
        return holder;
    }
    open[0] = child;
    open[1] = client;
    return holder;
}

static long outcomes, mismatches;

static void compare(const char *call, bool refused, const struct newcomer *b, const struct holder *a,
                    const struct choice *new_choice, const struct choice *old_choice)
{
    tristate model = rules_blocks(b, a);
    outcomes++;
    if (model == (refused ? YES : NO))
        return;
    if (mismatches++ < 10)
        printf(
            "# %s: kernel %s, model %d: old %s v6only=%d ra=%d rp=%d uid=%u, new %s v6only=%d ra=%d rp=%d uid=%u\n",
            call, refused ? "refuses" : "allows", model, old_choice->place->address,
            old_choice->place->v6only, old_choice->reuseaddr, old_choice->reuseport, old_choice->uid,
            new_choice->place->address, new_choice->place->v6only, new_choice->reuseaddr,
            new_choice->reuseport, new_choice->uid);
}

static void try_pair(const struct kind *kind, const struct choice *old_choice,
                     const struct choice *new_choice)
{
    int open[2];
    struct holder a = settle_in(kind, old_choice, open);
    int fd = make(kind, new_choice), v6only = new_choice->place->v6only;
    struct sockaddr_storage address;
    struct newcomer b = {.call = CALL_BIND,
                         .protocol = a.protocol,
                         .uid = new_choice->uid,
                         .uid_known = true,
                         .options = {[OPTION_REUSEADDR] = new_choice->reuseaddr,
                                     [OPTION_REUSEPORT] = new_choice->reuseport,
                                     [OPTION_V6ONLY] = (tristate)v6only}};
    socklen_t length = to_sockaddr(&address, new_choice->place->address);
    endpoint_from_sockaddr(&b.local, &address, length);

    int result = bind_to(fd, new_choice);
    if (result != 0 && errno != EADDRINUSE)
        abort();
    compare("bind", result != 0, &b, &a, new_choice, old_choice);
    if (result == 0 && kind->tcp) {
        b.call = CALL_LISTEN;
        result = listen(fd, 8);
        compare("listen", result != 0, &b, &a, new_choice, old_choice);
    }
    close(fd);
    for (int i = 0; i < 2; i++)
        if (open[i] >= 0)
            close(open[i]);
    port = port == LAST_PORT ? FIRST_PORT : (uint16_t)(port + 1);
}

int main(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        long pairs = 0;
        outcomes = mismatches = 0;
        for (int places_pair = 0; places_pair < PLACES * PLACES; places_pair++)
            for (unsigned bits = 0; bits < 32; bits++) {
                struct choice old_choice = {&places[places_pair / PLACES], bits & 1, bits & 2, 0};
                struct choice new_choice = {&places[places_pair % PLACES], bits & 4, bits & 8,
                                            bits & 16 ? OTHER_USER : 0};
                try_pair(&kinds[k], &old_choice, &new_choice);
                pairs++;
            }
        char name[128];
        snprintf(name, sizeof name, "%s: %ld pairs, %ld outcomes, %ld mismatches", kinds[k].name, pairs,
                 outcomes, mismatches);
        ok(mismatches == 0 && outcomes >= pairs, name);
    }
    return tap_end();
}
