/* SPDX-License-Identifier: MIT
 *
 * An old server as there are many: sets no option, serves one client after the other, closes first.
 * Usage: legacy PORT [CLIENTS]; ends after so many clients (default: never). Says "listening" when it does.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const char greeting[] = "hello from an old server\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0"))};
    int clients = argc > 2 ? atoi(argv[2]) : -1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0) {
        perror("legacy");
        return 1;
    }
    puts("listening");
    fflush(stdout);
    while (clients-- != 0) {
        int client = accept(fd, NULL, NULL);
        if (client < 0)
            return 1;
        if (write(client, greeting, strlen(greeting)) < 0)
            perror("legacy: write");
        close(client);
    }
    return 0;
}
