/* SPDX-License-Identifier: MIT
 *
 * The one loop over sock_diag's answers. Contract in netlink.h.
 */
#include "netlink.h"

#include "reuseshim/deadline.h"

#include <errno.h>
#include <string.h>

int netlink_open(void)
{
    return raw_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

const void *netlink_payload(const struct nlmsghdr *message)
{
    return (const char *)message + NLMSG_HDRLEN; /* NLMSG_DATA casts const away */
}

bool netlink_next(struct attribute *attribute, const struct nlmsghdr *message, size_t head)
{
    const char *end = (const char *)message + message->nlmsg_len;
    const char *at = attribute->next ? attribute->next : (const char *)netlink_payload(message) + head;
    struct nlattr header;
    if (end - at < (ptrdiff_t)sizeof header)
        return false;
    memcpy(&header, at, sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > end - at)
        return false;
    attribute->type = header.nla_type;
    attribute->value = at + sizeof header;
    attribute->length = header.nla_len - sizeof header;
    /* The last one may lack its padding. */
    size_t step = NLA_ALIGN(header.nla_len);
    attribute->next = step < (size_t)(end - at) ? at + step : end;
    return true;
}

/* A dump that fails says so in its last message: 0, or -errno. */
static int dump_result(const struct nlmsghdr *done)
{
    int result = 0;
    if (done->nlmsg_len >= NLMSG_LENGTH(sizeof result))
        memcpy(&result, netlink_payload(done), sizeof result);
    return result < 0 ? result : 0;
}

/* One datagram of messages of that type: 1 for more to come, 0 at the end, or -errno. */
static int take_all(const char *bytes, size_t length, uint16_t type, const struct receiver *receiver)
{
    for (size_t at = 0; length - at >= sizeof(struct nlmsghdr);) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(bytes + at);
        if (message->nlmsg_len < sizeof *message || message->nlmsg_len > length - at)
            return -EBADMSG;
        if (message->nlmsg_type == NLMSG_DONE)
            return dump_result(message);
        if (message->nlmsg_type == NLMSG_ERROR) { /* 0 is what NLM_F_ACK asks for */
            const struct nlmsgerr *error = netlink_payload(message);
            return message->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? -EBADMSG
                   : error->error > 0                               ? -EPROTO
                                                                    : error->error;
        }
        if (message->nlmsg_type != type || message->nlmsg_len < NLMSG_LENGTH(receiver->head))
            return -EPROTO;
        receiver->take(receiver->context, message);
        size_t step = NLMSG_ALIGN(message->nlmsg_len);
        at += step < length - at ? step : length - at;
    }
    return 1;
}

int netlink_ask(int fd, const struct nlmsghdr *request, int64_t deadline, struct scratch *scratch,
                const struct receiver *receiver)
{
    int result = (int)raw_send(fd, request, request->nlmsg_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (result > 0) {
        /* The kernel makes the answer while it is being asked for it: nothing ever has to be waited for. */
        ssize_t got = raw_receive(fd, scratch->bytes, sizeof scratch->bytes, MSG_DONTWAIT);
        result = got < 0 ? (int)got : take_all(scratch->bytes, (size_t)got, request->nlmsg_type, receiver);
        if (result > 0 && deadline_has_passed(deadline))
            result = -ETIME; /* what has come is used all the same */
    }
    return result;
}
