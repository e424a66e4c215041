/* SPDX-License-Identifier: MIT
 *
 * Another preload library in front of bind: says so on stdout, and passes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    union {
        void *object;
        int (*function)(int, __CONST_SOCKADDR_ARG, socklen_t);
    } next = {.object = dlsym(RTLD_NEXT, "bind")};
    if (write(1, "counted\n", 8) < 0)
        return -1;
    return next.function(fd, address, length);
}
