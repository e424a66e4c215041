/* SPDX-License-Identifier: MIT
 *
 * shifty address|descriptor|first ROUNDS TAKEN: binds again and again while another thread changes the
 * address between a port that is taken and any, or what the descriptor is between a socket and a file.
 * "first": the first thread ends, and another one binds. Prints how many calls ended otherwise than one of
 * these could.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NUMBER = 20 };
static struct sockaddr_in address;
static _Atomic int going = 1;
static int rounds, taken, by_address, by_descriptor;

static void *change(void *unused)
{
    int file = open("/dev/null", O_RDONLY), socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    while (going) {
        if (by_address)
            *(volatile in_port_t *)&address.sin_port = address.sin_port ? 0 : htons((in_port_t)taken);
        if (by_descriptor) {
            dup2(file, NUMBER);
            dup2(socket_fd, NUMBER);
        }
    }
    return unused;
}

static void *bind_on(void *unused)
{
    static const int usual[] = {0, EADDRINUSE, EINVAL, ENOTSOCK};
    int other = 0;
    for (int i = 0; i < rounds; i++) {
        int fd = by_descriptor ? NUMBER : socket(AF_INET, SOCK_STREAM, 0), known = 0;
        int error = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
        for (int k = 0; k < (by_descriptor ? 4 : 2); k++)
            known |= error == usual[k];
        other += !known;
        if (!by_descriptor)
            close(fd);
    }
    printf("otherwise %d\n", other); /* bare it is none, too */
    fflush(stdout);
    going = 0;
    if (!by_address && !by_descriptor)
        exit(0);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 4)
        return 2;
    by_address = strcmp(argv[1], "address") == 0;
    by_descriptor = strcmp(argv[1], "descriptor") == 0;
    rounds = atoi(argv[2]);
    taken = atoi(argv[3]);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!by_address && !by_descriptor) {
        address.sin_port = htons((in_port_t)taken);
        pthread_create(&thread, NULL, bind_on, NULL);
        pthread_exit(NULL);
    }
    dup2(open("/dev/null", O_RDONLY), NUMBER);
    pthread_create(&thread, NULL, change, NULL);
    bind_on(NULL);
    pthread_join(thread, NULL);
    return 0;
}
