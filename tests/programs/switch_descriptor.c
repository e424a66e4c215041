/* SPDX-License-Identifier: MIT
 *
 * switch_descriptor PORT FILE: listens on 127.0.0.1:PORT, prints "ready", and then makes descriptor 9 the
 * socket and the file by turns, as fast as it can. The socket stays open as descriptor 100.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int made = socket(AF_INET, SOCK_STREAM, 0), file = argc == 3 ? open(argv[2], O_RDONLY) : -1;
    if (made < 0 || file < 0 || dup2(made, 100) < 0 || dup2(file, 101) < 0)
        return 99;
    close(made);
    close(file);
    address.sin_port = htons((in_port_t)atoi(argv[1]));
    if (bind(100, (struct sockaddr *)&address, sizeof address) != 0 || listen(100, 1) != 0)
        return 98;
    puts("ready");
    fflush(stdout);
    for (;;) {
        dup2(100, 9);
        dup2(101, 9);
    }
}
