/* SPDX-License-Identifier: MIT
 *
 * A program made of socket calls given as words, done in order on the current socket:
 *
 *   tcp tcp6 udp udp6 unix mptcp netlink   make a socket      uid N       become that user (all ids)
 *   set NAME=0|1    setsockopt            get NAME           print NAME=VALUE
 *   bind ADDRESS    connect ADDRESS       listen             accept (the accepted one becomes current)
 *   send            8 KiB a time until full                  close (of the current one) / closeall
 *   port            print the local port  name               print the local address
 *   fork            go on in a child, the parent waits       hold        print "ready", wait for a signal
 *   resv            bindresvport          errno              print errno by number
 *   repeat N        do the next word N times
 *   attach          a reuseport program of its own
 *   hide            be not dumpable, as a daemon that gave up root
 *   join GROUP      become a member of a multicast group, given without port and brackets
 *   back            the socket before the current one becomes current, the current one goes to the far end
 *                   of the row
 *
 * ADDRESS is 127.0.0.1:80, [::1]:80, a path, or @ and an abstract name with a / in it. A refused call prints
 * "bind: EADDRINUSE" and makes the exit code 1; the next words are done all the same.
 */
#define _DEFAULT_SOURCE
#include "../../include/reuseshim/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int sockets[4096], count;
static int status;

static int current(void)
{
    return count ? sockets[count - 1] : -1;
}

static int say(const char *word, int result)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {{EADDRINUSE, "EADDRINUSE"}, {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
                 {EAGAIN, "EAGAIN"},         {EACCES, "EACCES"},
                 {EINVAL, "EINVAL"},         {EPERM, "EPERM"}};
    if (result >= 0)
        return result;
    int error = errno;
    const char *name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error)
            name = names[i].name;
    printf("%s: %s\n", word, name ? name : strerror(error));
    errno = error;
    status = 1;
    return result;
}

static socklen_t parse(const char *text, struct sockaddr_storage *address)
{
    char host[128];
    memset(address, 0, sizeof *address);
    const char *colon = strrchr(text, ':');
    if (strchr(text, '/') || colon == NULL) {
        struct sockaddr_un *un = (struct sockaddr_un *)address;
        un->sun_family = AF_UNIX;
        strncpy(un->sun_path, text, sizeof un->sun_path - 1);
        if (text[0] != '@')
            return sizeof *un;
        un->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text));
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    in_port_t port = htons((uint16_t)atoi(colon + 1));
    if (host[0] == '[') {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
        host[strlen(host) - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
            abort();
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
        abort();
    return sizeof *v4;
}

#define OPTION(name, word, level, number, kind) {word, level, number},
static const struct {
    const char *name;
    int level, option;
} options[] = {SOCKET_OPTIONS(OPTION){"keepalive", SOL_SOCKET, SO_KEEPALIVE}};

static void option(const char *text, bool set)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    int value = strchr(text, '=') ? atoi(strchr(text, '=') + 1) : 1;
    socklen_t length = sizeof value;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(options[i].name, name) != 0)
            continue;
        if (set)
            say("setsockopt", setsockopt(current(), options[i].level, options[i].option, &value, length));
        else if (say("getsockopt",
                     getsockopt(current(), options[i].level, options[i].option, &value, &length)) >= 0)
            printf("%s=%d\n", name, value != 0);
    }
}

static void make(int domain, int type, int protocol)
{
    int fd = say("socket", socket(domain, type, protocol));
    if (fd >= 0)
        sockets[count++] = fd;
}

static void print_name(bool port_only)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    char text[INET6_ADDRSTRLEN] = "";
    getsockname(current(), (struct sockaddr *)&name, &length);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&name;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&name;
    bool is6 = name.ss_family == AF_INET6;
    inet_ntop(name.ss_family, is6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr, text, sizeof text);
    if (port_only)
        printf("%d\n", ntohs(is6 ? v6->sin6_port : v4->sin_port));
    else
        printf("%s\n", text);
}

static void send_until_full(void)
{
    static char block[8192];
    while (send(current(), block, sizeof block, MSG_DONTWAIT) > 0)
        continue;
}

