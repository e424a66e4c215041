/* SPDX-License-Identifier: MIT
 *
 * One call through a door between two marks (getppid, which the library never makes), for a tracer that lets
 * single system calls in between fail: faults SCENARIO PORT. Prints what the program sees: result, errno,
 * descriptors and mappings more than before, SO_REUSEADDR, the socket. The last bind is refused.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DESCRIPTORS = 64, UNTOUCHED = 77 };
static struct sockaddr_in port = {.sin_family = AF_INET};

static void fail(const char *why)
{
    fprintf(stderr, "faults: %s: %s\n", why, strerror(errno));
    exit(2);
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? (fail("socket"), -1) : fd;
}

static int bound(const struct sockaddr_in *address)
{
    int fd = open_socket();
    if (bind(fd, (const struct sockaddr *)address, sizeof *address))
        fail("bind");
    return fd;
}

/* A server has accepted a connection; then its listener is closed. The two ends of the connection. */
static void connection(int reuseaddr, int *here, int *there)
{
    int listener = open_socket();
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuseaddr, sizeof reuseaddr);
    if (bind(listener, (struct sockaddr *)&port, sizeof port) ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuseaddr, sizeof reuseaddr) || listen(listener, 1))
        fail("server");
    *there = open_socket();
    if (connect(*there, (struct sockaddr *)&port, sizeof port) || (*here = accept(listener, NULL, NULL)) < 0)
        fail("connection");
    close(listener);
}

/* ---- what is there, and the call --------------------------------------------------------------------- */

static int nobody(void)
{
    return open_socket();
}

static int left_connection(void)
{
    int here, there;
    connection(1, &here, &there);
    return open_socket();
}

static int left_time_wait(void)
{
    int here, there;
    connection(0, &here, &there);
    close(here);
    close(there);
    return open_socket();
}

static int bound_here(void)
{
    return bound(&port);
}

static int shares(void)
{
    int one = 1, other = open_socket(), fd = open_socket();
    setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(other, (struct sockaddr *)&port, sizeof port) || listen(other, 1) ||
        bind(fd, (struct sockaddr *)&port, sizeof port))
        fail("shared port");
    return fd;
}

static int call_bind(int fd)
{
    return bind(fd, (struct sockaddr *)&port, sizeof port);
}

static int call_listen(int fd)
{
    return listen(fd, 1);
}

static int call_connect(int fd)
{
    return connect(fd, (struct sockaddr *)&port, sizeof port);
}

static const struct {
    const char *name;
    int (*prepare)(void);
    int (*call)(int fd);
} scenarios[] = {{"bind", nobody, call_bind},           {"refused", nobody, call_bind},
                 {"retry", left_connection, call_bind}, {"evict", left_time_wait, call_bind},
                 {"wait", nobody, call_bind},           {"listen", bound_here, call_listen},
                 {"watch", shares, call_listen},        {"connect", nobody, call_connect}};

/* ---- what it leaves --------------------------------------------------------------------------------- */

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        count += dup2(fd, fd) >= 0; /* a call that the library never makes */
    return count;
}

static int mappings(void)
{
    static char maps[1 << 16];
    int fd = open("/proc/self/maps", O_RDONLY), lines = 0;
    ssize_t length, at;
    while ((length = read(fd, maps, sizeof maps)) > 0)
        for (at = 0; at < length; at++)
            lines += maps[at] == '\n';
    close(fd);
    return lines;
}

int main(int argc, char **argv)
{
    size_t at = 0;
    while (argc == 3 && at < sizeof scenarios / sizeof *scenarios && strcmp(scenarios[at].name, argv[1]) != 0)
        at++;
    if (argc != 3 || at == sizeof scenarios / sizeof *scenarios)
        return 2;
    port.sin_port = htons((uint16_t)atoi(argv[2]));
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = scenarios[at].prepare(), value = -1;
    socklen_t length = sizeof value;
    int open_before = descriptors(), mapped_before = mappings();
    errno = UNTOUCHED;
    syscall(SYS_getppid);
    int result = scenarios[at].call(fd), error = errno;
    syscall(SYS_getppid);
    int open_more = descriptors() - open_before, mapped_more = mappings() - mapped_before;
    getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &length);
    printf("%d %s %d %d %d %d\n", result, error == UNTOUCHED ? "-" : strerrorname_np(error), open_more,
           mapped_more, value, fd);
    /* One more refusal, whose record tells what was lost. */
    (void)bind(open_socket(), (struct sockaddr *)&port, sizeof port);
    return 0;
}
