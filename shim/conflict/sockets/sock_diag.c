/* SPDX-License-Identifier: MIT
 *
 * The sockets on a port, asked of the kernel by NETLINK_SOCK_DIAG: no privilege needed, the caller's own
 * network namespace only. Contract in sockets.h.
 */
#include "netlink.h"
#include "reuseshim/protocol.h"
#include "reuseshim/raw.h"
#include "reuseshim/sockets.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    TIMER_TIME_WAIT = 3,
    ATTRIBUTE_CGROUP_ID = 21, /* INET_DIAG_CGROUP_ID, Linux 5.8 */
};

/* The native port filter of the request takes one port and does not reach bound-only TCP sockets, so a
 * program says the same: sport >= first, sport <= last. S_EQ would be one step but came only with 4.17. */
struct port_filter {
    struct inet_diag_bc_op at_least, first, at_most, last;
    /* True for a port that no bind() asked for by number; not always sent. */
    struct inet_diag_bc_op automatic;
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
    const uint16_t size = (uint16_t)(question->automatic_only ? sizeof(struct port_filter) : 2U * two);
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

static void read_attributes(struct holder *holder, const struct nlmsghdr *message)
{
    struct attribute attribute = {0};
    while (netlink_next(&attribute, message, sizeof(struct inet_diag_msg))) {
        if (attribute.type == INET_DIAG_SKV6ONLY && attribute.length)
            holder->v6only = *attribute.value != 0;
        if (attribute.type == ATTRIBUTE_CGROUP_ID && attribute.length == sizeof holder->cgroup_id)
            memcpy(&holder->cgroup_id, attribute.value, attribute.length);
        if (attribute.type == INET_DIAG_INFO)
            holder->outgoing = is_outgoing(holder->state, attribute.value, attribute.length);
    }
}

static void read_message(struct holder *holder, const struct nlmsghdr *message, int protocol)
{
    const struct inet_diag_msg *said = netlink_payload(message);
    bool mini = said->idiag_inode == 0 &&
                (said->idiag_state == STATE_TIME_WAIT || said->idiag_state == STATE_FIN_WAIT2);
    *holder = holder_unknown();
    holder->protocol = protocol;
    holder->state = said->idiag_state < STATE_COUNT ? said->idiag_state : 0; /* of a kernel to come */
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
    read_attributes(holder, message);
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

/* A dump on its way. */
struct dump {
    const struct question *question;
    int fd, protocol;
    struct scratch *scratch;
};

static void take(void *context, const struct nlmsghdr *message)
{
    const struct dump *dump = context;
    struct holder holder;
    read_message(&holder, message, dump->protocol);
    if (!endpoint_is_internet(&holder.local))
        return;
    if (dump->question->automatic_only)
        holder.automatic = YES;
    name_device(dump->fd, &holder);
    dump->question->found(dump->question->context, &holder);
}

static int ask(struct dump *dump, const struct nlmsghdr *request)
{
    const struct receiver receiver = {sizeof(struct inet_diag_msg), take, dump};
    return netlink_ask(dump->fd, request, dump->question->deadline, dump->scratch, &receiver);
}

/* tcp_info is asked for only of connections: a listener has none, and it is most of the answer's bytes. */
static uint8_t extensions(const struct question *question)
{
    const uint32_t connected = 1U << STATE_ESTABLISHED | 1U << STATE_CLOSE_WAIT | 1U << STATE_FIN_WAIT2;
    bool one_port = question->ports.first == question->ports.last;
    return one_port && question->states & connected ? 1U << (INET_DIAG_INFO - 1) : 0;
}

static int dump_tcp(struct dump *dump)
{
    const struct question *question = dump->question;
    struct old_dump_request request = {
        .header = dump_header(sizeof request, question, TCPDIAG_GETSOCK),
        .request = {.idiag_family = AF_INET,
                    .idiag_states = question->states,
                    .idiag_ext = extensions(question),
                    .id = {.idiag_sport = native_port(question)}},
        .attribute = filter_for(question),
    };
    return ask(dump, &request.header);
}

static int dump_family(struct dump *dump, int family)
{
    const struct question *question = dump->question;
    struct dump_request request = {
        .header = dump_header(sizeof request, question, SOCK_DIAG_BY_FAMILY),
        .request = {.sdiag_family = (uint8_t)family,
                    .sdiag_protocol = (uint8_t)dump->protocol,
                    .idiag_states = question->states,
                    .id = {.idiag_sport = native_port(question)}},
        .attribute = filter_for(question),
    };
    return ask(dump, &request.header);
}

int sock_diag_ask(const struct question *question, struct scratch *scratch)
{
    struct dump dump = {.question = question,
                        .fd = netlink_open(),
                        .protocol = protocol_find(question->protocol)->shown,
                        .scratch = scratch};
    int result, result6 = 0;
    if (dump.fd < 0)
        return dump.fd;
    if (dump.protocol < 0) {
        raw_close(dump.fd);
        return -EPROTONOSUPPORT;
    }
    /* Both families: an IPv4 newcomer meets dual-stack sockets, and a dual-stack newcomer meets IPv4 ones. */
    if (dump.protocol == IPPROTO_TCP) {
        result = dump_tcp(&dump);
    } else {
        result = dump_family(&dump, AF_INET);
        result6 = dump_family(&dump, AF_INET6);
    }
    raw_close(dump.fd);
    if (result6 == -ENOENT || result6 == -EAFNOSUPPORT) /* a kernel without IPv6 */
        result6 = 0;
    return result < 0 ? result : result6;
}
