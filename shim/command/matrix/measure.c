/* SPDX-License-Identifier: MIT
 *
 * Contract in measure.h.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FIRST_PORT = 1024, LAST_PORT = 32000, OTHER_USER = 65534 };

/* ---- the place --------------------------------------------------------------------------------------- */

static bool write_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0)
        close(fd);
    return done;
}

/* As root of a user namespace, where an ordinary user may have one. */
static bool enter_alone(void)
{
    char map[64];
    uid_t user = geteuid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    snprintf(map, sizeof map, "0 %u 1", user);
    return write_line("/proc/self/uid_map", map);
}

static bool raise_loopback(void)
{
    struct ifreq interface = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool raised = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &interface) == 0;
    if (fd >= 0)
        close(fd);
    return raised;
}

static bool can_be_another(void)
{
    setfsuid(OTHER_USER);
    bool can = setfsuid((uid_t)-1) == OTHER_USER;
    setfsuid(geteuid());
    return can;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

void place_begin(struct place *place)
{
    place->alone = enter_alone() && raise_loopback();
    place->has_users = can_be_another();
    place->has_ipv6 = has_ipv6();
    place->port = FIRST_PORT;
}

/* A port that nobody has: alone each row has its own, for what earlier rows left in TIME_WAIT. */
static uint16_t next_port(struct place *place, int type)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t length = sizeof any;
    if (place->alone) {
        place->port = place->port < LAST_PORT ? (uint16_t)(place->port + 1) : FIRST_PORT;
        return place->port;
    }
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0 &&
                 getsockname(fd, (struct sockaddr *)&any, &length) == 0;
    if (fd >= 0)
        close(fd);
    return found ? ntohs(any.sin_port) : 0;
}

/* ---- a row ------------------------------------------------------------------------------------------- */

struct trial {
    int first, second, listener, peer; /* -1 for none */
};

static int make(const struct system_socket *wanted, bool as_other)
{
    const int one = 1;
    if (as_other)
        setfsuid(OTHER_USER);
    int fd = socket(wanted->local.family,
                    (wanted->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (as_other)
        setfsuid(geteuid());
    if (fd >= 0 && wanted->asks & ASKS_ADDRESS)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd >= 0 && wanted->asks & ASKS_PORT)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    return fd;
}

static bool bind_to(int fd, const struct endpoint *local)
{
    union any_sockaddr address;
    socklen_t length = endpoint_to_sockaddr(local, &address);
    return bind(fd, &address.plain, length) == 0;
}

/* Somebody to talk to, on another port. */
static bool connect_first(struct trial *trial, const struct system_socket *socket_)
{
    union any_sockaddr address;
    socklen_t length = sizeof address;
    struct system_socket server = {.protocol = socket_->protocol, .local = socket_->local};
    server.local.port = 0;
    trial->listener = make(&server, false);
    if (trial->listener < 0 || !bind_to(trial->listener, &server.local) ||
        (server.protocol == IPPROTO_TCP && listen(trial->listener, 1) != 0) ||
        getsockname(trial->listener, &address.plain, &length) != 0 ||
        connect(trial->first, &address.plain, length) != 0)
        return false;
    if (server.protocol == IPPROTO_TCP)
        trial->peer = accept4(trial->listener, NULL, NULL, SOCK_CLOEXEC);
    return server.protocol != IPPROTO_TCP || trial->peer >= 0;
}

/* Who closes first keeps TIME_WAIT. */
static bool leave_time_wait(struct trial *trial)
{
    char byte;
    close(trial->first);
    trial->first = -1;
    bool ended = read(trial->peer, &byte, 1) == 0;
    close(trial->peer);
    trial->peer = -1;
    return ended;
}

static bool make_first(struct trial *trial, const struct grid_row *row, const struct system_socket *first)
{
    trial->first = make(first, false);
    if (trial->first < 0 || !bind_to(trial->first, &first->local))
        return false;
    switch (row->mode) {
    case MODE_LISTEN:
        return listen(trial->first, 1) == 0;
    case MODE_CONNECTED:
        return connect_first(trial, first);
    case MODE_TIME_WAIT:
        return connect_first(trial, first) && leave_time_wait(trial);
    default:
        return true;
    }
}

static int ask_second(struct trial *trial, const struct grid_row *row, const struct system_socket *second)
{
    trial->second = make(second, row->other_user);
    if (trial->second < 0)
        return NOT_MEASURED;
    if (!bind_to(trial->second, &second->local))
        return errno;
    if (row->mode != MODE_SECOND_LISTEN)
        return 0;
    if (listen(trial->first, 1) != 0)
        return NOT_MEASURED;
    return listen(trial->second, 1) == 0 ? 0 : errno;
}

static void end(const struct trial *trial)
{
    const int all[] = {trial->first, trial->second, trial->listener, trial->peer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
}

int measure_row(struct place *place, const struct grid_row *row)
{
    struct trial trial = {-1, -1, -1, -1};
    struct system_socket sockets[2];
    uint16_t port = next_port(place, row->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM);
    grid_sockets(row, port, sockets);
    bool wants_ipv6 = sockets[0].local.family == AF_INET6 || sockets[1].local.family == AF_INET6;
    if (port == 0 || (row->other_user && !place->has_users) || (wants_ipv6 && !place->has_ipv6))
        return NOT_MEASURED;
    if ((row->asks1 | row->asks2) & ASKS_EXCLUSIVE)
        return ENOPROTOOPT; /* Linux has no number for it */
    int answer = make_first(&trial, row, &sockets[0]) ? ask_second(&trial, row, &sockets[1]) : NOT_MEASURED;
    end(&trial);
    return answer;
}
