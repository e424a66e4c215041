/* SPDX-License-Identifier: MIT
 *
 * Sockets of every kind, made in a network namespace of their own, with all that is known about them.
 */
#ifndef TESTS_KERNEL_WORLD_H
#define TESTS_KERNEL_WORLD_H

#include "reuseshim/rules.h"

#include <sys/socket.h>

enum { OTHER_USER = 4711, PLACES = 9, DEVICES = 3 };

struct place {
    const char *address;
    bool v6only;
    const char *peer; /* where a client reaches it */
};
extern const struct place places[PLACES];
extern const char *const devices[DEVICES]; /* NULL, the loopback, another one */

enum life {
    BOUND,
    LISTENING,
    ACCEPTED,
    TIME_WAIT_OF_SERVER,
    FIN_WAIT1_ORPHAN,
    FIN_WAIT2_ORPHAN,
    CLIENT_WITH_PORT,    /* bound, then connected */
    CLIENT,              /* connect() chose the port */
    TIME_WAIT_OF_CLIENT, /* of one that was bound */
    CONNECTED            /* UDP */
};
struct kind {
    const char *name;
    bool tcp;
    enum life life;
};
extern const struct kind kinds[];
extern const unsigned kind_count;

struct choice {
    const struct place *place;
    bool reuseaddr, reuseport;
    bool own_group; /* a reuseport program, attached before bind */
    uint32_t uid;   /* of whoever calls socket() */
    uint32_t accepter;
    unsigned device;
};

/* A namespace of its own with loopback and another device; ports 40000 and up are the automatic ones. */
void world_begin(void);

/* Writes a number pair into net.ipv4.ip_local_port_range. */
void world_set_range(unsigned first, unsigned last);

int world_socket(bool tcp, const struct choice *choice);
socklen_t world_address(struct sockaddr_storage *address, const char *text, uint16_t port);
int world_bind(int fd, const struct choice *choice, uint16_t port);

/* A socket that is there, with the descriptors that keep it so, -1 for none. */
struct resident {
    struct holder holder;
    int open[3];
};

/* False if this machine's devices and addresses do not allow it. *port is changed for CLIENT. */
bool world_settle(struct resident *resident, const struct kind *kind, const struct choice *choice,
                  uint16_t *port);
void world_leave(struct resident *resident);

/* What is known of a socket from its descriptor and from how it was made. */
struct holder world_describe(bool tcp, int fd, uint8_t state, const struct choice *choice);
struct newcomer world_newcomer(bool tcp, const struct choice *choice, uint16_t port);

#endif
