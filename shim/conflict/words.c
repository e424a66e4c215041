/* SPDX-License-Identifier: MIT
 *
 * The words of a record.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"

#include <netinet/in.h>

/* Tables of arrays, not of pointers: a pointer is private memory in every process. */
const char *call_word(enum call call)
{
    static const char words[][16] = {
        [CALL_BIND] = "bind",
        [CALL_LISTEN] = "listen",
        [CALL_CONNECT] = "connect",
        [CALL_BINDRESVPORT] = "bindresvport",
        [CALL_SETSOCKOPT] = "setsockopt",
        [CALL_SOCKET] = "socket",
    };
    return words[call];
}

const char *cause_word(enum cause cause)
{
    static const char words[CAUSE_COUNT][20] = {
        [CAUSE_LISTENER] = "listener",
        [CAUSE_BOUND] = "bound",
        [CAUSE_CONNECTED] = "connected",
        [CAUSE_EPHEMERAL_CLIENT] = "ephemeral-client",
        [CAUSE_INHERITED] = "inherited",
        [CAUSE_TIME_WAIT] = "time-wait",
        [CAUSE_ORPHAN] = "orphan",
        [CAUSE_OTHER_USER] = "other-user",
        [CAUSE_OWN_GROUP] = "own-group",
        [CAUSE_SAME_TUPLE] = "same-tuple",
        [CAUSE_PORTS_EXHAUSTED] = "ports-exhausted",
        [CAUSE_UNIX_LIVE] = "unix-live",
        [CAUSE_UNIX_STALE] = "unix-stale",
        [CAUSE_UNSEEN] = "unseen",
    };
    return words[cause][0] ? words[cause] : NULL;
}

const char *relation_word(enum relation relation)
{
    static const char words[][16] = {
        [RELATION_SELF] = "self",
        [RELATION_ANCESTOR] = "ancestor",
        [RELATION_DESCENDANT] = "descendant",
        [RELATION_SAME_PROGRAM] = "same-program",
        [RELATION_SAME_USER] = "same-user",
        [RELATION_OTHER_USER] = "other-user",
    };
    return words[relation];
}

const char *hidden_phrase(enum hidden hidden)
{
    static const char *const phrases[] = {
        [HIDDEN_BY_PERMISSION] = "not every process shows what it has open to this user",
        [HIDDEN_ELSEWHERE] = "its process is in another PID namespace",
        [HIDDEN_IN_KERNEL] =
            "no process has it: a service of the kernel itself, a descriptor on its way, or one given to io_uring"};
    return phrases[hidden];
}

const char *state_word(const struct holder *holder)
{
    static const char words[STATE_COUNT][16] = {
        [STATE_ESTABLISHED] = "ESTABLISHED", [STATE_SYN_SENT] = "SYN_SENT",
        [STATE_SYN_RECV] = "SYN_RECV",       [STATE_FIN_WAIT1] = "FIN_WAIT1",
        [STATE_FIN_WAIT2] = "FIN_WAIT2",     [STATE_TIME_WAIT] = "TIME_WAIT",
        [STATE_CLOSE] = "UNCONNECTED",       [STATE_CLOSE_WAIT] = "CLOSE_WAIT",
        [STATE_LAST_ACK] = "LAST_ACK",       [STATE_LISTEN] = "LISTEN",
        [STATE_CLOSING] = "CLOSING",         [STATE_NEW_SYN_RECV] = "NEW_SYN_RECV",
        [STATE_BOUND_INACTIVE] = "BOUND",
    };
    bool stream = holder->local.family == AF_UNIX && holder->type != SOCK_DGRAM;
    if (holder->state == STATE_CLOSE && (holder->protocol == IPPROTO_TCP || stream))
        return "BOUND";
    return holder->state < STATE_COUNT && words[holder->state][0] ? words[holder->state] : "?";
}

void protocol_write(struct text *text, int family, int type, int protocol)
{
    static const struct {
        int family, type, protocol; /* -1 for any */
        char word[8];
    } names[] = {
        {AF_INET, SOCK_RAW, -1, "raw"},   {AF_INET6, SOCK_RAW, -1, "raw"},
        {-1, -1, IPPROTO_TCP, "tcp"},     {-1, -1, IPPROTO_UDP, "udp"},
        {-1, -1, IPPROTO_MPTCP, "mptcp"}, {-1, -1, IPPROTO_UDPLITE, "udplite"},
        {-1, -1, IPPROTO_SCTP, "sctp"},   {-1, -1, IPPROTO_DCCP, "dccp"},
        {-1, -1, IPPROTO_ICMP, "icmp"},   {-1, -1, IPPROTO_ICMPV6, "icmp6"},
    };
    static const struct {
        int family;
        char word[12];
    } families[] = {{AF_UNIX, "unix"},   {AF_NETLINK, "netlink"},     {AF_PACKET, "packet"},
                    {AF_VSOCK, "vsock"}, {AF_BLUETOOTH, "bluetooth"}, {AF_TIPC, "tipc"},
                    {AF_CAN, "can"}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (families[i].family == family) {
            text_string(text, families[i].word);
            return;
        }
    }
    bool internet = family == AF_INET || family == AF_INET6;
    for (size_t i = 0; internet && i < sizeof names / sizeof *names; i++) {
        if ((names[i].family < 0 || names[i].family == family) &&
            (names[i].type < 0 || names[i].type == type) &&
            (names[i].protocol < 0 || names[i].protocol == protocol)) {
            text_string(text, names[i].word);
            return;
        }
    }
    if (internet) {
        text_string(text, family == AF_INET ? "ipv4" : "ipv6");
    } else if (family >= 0) {
        text_string(text, "family ");
        text_signed(text, family);
    } else
        text_char(text, '?');
}
