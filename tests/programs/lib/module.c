/* SPDX-License-Identifier: MIT
 *
 * A module that binds: what a program gets by dlopen(3).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The errno of a bind of that port of 127.0.0.1, 0 if it succeeds. */
int module_bind(unsigned short port);

int module_bind(unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int error = bind(fd, (struct sockaddr *)&address, sizeof address) ? errno : 0;
    close(fd);
    return error;
}
