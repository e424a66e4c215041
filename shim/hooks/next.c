/* SPDX-License-Identifier: MIT
 *
 * The next definition behind each door. Contract in hooks.h.
 */
#include "hooks.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#ifndef RTLD_NEXT
#define RTLD_NEXT ((void *)-1L)
#endif

/* In libdl before glibc 2.34, and then absent from a program that does not load it. */
#pragma weak dlsym

/* ---- the last resort: the kernel itself ------------------------------------------------------- */

static int as_libc(int result)
{
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

static int kernel_socket(int domain, int type, int protocol)
{
    return as_libc(raw_socket(domain, type, protocol));
}

static int kernel_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    return as_libc(raw_setsockopt(fd, level, name, value, length));
}

static int kernel_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    return as_libc(raw_bind(fd, address, length));
}

static int kernel_listen(int fd, int backlog)
{
    return as_libc(raw_listen(fd, backlog));
}

static int kernel_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return as_libc(raw_connect(fd, address, length));
}

/* musl has no bindresvport, but a configure script may find ours and believe in it: so it works. Any free
 * port from 512 to 1023, beginning at one that depends on the process. */
static int kernel_bindresvport(int fd, struct sockaddr_in *address)
{
    enum { FIRST = 512, COUNT = 512 };
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct sockaddr_in *wanted = address ? address : &any;
    int result = -EADDRINUSE;
    unsigned offset = (unsigned)raw_pid();
    if (wanted->sin_family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    for (unsigned i = 0; i < COUNT && result == -EADDRINUSE; i++) {
        wanted->sin_port = htons((uint16_t)(FIRST + (offset + i) % COUNT));
        result = raw_bind(fd, wanted, sizeof *wanted);
    }
    return as_libc(result);
}

/* ---- before the look-up ----------------------------------------------------------------------- */

static int first_socket(int domain, int type, int protocol)
{
    next_resolve();
    return next.socket(domain, type, protocol);
}

static int first_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    next_resolve();
    return next.setsockopt(fd, level, name, value, length);
}

static int first_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    next_resolve();
    return next.bind(fd, address, length);
}

static int first_listen(int fd, int backlog)
{
    next_resolve();
    return next.listen(fd, backlog);
}

static int first_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    next_resolve();
    return next.connect(fd, address, length);
}

/* A name that may not exist is not looked up with the others: a failed dlsym(3) allocates. */
static int first_bindresvport(int fd, struct sockaddr_in *address)
{
    union {
        void *object;
        int (*function)(int, struct sockaddr_in *);
    } found = {.object = dlsym ? dlsym(RTLD_NEXT, "bindresvport") : NULL};
    next.bindresvport = found.object ? found.function : kernel_bindresvport;
    return next.bindresvport(fd, address);
}

struct next_definitions next = {first_socket, first_setsockopt, first_bind,
                                first_listen, first_connect,    first_bindresvport};

/* Threads may come here at the same time; they all find the same. The name is in the instructions: to look at
 * a constant costs every process a page. */
#define RESOLVE(name)                                                                                        \
    do {                                                                                                     \
        char word[] = #name;                                                                                 \
        union {                                                                                              \
            void *object;                                                                                    \
            __typeof__(&kernel_##name) function;                                                             \
        } found = {.object = dlsym ? dlsym(RTLD_NEXT, word) : NULL};                                         \
        next.name = found.object ? found.function : kernel_##name;                                           \
    } while (0)

void next_resolve(void)
{
    RESOLVE(socket);
    RESOLVE(setsockopt);
    RESOLVE(bind);
    RESOLVE(listen);
    RESOLVE(connect);
}
