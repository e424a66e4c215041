/* SPDX-License-Identifier: MIT
 *
 * Calls every door with good and bad arguments and prints result and errno of each, one a line. Run with and
 * without the library, the two outputs must be the same. errno is 77 before each call, so "untouched" shows.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void show(const char *what, int result)
{
    int error = errno;
    printf("%s = %d, errno %d\n", what, result < 0 ? result : 0, error);
}

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        errno = 77;                                                                                          \
        int result_ = (call);                                                                                \
        show(#call, result_);                                                                                \
    } while (0)

extern int __connect(int fd, const struct sockaddr *address, socklen_t length) __attribute__((weak));

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET}, taken = any, missing_family = {0};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/dir/sock"};
    socklen_t length = sizeof taken;
    const struct sockaddr *const a_any = (struct sockaddr *)&any, *const a_taken = (struct sockaddr *)&taken;
    const struct sockaddr *const a_any6 = (struct sockaddr *)&any6, *const a_un = (struct sockaddr *)&un;
    const struct sockaddr *const a_missing = (struct sockaddr *)&missing_family;
    const struct sockaddr *const wild = (struct sockaddr *)(uintptr_t)1;
    const struct sockaddr *const high = (struct sockaddr *)(uintptr_t)-1;
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const struct sockaddr *const gone = (struct sockaddr *)(void *)(page + 4096);
    const struct sockaddr *const edge = (struct sockaddr *)(void *)(page + 4096 - 8);
    const struct sockaddr *const heap = (struct sockaddr *)(void *)page;
    int one = 1, zero = 0;

    TRY(socket(AF_INET, SOCK_STREAM, 0));
    TRY(socket(-1, SOCK_STREAM, 0));
    TRY(socket(AF_INET, 99, 0));
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(listener, a_any, sizeof any));
    TRY(listen(listener, 8));
    getsockname(listener, (struct sockaddr *)&taken, &length);
    munmap(page + 4096, 4096);

    TRY(bind(fd, a_taken, sizeof taken));
    TRY(bind(fd, a_taken, 3));
    TRY(bind(fd, a_taken, 0));
    TRY(bind(fd, a_taken, (socklen_t)-1));
    TRY(bind(fd, a_taken, 1000));
    TRY(bind(fd, NULL, sizeof taken));
    TRY(bind(fd, wild, sizeof taken));
    TRY(bind(fd, high, sizeof taken));
    TRY(bind(fd, gone, sizeof taken));
    TRY(bind(fd, edge, sizeof taken));
    TRY(bind(-1, a_taken, sizeof taken));
    TRY(bind(0, a_taken, sizeof taken));
    TRY(bind(listener, a_taken, sizeof taken));
    TRY(bind(fd6, a_taken, sizeof taken));
    TRY(bind(fd6, a_any6, sizeof any6));
    TRY(bind(fd6, a_any6, sizeof any6));
    TRY(bind(local, a_un, sizeof un));
    memcpy(page, &any, sizeof any);
    TRY(bind(udp, heap, sizeof any));
    int netlink = socket(AF_NETLINK, SOCK_RAW, 0);
    memcpy(page, &(struct sockaddr_nl){.nl_family = AF_NETLINK}, sizeof(struct sockaddr_nl));
    TRY(bind(netlink, heap, sizeof(struct sockaddr_nl)));
    int legacy = socket(AF_INET, SOCK_STREAM, 0);
    missing_family.sin_port = 0;
    TRY(bind(legacy, a_missing, sizeof missing_family));

    TRY(listen(-1, 1));
    TRY(listen(udp, 1));
    TRY(listen(listener, 5));

    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, 1));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, sizeof one));
    TRY(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    TRY(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    TRY(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof zero));
    TRY(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &zero, 2));
    TRY(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &zero, (socklen_t)-4));
    TRY(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, gone, sizeof zero));
    TRY(setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, wild, sizeof zero));
    TRY(setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one));
    TRY(setsockopt(listener, SOL_SOCKET, 9999, &one, sizeof one));
    TRY(setsockopt(fd6, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));

    TRY(connect(fd, NULL, sizeof taken));
    TRY(connect(fd, wild, sizeof taken));
    TRY(connect(fd, gone, sizeof taken));
    TRY(connect(fd, a_taken, 2));
    TRY(connect(-1, a_taken, sizeof taken));
    TRY(connect(fd, a_taken, sizeof taken));
    TRY(connect(fd, a_taken, sizeof taken));
    TRY(connect(local, a_un, sizeof un));
    TRY(connect(udp, a_taken, sizeof taken));
    if (__connect) {
        int again = socket(AF_INET, SOCK_STREAM, 0);
        TRY(__connect(again, a_taken, sizeof taken));
        TRY(__connect(again, wild, sizeof taken));
    }
    struct sockaddr_in wrong = {.sin_family = AF_INET6};
    TRY(bindresvport(-1, NULL));
    TRY(bindresvport(fd, &wrong));
    int reserved = socket(AF_INET, SOCK_STREAM, 0);
    TRY(bindresvport(reserved, NULL));
    return 0;
}
