/* One socket after the other, as standard input says, an answer a line:
 *     open tcp|udp ADDRESS PORT OPTIONS none|listen    "ok", or the name of what failed and its errno
 *     close
 * OPTIONS are letters, A SO_REUSEADDR, P SO_REUSEPORT, or -. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd = -1;

static const char *failed(const char *call)
{
    static char answer[64];
    const char *name = errno == EADDRINUSE ? "EADDRINUSE"
                       : errno == EACCES   ? "EACCES"
                       : errno == EPERM    ? "EPERM"
                                           : "";
    snprintf(answer, sizeof answer, "%s %s%.0d", call, name, name[0] ? 0 : errno);
    return strcmp(call, "bind") == 0 && name[0] ? name : answer;
}

static const char *open_one(const char *protocol, const char *address, int port, const char *options,
                            const char *mode)
{
    const int on = 1;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
    int is_v6 = strchr(address, ':') != NULL;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address,
                  is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
        return "bad address";
    fd = socket(is_v6 ? AF_INET6 : AF_INET, strcmp(protocol, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0)
        return failed("socket");
    if (strchr(options, 'A') && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return failed("reuseaddr");
    if (strchr(options, 'P') && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return failed("reuseport");
    if (bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof v6 : sizeof v4) < 0)
        return failed("bind");
    if (strcmp(mode, "listen") == 0 && listen(fd, 5) < 0)
        return failed("listen");
    return "ok";
}

int main(void)
{
    char line[256], word[8], protocol[8], address[64], options[8], mode[16];
    int port;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%7s %7s %63s %d %7s %15s", word, protocol, address, &port, options, mode) == 6) {
            puts(open_one(protocol, address, port, options, mode));
        } else {
            close(fd);
            fd = -1;
            puts("closed");
        }
    }
    return 0;
}
