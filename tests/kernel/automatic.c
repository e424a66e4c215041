/* SPDX-License-Identifier: MIT
 *
 * The model against the kernel where the kernel chooses the port: a range of one port, with one socket on it,
 * and a newcomer that binds port 0, listens or connects without bind; and connect() from a port that is
 * bound.
 *
 *   automatic [-l LIBRARY [-u UID] [-s STEP]] [-t FILE] [-e EVERY]
 */
#define _GNU_SOURCE
#include "arguments.h"
#include "judge.h"
#include "tap.h"
#include "witness.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_PORT = 20000, LAST_PORT = 32767 };

static struct arguments arguments;
static bool witnessed; /* the last call was made under the library */
static uint16_t port = FIRST_PORT;
static bool autobind_reuse;

/* What a newcomer does; `peer` is a port of the service that clients connect to, too. */
struct deed {
    const char *name;
    enum call call;
    bool tcp;
    uint16_t peer;
};
static const struct deed deeds[] = {{"bind to port 0", CALL_BIND, true, 0},
                                    {"listen without bind", CALL_LISTEN, true, 0},
                                    {"connect without bind, to the same peer", CALL_CONNECT, true, 1},
                                    {"connect without bind, to another peer", CALL_CONNECT, true, 2},
                                    {"bind to port 0", CALL_BIND, false, 0},
                                    {"connect without bind", CALL_CONNECT, false, 9}};

static bool is_v6(const struct choice *choice)
{
    return strchr(choice->place->address, ':') != NULL;
}

static socklen_t target(struct sockaddr_storage *address, const struct choice *choice, uint16_t to)
{
    bool mapped = strncmp(choice->place->address, "::ffff:", 7) == 0;
    return world_address(address, mapped ? "::ffff:127.0.0.9" : is_v6(choice) ? "::1" : "127.0.0.9", to);
}

/* The newcomer as the kernel sees it: what listens or connects without bind has the wildcard, and a
 * connection then the address that routing gives it. */
static struct newcomer describe(const struct deed *deed, const struct choice *choice)
{
    struct newcomer b = world_newcomer(deed->tcp, choice, 0);
    struct sockaddr_storage address;
    b.call = deed->call;
    b.autobind_reuse = autobind_reuse;
    if (deed->call == CALL_BIND)
        return b;
    socklen_t length = world_address(&address, is_v6(choice) ? "::" : "0.0.0.0", 0);
    endpoint_from_sockaddr(&b.local, &address, length);
    if (deed->call == CALL_LISTEN)
        return b;
    length = target(&address, choice, deed->peer);
    endpoint_from_sockaddr(&b.remote, &address, length);
    bool mapped = endpoint_is_mapped(&b.remote);
    if (deed->tcp) {
        length = world_address(&address,
                               mapped          ? "::ffff:127.0.0.1"
                               : is_v6(choice) ? "::1"
                                               : "127.0.0.1",
                               0);
        endpoint_from_sockaddr(&b.local, &address, length);
    }
    return b;
}

static int do_it(const struct deed *deed, int fd, const struct choice *choice)
{
    struct sockaddr_storage address;
    socklen_t length = deed->call == CALL_BIND ? world_address(&address, choice->place->address, 0)
                                               : target(&address, choice, deed->peer);
    if ((witnessed = witness_is_asked()))
        return witness_call(deed->call, fd, &address, length);
    int result = deed->call == CALL_BIND     ? bind(fd, (struct sockaddr *)&address, length)
                 : deed->call == CALL_LISTEN ? listen(fd, 8)
                                             : connect(fd, (struct sockaddr *)&address, length);
    return result == 0 ? 0 : errno;
}

static bool is_full(int error)
{
    return error == EADDRINUSE || error == EADDRNOTAVAIL || error == EAGAIN;
}

static void try_one(struct tally *tally, const struct deed *deed, const struct kind *kind,
                    const struct choice *old_choice, const struct choice *new_choice)
{
    struct resident a;
    uint16_t at = port;
    if (!arguments_take(&arguments))
        return;
    world_set_range(kind->life == CLIENT ? at : 40000, kind->life == CLIENT ? at : 60999);
    if (world_settle(&a, kind, old_choice, &at)) {
        world_set_range(at, at);
        /* A connection that bind did not place; a TIME_WAIT of one that bind did place keeps the port. */
        if (a.holder.connect_placed == UNKNOWN)
            a.holder.connect_placed = NO;
        int fd = world_socket(deed->tcp, new_choice);
        fcntl(fd, F_SETFL, O_NONBLOCK); /* connect() is done once it has a port */
        struct newcomer b = describe(deed, new_choice);
        int error = do_it(deed, fd, new_choice);
        judge_pair(tally, &b, &a.holder, is_full(error), arguments.trials);
        if (is_full(error) && witnessed)
            judge_record(tally, &b, &a.holder, 1);
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        world_leave(&a);
    }
    port = port == LAST_PORT ? FIRST_PORT : (uint16_t)(port + 1);
}

