/* SPDX-License-Identifier: MIT
 *
 * A library whose constructor binds before anybody's main(), perhaps before our own constructor.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((constructor)) static void early(void)
{
    const char *port = getenv("EARLY_PORT");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port ? port : "0"))};
    int value = 0, fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof value;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &length) != 0)
        _exit(98);
    close(fd);
    if (value == 0)
        _exit(99);
}
