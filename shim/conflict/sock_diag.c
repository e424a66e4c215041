/* SPDX-License-Identifier: MIT
 *
 * The sockets on a port, asked of the kernel by NETLINK_SOCK_DIAG: no privilege needed, the caller's own
 * network namespace only. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

enum { TIMER_TIME_WAIT = 3 };

/* The native port filter of the request does not reach bound-only TCP sockets, so a program says the same:
 * sport >= port, sport <= port. S_EQ would be one step but came only with 4.17. */
struct port_filter {
    struct inet_diag_bc_op at_least, at_least_port, at_most, at_most_port;
};

struct filter_attribute {
    struct nlattr head;
    struct port_filter filter;
};

struct dump_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
    struct filter_attribute attribute;
};

/* The request of before sock_diag (TCPDIAG_GETSOCK). For TCP it still has its use: it walks the hash tables
 * once for both families, where SOCK_DIAG_BY_FAMILY takes one family and so walks them twice. */
struct old_dump_request {
    struct nlmsghdr header;
    struct inet_diag_req request;
    struct filter_attribute attribute;
};

static struct nlmsghdr dump_header(size_t length, uint16_t type)
{
    return (struct nlmsghdr){
        .nlmsg_len = (uint32_t)length, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
}

static struct filter_attribute filter_for(uint16_t port)
{
    const uint16_t size = sizeof(struct port_filter);
    const uint16_t step = 2 * sizeof(struct inet_diag_bc_op);
    /* To accept is to end exactly at the end, to reject is to jump four bytes behind it. */
    return (struct filter_attribute){
        .head = {.nla_len = sizeof(struct filter_attribute), .nla_type = INET_DIAG_REQ_BYTECODE},
        .filter = {.at_least = {INET_DIAG_BC_S_GE, (uint8_t)step, (uint16_t)(size + 4)},
                   .at_least_port = {0, 0, port},
                   .at_most = {INET_DIAG_BC_S_LE, (uint8_t)step, (uint16_t)(size + 4 - step)},
                   .at_most_port = {0, 0, port}},
    };
}

/* NLMSG_DATA casts const away. */
static const void *payload(const struct nlmsghdr *message)
{
    return (const char *)message + NLMSG_HDRLEN;
}

static void read_message(struct holder *holder, const struct nlmsghdr *message, int protocol)
{
    const struct inet_diag_msg *said = payload(message);
    bool mini = said->idiag_inode == 0 &&
                (said->idiag_state == STATE_TIME_WAIT || said->idiag_state == STATE_FIN_WAIT2);
    memset(holder, 0, sizeof *holder);
    holder->protocol = protocol;
    holder->state = said->idiag_state;
    holder->local = endpoint_of(said->idiag_family, said->id.idiag_src, ntohs(said->id.idiag_sport));
    if (said->id.idiag_dport)
        holder->remote = endpoint_of(said->idiag_family, said->id.idiag_dst, ntohs(said->id.idiag_dport));
    holder->timer_ms = mini && said->idiag_timer == TIMER_TIME_WAIT ? (int64_t)said->idiag_expires : -1;
    holder->inode = said->idiag_inode;
    holder->uid = said->idiag_uid;
    /* "0" of a socket without an inode means unknown, unless something else than 0 is said (6.17). */
    holder->uid_known = said->idiag_inode != 0 || said->idiag_uid != 0;
    holder->device_known = true;
    holder->device = said->id.idiag_if;
    holder->v6only = holder->reuseaddr = holder->reuseport = holder->blocks = UNKNOWN;

    const char *attribute = (const char *)(said + 1);
    const char *end = (const char *)message + message->nlmsg_len;
    while (end - attribute >= (ptrdiff_t)sizeof(struct nlattr)) {
        struct nlattr head;
        memcpy(&head, attribute, sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > end - attribute)
            break;
        if (head.nla_type == INET_DIAG_SKV6ONLY && head.nla_len > sizeof head)
            holder->v6only = attribute[sizeof head] != 0;
        attribute += NLA_ALIGN(head.nla_len);
    }
    if (holder->local.family == AF_INET || endpoint_is_mapped(&holder->local))
        holder->v6only = UNKNOWN; /* it has no meaning there */
}

/* SIOCGIFNAME works on any socket; the netlink socket serves. */
static void name_device(int fd, struct holder *holder)
{
    struct ifreq request;
    if (holder->device == 0)
        return;
    memset(&request, 0, sizeof request);
    request.ifr_ifindex = (int)holder->device;
    if (raw_ioctl(fd, SIOCGIFNAME, &request) == 0)
        memcpy(holder->device_name, request.ifr_name, sizeof holder->device_name - 1);
}

/* Walks one datagram of answers: 1 for more to come, 0 at the end, or -errno. */
static int read_answers(int fd, struct conflict *conflict, const struct newcomer *newcomer, int protocol,
                        const char *buffer, size_t length)
{
    size_t at = 0;
    while (length - at >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(buffer + at);
        if (message->nlmsg_len < sizeof *message || message->nlmsg_len > length - at)
            return -EBADMSG;
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *error = payload(message);
            return error->error < 0 ? error->error : -EPROTO;
        }
        if ((message->nlmsg_type == SOCK_DIAG_BY_FAMILY || message->nlmsg_type == TCPDIAG_GETSOCK) &&
            message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
            struct holder holder;
            read_message(&holder, message, protocol);
            name_device(fd, &holder);
            conflict_add(conflict, newcomer, &holder);
        }
        at += NLMSG_ALIGN(message->nlmsg_len);
    }
    return 1;
}

