/* SPDX-License-Identifier: MIT
 *
 * The sockets on a port, asked of the kernel by NETLINK_SOCK_DIAG: no privilege needed, the caller's own
 * network namespace only. Contract in holder.h.
 */
#include "reuseshim/holder.h"
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

enum {
    TIMER_TIME_WAIT = 3,
    ATTRIBUTE_CGROUP_ID = 21, /* INET_DIAG_CGROUP_ID, Linux 5.8 */
};

/* The native port filter of the request takes one port and does not reach bound-only TCP sockets, so a
 * program says the same: sport >= first, sport <= last. S_EQ would be one step but came only with 4.17. */
struct port_filter {
    struct inet_diag_bc_op at_least, first, at_most, last;
    struct inet_diag_bc_op
        automatic; /* true for a port that no bind() asked for by number; not always sent */
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

static struct nlmsghdr dump_header(size_t length, const struct question *question, uint16_t type)
{
    if (!question->automatic_only)
        length -= sizeof(struct inet_diag_bc_op); /* the filter's last step */
    return (struct nlmsghdr){
        .nlmsg_len = (uint32_t)length, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
}

static struct filter_attribute filter_for(const struct question *question)
{
    const uint16_t one = sizeof(struct inet_diag_bc_op), two = 2 * sizeof(struct inet_diag_bc_op);
    const uint16_t size = question->automatic_only ? sizeof(struct port_filter) : 2 * two;
    /* To accept is to end exactly at the end, to reject is to jump four bytes behind it. */
    return (struct filter_attribute){
        .head = {.nla_len = (uint16_t)(sizeof(struct nlattr) + size), .nla_type = INET_DIAG_REQ_BYTECODE},
        .filter = {.at_least = {INET_DIAG_BC_S_GE, (uint8_t)two, (uint16_t)(size + 4)},
                   .first = {0, 0, question->ports.first},
                   .at_most = {INET_DIAG_BC_S_LE, (uint8_t)two, (uint16_t)(size + 4 - two)},
                   .last = {0, 0, question->ports.last},
                   .automatic = {INET_DIAG_BC_AUTO, (uint8_t)one, (uint16_t)(one + 4)}},
    };
}

/* The native filter, for the sockets that it reaches. */
static uint16_t native_port(const struct question *question)
{
    return question->ports.first == question->ports.last ? htons(question->ports.first) : 0;
}

/* NLMSG_DATA casts const away. */
static const void *payload(const struct nlmsghdr *message)
{
    return (const char *)message + NLMSG_HDRLEN;
}

/* Who opened a connection? The SYN counts as one byte acknowledged on the side that sent it first, and on
 * that side only (tcp_snd_una_update(), net/ipv4/tcp_input.c); a FIN counts as one more. bytes_sent is of
 * Linux 4.19; tcp_info grows at its end only. */
static tristate is_outgoing(uint8_t state, const char *bytes, size_t length)
{
    enum { UNACKED = 24, BYTES_ACKED = 120, BYTES_SENT = 200, BYTES_RETRANS = 208, ENOUGH = 216 };
    uint32_t unacked;
    uint64_t acked, sent, again;
    if (state == STATE_SYN_SENT)
        return YES;
    if (length < ENOUGH ||
        (state != STATE_ESTABLISHED && state != STATE_CLOSE_WAIT && state != STATE_FIN_WAIT2))
        return UNKNOWN;
    memcpy(&unacked, bytes + UNACKED, sizeof unacked);
    memcpy(&acked, bytes + BYTES_ACKED, sizeof acked);
    memcpy(&sent, bytes + BYTES_SENT, sizeof sent);
    memcpy(&again, bytes + BYTES_RETRANS, sizeof again);
    if (unacked)
        return UNKNOWN;
    uint64_t extra = acked - (sent - again) - (state == STATE_FIN_WAIT2);
    return extra == 1 ? YES : extra == 0 ? NO : UNKNOWN;
}

static void read_attributes(struct holder *holder, const char *attribute, const char *end)
{
    while (end - attribute >= (ptrdiff_t)sizeof(struct nlattr)) {
        struct nlattr head;
        memcpy(&head, attribute, sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > end - attribute)
            break;
        const char *value = attribute + sizeof head;
        size_t length = head.nla_len - sizeof head;
        if (head.nla_type == INET_DIAG_SKV6ONLY && length)
            holder->v6only = *value != 0;
        if (head.nla_type == ATTRIBUTE_CGROUP_ID && length == sizeof holder->cgroup_id)
            memcpy(&holder->cgroup_id, value, length);
        if (head.nla_type == INET_DIAG_INFO)
            holder->outgoing = is_outgoing(holder->state, value, length);
        attribute += NLA_ALIGN(head.nla_len);
    }
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
    memcpy(holder->cookie, said->id.idiag_cookie, sizeof holder->cookie);
    holder->v6only = holder->reuseaddr = holder->reuseport = holder->blocks = UNKNOWN;
    holder->outgoing = holder->automatic = holder->connect_placed = UNKNOWN;
    holder->inherited = UNKNOWN;
    read_attributes(holder, (const char *)(said + 1), (const char *)message + message->nlmsg_len);
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
static int read_answers(int fd, const struct question *question, int protocol, const char *buffer,
                        size_t length)
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
            if (question->automatic_only)
                holder.automatic = YES;
            name_device(fd, &holder);
            question->found(question->context, &holder);
        }
        at += NLMSG_ALIGN(message->nlmsg_len);
    }
    return 1;
}

