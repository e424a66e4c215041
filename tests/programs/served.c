/* SPDX-License-Identifier: MIT
 *
 * A server of a service manager: sets no option, serves one client after the other on 127.0.0.1, closes
 * first. Usage: served PORT [PIDFILE]; tells $NOTIFY_SOCKET that it is ready if there is one, and with
 * PIDFILE goes into the background and writes it.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void tell_manager(void)
{
    static const char ready[] = "READY=1";
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (name == NULL || strlen(name) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (sendto(fd, ready, strlen(ready), 0, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) < 0)
        perror("served: notify");
    close(fd);
}

static void write_pid(const char *file)
{
    FILE *stream = fopen(file, "w");
    if (stream == NULL || fprintf(stream, "%d\n", (int)getpid()) < 0 || fclose(stream) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    static const char greeting[] = "hello from a service\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0")),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int ready[2], fd = socket(AF_INET, SOCK_STREAM, 0);
    char byte = 0;
    if (argc > 2 && (pipe(ready) != 0 || fork() != 0)) {
        close(ready[1]);
        return read(ready[0], &byte, 1) == 1 ? 0 : 1;
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0) {
        perror("served");
        return 1;
    }
    if (argc > 2) {
        write_pid(argv[2]);
        if (write(ready[1], &byte, 1) != 1)
            return 1;
    }
    tell_manager();
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client < 0)
            return 1;
        if (write(client, greeting, strlen(greeting)) < 0)
            perror("served: write");
        close(client);
    }
}
