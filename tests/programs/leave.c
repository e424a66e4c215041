/* SPDX-License-Identifier: MIT
 *
 * A server that starts a child and is gone: leave PORT [COMMAND [ARG]...]. It listens on 127.0.0.1:PORT
 * without close-on-exec; the child becomes COMMAND, or waits as it is. Prints "ready" once the child is on
 * its own.
 */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0"));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8)) {
        perror("leave");
        return 1;
    }
    if (fork() == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            return 1;
        if (argc > 2)
            execvp(argv[2], argv + 2);
        else
            pause();
        return 1;
    }
    puts("ready");
    return 0;
}
