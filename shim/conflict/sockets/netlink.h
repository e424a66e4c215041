/* SPDX-License-Identifier: MIT
 *
 * One request to NETLINK_SOCK_DIAG and all of its answer. Private to shim/conflict/sockets.
 */
#ifndef REUSESHIM_CONFLICT_NETLINK_H
#define REUSESHIM_CONFLICT_NETLINK_H

#include "reuseshim/scratch.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A socket to ask with, or -errno. */
int netlink_open(void);

/* What receives the messages of an answer; each has the request's type and at least `head` bytes of payload.
 */
struct receiver {
    size_t head;
    void (*take)(void *context, const struct nlmsghdr *message);
    void *context;
};

/* Sends `request` and hands over each message of the answer, until its end: 0, or -errno: what the kernel
 * answered, -EBADMSG for a message that is cut, -EPROTO for one that is no answer to this request, -ETIME
 * when the deadline has passed after a part. */
int netlink_ask(int fd, const struct nlmsghdr *request, int64_t deadline, struct scratch *scratch,
                const struct receiver *receiver);

/* What stands behind a message's header. */
const void *netlink_payload(const struct nlmsghdr *message);

/* The attributes behind the first `head` bytes of the payload, one after the other; all zero to begin with.
 * False at the end. */
struct attribute {
    unsigned type;
    const char *value;
    size_t length;
    const char *next;
};
bool netlink_next(struct attribute *attribute, const struct nlmsghdr *message, size_t head);

#endif