static void attach(void)
{
    struct sock_filter first = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &first};
    say("setsockopt", setsockopt(current(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program));
}

static void join(const char *group)
{
    struct ip_mreq v4 = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    struct ipv6_mreq v6 = {.ipv6mr_interface = 1};
    if (inet_pton(AF_INET, group, &v4.imr_multiaddr) == 1)
        say("setsockopt", setsockopt(current(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4));
    else if (inet_pton(AF_INET6, group, &v6.ipv6mr_multiaddr) == 1)
        say("setsockopt", setsockopt(current(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof v6));
    else
        abort();
}

static void become(uid_t uid)
{
    if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
        abort();
}

static void fork_here(void)
{
    pid_t child = fork();
    if (child > 0) {
        int result;
        waitpid(child, &result, 0);
        exit(WIFEXITED(result) ? WEXITSTATUS(result) : 99);
    }
}

/* Does argv[0]; returns how many words that took. */
static int step(char **word)
{
    static const struct {
        const char *name;
        int domain, type, protocol;
    } makers[] = {{"tcp", AF_INET, SOCK_STREAM, 0},    {"tcp6", AF_INET6, SOCK_STREAM, 0},
                  {"udp", AF_INET, SOCK_DGRAM, 0},     {"udp6", AF_INET6, SOCK_DGRAM, 0},
                  {"unix", AF_UNIX, SOCK_STREAM, 0},   {"mptcp", AF_INET, SOCK_STREAM, 262},
                  {"netlink", AF_NETLINK, SOCK_RAW, 0}};
    struct sockaddr_storage address;
    const char *w = word[0];
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        if (strcmp(w, makers[i].name) == 0) {
            make(makers[i].domain, makers[i].type, makers[i].protocol);
            return 1;
        }
    }
    if (!strcmp(w, "set") || !strcmp(w, "get")) {
        option(word[1], w[0] == 's');
        return 2;
    }
    if (!strcmp(w, "bind") || !strcmp(w, "connect")) {
        socklen_t length = parse(word[1], &address);
        say(w, (w[0] == 'b' ? bind : connect)(current(), (struct sockaddr *)&address, length));
        return 2;
    }
    if (!strcmp(w, "join")) {
        join(word[1]);
        return 2;
    }
    if (!strcmp(w, "uid")) {
        become((uid_t)atoi(word[1]));
        return 2;
    }
    if (!strcmp(w, "repeat")) {
        int used = 0;
        for (int i = atoi(word[1]); i > 0; i--)
            used = step(word + 2);
        return 2 + used;
    }
    if (!strcmp(w, "listen")) {
        say(w, listen(current(), 64));
    } else if (!strcmp(w, "accept")) {
        int fd = say(w, accept(current(), NULL, NULL));
        if (fd >= 0)
            sockets[count++] = fd;
    } else if (!strcmp(w, "resv")) {
        struct sockaddr_in any = {.sin_family = AF_INET};
        say("bindresvport", bindresvport(current(), &any));
    } else if (!strcmp(w, "send")) {
        send_until_full();
    } else if (!strcmp(w, "hide")) {
        prctl(PR_SET_DUMPABLE, 0);
    } else if (!strcmp(w, "attach")) {
        attach();
    } else if (!strcmp(w, "close")) {
        close(sockets[--count]);
    } else if (!strcmp(w, "closeall")) {
        while (count)
            close(sockets[--count]);
    } else if (!strcmp(w, "back")) {
        int last = sockets[count - 1];
        memmove(sockets + 1, sockets, (size_t)(count - 1) * sizeof *sockets);
        sockets[0] = last;
    } else if (!strcmp(w, "port") || !strcmp(w, "name")) {
        print_name(w[0] == 'p');
    } else if (!strcmp(w, "fork")) {
        fork_here();
    } else if (!strcmp(w, "errno")) {
        printf("errno=%d\n", errno);
    } else if (!strcmp(w, "hold")) {
        puts("ready");
        fflush(stdout);
        pause();
    } else {
        fprintf(stderr, "sock: unknown word %s\n", w);
        exit(2);
    }
    return 1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; fflush(stdout))
        i += step(argv + i);
    return status;
}