/* Sends a request and takes in all of its answer: 0, or -errno. */
static int dump(int fd, const struct question *question, const struct nlmsghdr *request, int protocol,
                void *buffer)
{
    int result = (int)raw_send(fd, request, request->nlmsg_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result < 0)
        return result;
    do {
        /* The kernel makes the answer while it is being asked for it: nothing ever has to be waited for. */
        ssize_t got = raw_receive(fd, buffer, BUFFER_SIZE, MSG_DONTWAIT);
        if (got < 0)
            return (int)got;
        result = read_answers(fd, question, protocol, buffer, (size_t)got);
        if (result > 0 && raw_clock(CLOCK_MONOTONIC) >= question->deadline)
            return -ETIME; /* what has come is used all the same */
    } while (result > 0);
    return result;
}

/* tcp_info is asked for only of connections: a listener has none, and it is most of the answer's bytes. */
static uint8_t extensions(const struct question *question)
{
    const uint32_t connected = 1U << STATE_ESTABLISHED | 1U << STATE_CLOSE_WAIT | 1U << STATE_FIN_WAIT2;
    bool one_port = question->ports.first == question->ports.last;
    return one_port && question->states & connected ? 1U << (INET_DIAG_INFO - 1) : 0;
}

static int dump_tcp(int fd, const struct question *question, void *buffer)
{
    struct old_dump_request request = {
        .header = dump_header(sizeof request, question, TCPDIAG_GETSOCK),
        .request = {.idiag_family = AF_INET,
                    .idiag_states = question->states,
                    .idiag_ext = extensions(question),
                    .id = {.idiag_sport = native_port(question)}},
        .attribute = filter_for(question),
    };
    return dump(fd, question, &request.header, IPPROTO_TCP, buffer);
}

static int dump_family(int fd, const struct question *question, int family, void *buffer)
{
    struct dump_request request = {
        .header = dump_header(sizeof request, question, SOCK_DIAG_BY_FAMILY),
        .request = {.sdiag_family = (uint8_t)family,
                    .sdiag_protocol = (uint8_t)question->protocol,
                    .idiag_states = question->states,
                    .id = {.idiag_sport = native_port(question)}},
        .attribute = filter_for(question),
    };
    return dump(fd, question, &request.header, question->protocol, buffer);
}

int sock_diag_ask(const struct question *question, void *buffer)
{
    int result, result6 = 0;
    int fd = raw_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return fd;
    /* Both families: an IPv4 newcomer meets dual-stack sockets, and a dual-stack newcomer meets IPv4 ones. */
    if (question->protocol == IPPROTO_TCP)
        result = dump_tcp(fd, question, buffer);
    else {
        result = dump_family(fd, question, AF_INET, buffer);
        result6 = dump_family(fd, question, AF_INET6, buffer);
    }
    raw_close(fd);
    if (result6 == -ENOENT || result6 == -EAFNOSUPPORT) /* a kernel without IPv6 */
        result6 = 0;
    return result < 0 ? result : result6;
}