/* Sends a request and takes in all of its answer: 0, or -errno. */
static int dump(int fd, struct conflict *conflict, const struct newcomer *newcomer, const void *request,
                size_t length, int protocol, void *buffer)
{
    int result = (int)raw_send(fd, request, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result < 0)
        return result;
    do {
        /* The kernel makes the answer while it is being asked for it: nothing ever has to be waited for. */
        ssize_t got = raw_receive(fd, buffer, BUFFER_SIZE, MSG_DONTWAIT);
        if (got < 0)
            return (int)got;
        result = read_answers(fd, conflict, newcomer, protocol, buffer, (size_t)got);
        if (result > 0 && raw_clock(CLOCK_MONOTONIC) >= conflict->deadline)
            return -ETIME; /* what has come is used all the same */
    } while (result > 0);
    return result;
}

static int dump_tcp(int fd, struct conflict *conflict, const struct newcomer *newcomer, uint32_t states,
                    void *buffer)
{
    uint16_t port = newcomer->local.port;
    struct old_dump_request request = {
        .header = dump_header(sizeof request, TCPDIAG_GETSOCK),
        .request = {.idiag_family = AF_INET, .idiag_states = states, .id = {.idiag_sport = htons(port)}},
        .attribute = filter_for(port),
    };
    return dump(fd, conflict, newcomer, &request, sizeof request, IPPROTO_TCP, buffer);
}

static int dump_family(int fd, struct conflict *conflict, const struct newcomer *newcomer, int family,
                       uint32_t states, void *buffer)
{
    uint16_t port = newcomer->local.port;
    struct dump_request request = {
        .header = dump_header(sizeof request, SOCK_DIAG_BY_FAMILY),
        .request = {.sdiag_family = (uint8_t)family,
                    .sdiag_protocol = (uint8_t)newcomer->protocol,
                    .idiag_states = states,
                    .id = {.idiag_sport = htons(port)}},
        .attribute = filter_for(port),
    };
    return dump(fd, conflict, newcomer, &request, sizeof request, newcomer->protocol, buffer);
}

int sock_diag_collect(struct conflict *conflict, const struct newcomer *newcomer, uint32_t states,
                      void *buffer)
{
    bool tcp = newcomer->protocol == IPPROTO_TCP || newcomer->protocol == IPPROTO_MPTCP;
    int result, result6 = 0;
    int fd = raw_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return fd;
    /* Both families: an IPv4 newcomer meets dual-stack sockets, and a dual-stack newcomer meets IPv4 ones. */
    if (tcp)
        result = dump_tcp(fd, conflict, newcomer, states, buffer);
    else {
        result = dump_family(fd, conflict, newcomer, AF_INET, states, buffer);
        result6 = dump_family(fd, conflict, newcomer, AF_INET6, states, buffer);
    }
    raw_close(fd);
    if (result6 == -ENOENT || result6 == -EAFNOSUPPORT) /* a kernel without IPv6 */
        result6 = 0;
    return result < 0 ? result : result6;
}