/* False where there is no such setting, before 5.7. */
static bool set_autobind_reuse(bool on)
{
    int fd = open("/proc/sys/net/ipv4/ip_autobind_reuse", O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return !on;
    autobind_reuse = on;
    if (fd < 0 || write(fd, on ? "1" : "0", 1) != 1)
        abort();
    close(fd);
    return true;
}

static void deed_against(const struct deed *deed, const struct kind *kind, bool relaxed)
{
    struct tally tally = {0};
    char name[160], line[500];
    world_begin();
    if (!set_autobind_reuse(relaxed))
        return;
    if (arguments.library)
        witness_start(arguments.library, arguments.user);
    for (int i = 0; i < PLACES * PLACES; i++)
        for (unsigned bits = 0; bits < 32; bits++) {
            uint32_t other = bits & 16 ? OTHER_USER : 0;
            if (other && kind->life == FIN_WAIT2_ORPHAN)
                continue; /* it has no user, and each takes its milliseconds */
            struct choice old_choice = {
                .place = &places[i / PLACES], .reuseaddr = bits & 1, .reuseport = bits & 2};
            struct choice new_choice = {
                .place = &places[i % PLACES], .reuseaddr = bits & 4, .reuseport = bits & 8, .uid = other};
            /* Where no address is given, one place of each family is enough. */
            if (deed->call == CALL_BIND || new_choice.place == &places[0] || new_choice.place == &places[4] ||
                (deed->call == CALL_CONNECT && new_choice.place == &places[7]))
                try_one(&tally, deed, kind, &old_choice, &new_choice);
        }
    witness_stop();
    snprintf(name, sizeof name, "%s%s, against %s", deed->name, relaxed ? " with ip_autobind_reuse" : "",
             kind->name);
    judge_write(line, sizeof line, name, &tally);
    ok(judge_is_clean(&tally) && tally.outcomes > 0, line);
    fflush(stdout);
}

/* connect() from the very port that a connection has, to its peer or to another one: SO_REUSEADDR on both
 * lets both be bound there, and then the 4-tuple alone decides. */
static void connect_from_there(const struct kind *kind)
{
    static const struct deed same = {"", CALL_CONNECT, true, 1}, other = {"", CALL_CONNECT, true, 2};
    struct tally tally = {0};
    char name[160], line[500];
    world_begin();
    if (arguments.library)
        witness_start(arguments.library, arguments.user);
    for (int i = 0; i < PLACES * PLACES * 2; i++) {
        const struct deed *deed = i & 1 ? &other : &same;
        struct choice old_choice = {.place = &places[i / 2 / PLACES], .reuseaddr = true};
        struct choice new_choice = {.place = &places[i / 2 % PLACES], .reuseaddr = true};
        struct resident a;
        uint16_t at = port;
        world_set_range(kind->life == CLIENT ? at : 40000, kind->life == CLIENT ? at : 60999);
        world_settle(&a, kind, &old_choice, &at);
        int fd = world_socket(true, &new_choice);
        struct newcomer b = describe(deed, &new_choice);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        if (world_bind(fd, &new_choice, at) == 0) {
            struct newcomer bound = world_newcomer(true, &new_choice, at);
            if (!endpoint_is_wildcard(&bound.local))
                b.local = bound.local;
            b.local.port = at;
            int error = do_it(deed, fd, &new_choice);
            judge_pair(&tally, &b, &a.holder, is_full(error), arguments.trials);
            if (is_full(error) && witnessed)
                judge_record(&tally, &b, &a.holder, 1);
        }
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        world_leave(&a);
        port = port == LAST_PORT ? FIRST_PORT : (uint16_t)(port + 1);
    }
    witness_stop();
    snprintf(name, sizeof name, "connect from the same port, against %s", kind->name);
    judge_write(line, sizeof line, name, &tally);
    ok(judge_is_clean(&tally) && tally.refusals > 0, line);
}

int main(int argc, char **argv)
{
    arguments_read(&arguments, argc, argv);
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        for (unsigned k = 0; k < kind_count; k++) {
            if (kinds[k].tcp != deeds[i].tcp)
                continue;
            deed_against(&deeds[i], &kinds[k], false);
            if (deeds[i].tcp && deeds[i].call == CALL_BIND)
                deed_against(&deeds[i], &kinds[k], true);
        }
    for (unsigned k = 0; k < kind_count; k++)
        if (kinds[k].life == CLIENT || kinds[k].life == CLIENT_WITH_PORT)
            connect_from_there(&kinds[k]);
    return tap_end();
}
