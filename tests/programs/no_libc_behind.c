/* SPDX-License-Identifier: MIT
 *
 * Opens the library by dlopen and goes through its doors: no_libc_behind LIBRARY PORT, where somebody
 * listens. In a musl program no libc comes behind a library that was opened, so the doors have no next
 * definition but the kernel. Prints what each answers.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void *library;

#define DOOR(name)                                                                                           \
    ((union {                                                                                                \
         void *object;                                                                                       \
         __typeof__(&name) function;                                                                         \
     }){dlsym(library, #name)}                                                                               \
         .function)

/* Not in every libc. */
int bindresvport(int fd, struct sockaddr_in *address);

static int told(const char *call, int result)
{
    printf("%s %d\n", call, result < 0 ? -errno : 0);
    return result;
}

int main(int argc, char **argv)
{
    const int one = 1;
    struct sockaddr_in taken = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in reserved = taken, other = {.sin_family = AF_UNIX};
    socklen_t length = sizeof reserved;
    if (argc != 3 || (library = dlopen(argv[1], RTLD_NOW)) == NULL)
        return 2;
    taken.sin_port = htons((unsigned short)atoi(argv[2]));
    int fd = told("socket", DOOR(socket)(AF_INET, SOCK_STREAM, 0));
    told("socket", DOOR(socket)(-1, SOCK_STREAM, 0));
    told("setsockopt", DOOR(setsockopt)(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one));
    told("setsockopt", DOOR(setsockopt)(fd, SOL_SOCKET, SO_KEEPALIVE, &one, 1));
    told("bind", DOOR(bind)(fd, (struct sockaddr *)&taken, sizeof taken));
    told("bindresvport", DOOR(bindresvport)(fd, &other));
    told("bindresvport", DOOR(bindresvport)(fd, &reserved));
    told("listen", DOOR(listen)(fd, 1));
    told("listen", DOOR(listen)(-1, 1));
    told("connect",
         DOOR(connect)(DOOR(socket)(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&taken, sizeof taken));
    told("connect", DOOR(connect)(-1, (struct sockaddr *)&taken, sizeof taken));
    getsockname(fd, (struct sockaddr *)&reserved, &length);
    printf("%s\n",
           ntohs(reserved.sin_port) >= 512 && ntohs(reserved.sin_port) < 1024 ? "reserved" : "not reserved");
    return 0;
}
