/* SPDX-License-Identifier: MIT
 *
 * The socket that was refused, as the kernel saw it.
 */
#ifndef REUSESHIM_NEWCOMER_H
#define REUSESHIM_NEWCOMER_H

#include "reuseshim/address.h"
#include "reuseshim/kernel.h"
#include "reuseshim/options.h"
#include "reuseshim/tristate.h"

#include <net/if.h>

enum call {
    CALL_BIND,
    CALL_LISTEN,
    CALL_CONNECT,
    CALL_BINDRESVPORT,
    CALL_SETSOCKOPT,
    CALL_SOCKET,
    CALL_COUNT
};

/* The address that a socket of another family asks for. */
struct other_address {
    sa_family_t family;     /* AF_NETLINK, AF_VSOCK, AF_PACKET; 0 for none of these */
    uint32_t first, second; /* port id and groups; context id and port; interface and protocol */
};
/* Of a sockaddr of `length` bytes. Pure. */
struct other_address other_address_of(const void *address, size_t length);

struct newcomer {
    enum call call;
    int error;
    int fd;       /* its number, as the program knows it */
    int asked;    /* the descriptor to ask: the same, or a duplicate where the program is another process */
    int family;   /* AF_*, -1 where not known */
    int type;     /* SOCK_*, -1 */
    int protocol; /* IPPROTO_*, -1 */
    struct endpoint local;  /* asked for (bind), else the socket's own */
    struct endpoint remote; /* of connect */
    struct unix_path path;  /* where local is AF_UNIX */
    struct other_address other;
    uint32_t device; /* interface index it is bound to, 0 for none */
    char device_name[IF_NAMESIZE];
    uint64_t inode; /* 0 where not known */
    uint32_t uid;   /* of the socket, not of the process */
    bool uid_known;
    tristate options[OPTION_COUNT]; /* as the kernel saw them */
    /* It attached a reuseport program before it was bound, and so has a group of its own already. No call
     * tells; NO only where SO_REUSEPORT is off, which a group needs. */
    tristate own_group;
    unsigned kernel;         /* KERNEL(major, minor), whose rules decide; KERNEL_UNKNOWN */
    tristate autobind_reuse; /* net.ipv4.ip_autobind_reuse, where a port is to be found */
};

/* Asks the kernel about `fd`; fields that it does not tell stay unknown. With `ask` false (a seccomp filter
 * may kill for it) only what the arguments show is filled in. System calls; async-signal-safe. */
void newcomer_ask(struct newcomer *newcomer, enum call call, int fd, int error,
                  const struct endpoint *argument, bool ask);

#endif
