/* SPDX-License-Identifier: MIT
 *
 * requests_in_turn PORT OTHER-PORT TURNS: two HTTP servers on 127.0.0.1 side by side, each asked over its own
 * 16 connections for a moment at a time, in turn. Prints for each turn the nanoseconds of a request to the
 * one and to the other: the machine's moods, which last longer than a turn, fall on both.
 */
#include "measure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 16 };
static const double turn_ns = 1e8;

struct server {
    struct pollfd connections[CONNECTIONS];
};

static int fail(const char *what)
{
    perror(what);
    exit(1);
}

static void connect_all(struct server *server, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
            fail("connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        server->connections[i] = (struct pollfd){fd, POLLIN, 0};
    }
}

static void ask(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if (write(fd, request, sizeof request - 1) != sizeof request - 1)
        fail("write");
}

/* The answer is small: it comes in one piece. */
static void hear(int fd)
{
    char answer[4096];
    if (read(fd, answer, sizeof answer) <= 0)
        fail("read");
}

/* A request on each connection, and the next one as soon as one is answered; until there is nothing on its
 * way. */
static double turn(struct server *server)
{
    double began = now(), ended = began;
    int waiting = CONNECTIONS, answered = 0;
    for (int i = 0; i < CONNECTIONS; i++)
        ask(server->connections[i].fd);
    while (waiting) {
        if (poll(server->connections, CONNECTIONS, 5000) <= 0)
            fail("poll");
        ended = now();
        for (int i = 0; i < CONNECTIONS; i++) {
            if (!server->connections[i].revents)
                continue;
            hear(server->connections[i].fd);
            answered++;
            if (ended - began < turn_ns)
                ask(server->connections[i].fd);
            else
                waiting--;
        }
    }
    return (now() - began) / answered;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    static struct server one, other;
    connect_all(&one, argv[1]);
    connect_all(&other, argv[2]);
    turn(&one);
    turn(&other);
    for (int i = 0; i < atoi(argv[3]); i++) {
        double of_one, of_other;
        if (i % 2) {
            of_one = turn(&one);
            of_other = turn(&other);
        } else {
            of_other = turn(&other);
            of_one = turn(&one);
        }
        printf("%.0f %.0f\n", of_one, of_other);
    }
    return 0;
}
