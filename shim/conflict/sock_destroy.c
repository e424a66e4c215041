/* SPDX-License-Identifier: MIT
 *
 * The one thing that this library does to a socket of somebody else. Contract in holder.h.
 */
#include "reuseshim/holder.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

enum { DESTROY = 21 /* SOCK_DESTROY, Linux 4.5 */ };

int sock_diag_destroy(const struct holder *holder)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } ask = {
        .header = {.nlmsg_len = sizeof ask, .nlmsg_type = DESTROY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .request = {.sdiag_family = (uint8_t)holder->local.family,
                    .sdiag_protocol = (uint8_t)holder->protocol,
                    .idiag_states = 1U << holder->state,
                    .id = {.idiag_sport = htons(holder->local.port),
                           .idiag_dport = htons(holder->remote.port),
                           .idiag_if = holder->device}}};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[256];
    } answer;
    size_t size = holder->local.family == AF_INET ? 4 : 16;
    memcpy(ask.request.id.idiag_src, holder->local.address, size);
    memcpy(ask.request.id.idiag_dst, holder->remote.address, size);
    /* The cookie is this very socket's: another one that has the 4-tuple by now is left alone. */
    memcpy(ask.request.id.idiag_cookie, holder->cookie, sizeof holder->cookie);
    int fd = raw_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return fd;
    ssize_t result = raw_send(fd, &ask, sizeof ask, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result > 0)
        result = raw_receive(fd, &answer, sizeof answer, MSG_DONTWAIT);
    raw_close(fd);
    if (result < 0)
        return (int)result;
    return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}
