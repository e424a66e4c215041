/* SPDX-License-Identifier: MIT
 *
 * A program with an allocator of its own that must not be called while a door is open: own_malloc PORT. Exit
 * code 4 if it is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char arena[1 << 20];
static size_t used;
static volatile int open_door;

void *malloc(size_t size)
{
    if (open_door)
        _exit(4);
    size_t at = (used + 15) & ~(size_t)15;
    if (size > sizeof arena - at)
        return NULL;
    used = at + size;
    return arena + at;
}

void *calloc(size_t count, size_t size)
{
    return malloc(count * size); /* the arena is zero, and nothing is used twice */
}

void *realloc(void *old, size_t size)
{
    char *new = malloc(size);
    if (new &&old) /* blocks lie in a row, so what is behind the old one is at worst another's */
        memmove(new, old, size < (size_t)(new - (char *)old) ? size : (size_t)(new - (char *)old));
    return new;
}

void free(void *block)
{
    (void)block;
    if (open_door)
        _exit(4);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc < 2)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 100; i++) {
        open_door = 1;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int refused = bind(fd, (struct sockaddr *)&address, sizeof address) && errno == EADDRINUSE;
        struct sockaddr_in any = {.sin_family = AF_INET};
        int served = bind(fd, (struct sockaddr *)&any, sizeof any) == 0 && listen(fd, 1) == 0;
        open_door = 0;
        close(fd);
        if (!refused || !served)
            return 3;
    }
    return 0;
}
