/* SPDX-License-Identifier: MIT
 *
 * The one thing that this library does to a socket of somebody else. Contract in sockets.h.
 */
#include "netlink.h"
#include "reuseshim/raw.h"
#include "reuseshim/sockets.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>

enum { DESTROY = 21 /* SOCK_DESTROY, Linux 4.5 */ };

/* The answer is an acknowledgement and nothing more. */
static void pass_over(void *context, const struct nlmsghdr *message)
{
    (void)context;
    (void)message;
}

int sock_diag_destroy(const struct holder *holder, int64_t deadline, struct scratch *scratch)
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
    size_t size = holder->local.family == AF_INET ? 4 : 16;
    memcpy(ask.request.id.idiag_src, holder->local.address, size);
    memcpy(ask.request.id.idiag_dst, holder->remote.address, size);
    /* The cookie is this very socket's: another one that has the 4-tuple by now is left alone. */
    memcpy(ask.request.id.idiag_cookie, holder->cookie, sizeof holder->cookie);
    const struct receiver receiver = {.take = pass_over};
    int fd = netlink_open();
    if (fd < 0)
        return fd;
    int result = netlink_ask(fd, &ask.header, deadline, scratch, &receiver);
    raw_close(fd);
    return result;
}
