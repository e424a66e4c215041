/* SPDX-License-Identifier: MIT
 *
 * A socket that is there already.
 */
#ifndef REUSESHIM_HOLDER_H
#define REUSESHIM_HOLDER_H

#include "reuseshim/newcomer.h"

/* The kernel's numbers (include/net/tcp_states.h). */
enum socket_state {
    STATE_ESTABLISHED = 1,
    STATE_SYN_SENT,
    STATE_SYN_RECV,
    STATE_FIN_WAIT1,
    STATE_FIN_WAIT2,
    STATE_TIME_WAIT,
    STATE_CLOSE, /* BOUND for TCP, UNCONNECTED for UDP */
    STATE_CLOSE_WAIT,
    STATE_LAST_ACK,
    STATE_LISTEN,
    STATE_CLOSING,
    STATE_NEW_SYN_RECV,
    STATE_BOUND_INACTIVE, /* only in requests: bound-only TCP, Linux 6.8 */
    STATE_COUNT
};

/* LIKELY: the only process that can be it, but it does not show its descriptors. */
enum owner { OWNER_NOT_SEARCHED, OWNER_KNOWN, OWNER_NONE, OWNER_HIDDEN, OWNER_LIKELY, OWNER_COUNT };

struct holder {
    int protocol; /* 0 for AF_UNIX */
    int type;     /* SOCK_* of AF_UNIX */
    uint8_t state;
    struct endpoint local;
    struct endpoint remote; /* family AF_UNSPEC when it has no peer */
    struct unix_path path;  /* where local is AF_UNIX */
    int64_t timer_ms;       /* until TIME_WAIT or FIN_WAIT2 ends; -1 where there is no such timer */
    uint64_t inode;         /* 0: no descriptor refers to it */
    uint32_t uid;
    bool uid_known; /* TIME_WAIT and its FIN_WAIT2 form have none */
    bool device_known;
    uint32_t device;
    char device_name[IF_NAMESIZE];
    tristate v6only, reuseaddr, reuseport;
    tristate outgoing;  /* it opened its connection itself */
    tristate automatic; /* nobody asked for its port by number */
    /* connect() chose its port, which others that connect may share; no call tells. */
    tristate connect_placed;
    tristate inherited; /* its process does not serve it: a program that is gone left it to it */
    tristate blocks;
    uint32_t cookie[2]; /* by which the kernel tells sockets apart; sock_diag only */
    uint64_t cgroup_id; /* of cgroup v2, at the socket's making; 0 where not known */
    uint8_t cgroup;     /* 1 + index into the conflict's cgroups, 0 where not known */
    enum owner owner;
    uint8_t owners; /* index into the conflict's owners */
};

/* A holder of which nothing is known yet. Pure. */
struct holder holder_unknown(void);

#endif
