/* SPDX-License-Identifier: MIT
 *
 * The words of a record. Contract in words.h.
 */
#include "reuseshim/words.h"

#include "reuseshim/protocol.h"

/* Tables of arrays, not of pointers: a pointer is private memory in every process. */

const char *event_word(enum event event)
{
    static const char words[][12] = {
        [EVENT_CONFLICT] = "conflict", [EVENT_REFUSED] = "refused", [EVENT_RESOLVED] = "resolved",
        [EVENT_CHANGE] = "change",     [EVENT_SHARED] = "shared",   [EVENT_PORTABILITY] = "portability",
        [EVENT_ERROR] = "error",       [EVENT_TRACE] = "trace"};
    _Static_assert(sizeof words / sizeof *words == EVENT_COUNT, "an event has no word");
    return words[event];
}

const char *bare_word(enum bare bare)
{
    static const char words[][20] = {[BARE_NOT] = "",
                                     [BARE_SECCOMP] = "seccomp",
                                     [BARE_NEVER] = "never",
                                     [BARE_PRIVILEGES] = "privileges",
                                     [BARE_NO_DESCRIPTOR] = "no descriptor left",
                                     [BARE_NO_PROCESS] = "no process left",
                                     [BARE_NO_PROC] = "no /proc",
                                     [BARE_BUSY] = "busy",
                                     [BARE_FAMILY] = "family"};
    _Static_assert(sizeof words / sizeof *words == BARE_COUNT, "a reason has no word");
    return words[bare][0] ? words[bare] : NULL;
}

const char *bare_phrase(enum bare bare)
{
    static const char phrases[][128] = {
        [BARE_NOT] = "",
        [BARE_SECCOMP] =
            "nobody was looked for: a seccomp filter is on; REUSESHIM_DIAGNOSE=always looks all the same",
        [BARE_NEVER] = "nobody was looked for: REUSESHIM_DIAGNOSE=never",
        [BARE_PRIVILEGES] =
            "nobody was looked for: the program has other privileges than the one who started it",
        [BARE_NO_DESCRIPTOR] = "nobody could be looked for: no file descriptor is left (RLIMIT_NOFILE)",
        [BARE_NO_PROCESS] = "nobody could be looked for: no process may be started (RLIMIT_NPROC)",
        [BARE_NO_PROC] =
            "nobody was looked for: there is no /proc here; REUSESHIM_DIAGNOSE=always asks the kernel",
        [BARE_BUSY] =
            "nobody was looked for: explanations have had 5 % of its time; REUSESHIM_DIAGNOSE=always",
        [BARE_FAMILY] = "nobody was looked for: of sockets of that family the kernel shows no owner"};
    _Static_assert(sizeof phrases / sizeof *phrases == BARE_COUNT, "a reason has no phrase");
    return phrases[bare];
}

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
    _Static_assert(sizeof words / sizeof *words == CALL_COUNT, "a call has no word");
    return words[call];
}

const char *cause_word(enum cause cause)
{
#define CAUSE_WORD(name, word, ...) [CAUSE_##name] = word,
    static const char words[CAUSE_COUNT][20] = {[CAUSE_UNKNOWN] = "", CAUSES(CAUSE_WORD)};
    return words[cause][0] ? words[cause] : NULL;
}

const char *owner_word(enum owner owner)
{
    static const char words[][8] = {[OWNER_NOT_SEARCHED] = "",
                                    [OWNER_KNOWN] = "known",
                                    [OWNER_NONE] = "none",
                                    [OWNER_HIDDEN] = "hidden",
                                    [OWNER_LIKELY] = "likely"};
    _Static_assert(sizeof words / sizeof *words == OWNER_COUNT, "an owner has no word");
    return words[owner][0] ? words[owner] : NULL;
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
    _Static_assert(sizeof words / sizeof *words == RELATION_COUNT, "a relation has no word");
    return words[relation];
}

const char *source_word(enum source source)
{
    static const char words[][12] = {[SOURCE_NONE] = "none",
                                     [SOURCE_SOCK_DIAG] = "sock_diag",
                                     [SOURCE_PROC] = "proc",
                                     [SOURCE_EARLIER] = "earlier"};
    _Static_assert(sizeof words / sizeof *words == SOURCE_COUNT, "a source has no word");
    return words[source];
}

const char *apply_to_word(enum apply_to apply_to)
{
    static const char words[][8] = {
        [APPLY_TO_THIS] = "this", [APPLY_TO_BOTH] = "both", [APPLY_TO_HOLDER] = "holder"};
    _Static_assert(sizeof words / sizeof *words == APPLY_TO_COUNT, "a side has no word");
    return words[apply_to];
}

const char *need_word(unsigned need)
{
    switch ((enum need)need) {
    case NEED_NET_ADMIN:
        return "CAP_NET_ADMIN";
    case NEED_SAME_USER:
        return "same-user";
    case NEED_STOP_HOLDER:
        return "stop-holder";
    case NEED_WAIT:
        return "wait";
    case NEED_ROOT:
        return "root";
    }
    return NULL;
}

const char *label_word(enum label label)
{
    static const char words[][RECORD_LABEL + 1] = {
        [LABEL_HELD_BY] = "held by  ", [LABEL_PERHAPS] = "perhaps  ",  [LABEL_BESIDE] = "beside   ",
        [LABEL_WITH] = "with     ",    [LABEL_WAS_HELD] = "was held ", [LABEL_AND] = "and      ",
        [LABEL_BECAUSE] = "because  ", [LABEL_SO] = "so       ",       [LABEL_CURE] = "cure     ",
        [LABEL_LOST] = "lost     "};
    _Static_assert(sizeof words / sizeof *words == LABEL_COUNT, "a label has no word");
    return words[label];
}

const char *state_word(const struct holder *holder)
{
    static const char words[][16] = {
        [0] = "?",
        [STATE_ESTABLISHED] = "ESTABLISHED",
        [STATE_SYN_SENT] = "SYN_SENT",
        [STATE_SYN_RECV] = "SYN_RECV",
        [STATE_FIN_WAIT1] = "FIN_WAIT1",
        [STATE_FIN_WAIT2] = "FIN_WAIT2",
        [STATE_TIME_WAIT] = "TIME_WAIT",
        [STATE_CLOSE] = "UNCONNECTED",
        [STATE_CLOSE_WAIT] = "CLOSE_WAIT",
        [STATE_LAST_ACK] = "LAST_ACK",
        [STATE_LISTEN] = "LISTEN",
        [STATE_CLOSING] = "CLOSING",
        [STATE_NEW_SYN_RECV] = "NEW_SYN_RECV",
        [STATE_BOUND_INACTIVE] = "BOUND",
    };
    _Static_assert(sizeof words / sizeof *words == STATE_COUNT, "a state has no word");
    bool stream = holder->local.family == AF_UNIX && holder->type != SOCK_DGRAM;
    if (holder->state == STATE_CLOSE && (protocol_is_tcp(holder->protocol) || stream))
        return words[STATE_BOUND_INACTIVE];
    return words[holder->state < STATE_COUNT ? holder->state : 0];
}

/* ---- protocols and families --------------------------------------------------------------------- */

static const char *internet_word(int family, int type, int protocol)
{
    const char *word = protocol_find(protocol)->word;
    if (type == SOCK_RAW)
        return "raw";
    return word[0] ? word : family == AF_INET ? "ipv4" : "ipv6";
}

void protocol_write(struct text *text, int family, int type, int protocol)
{
    static const struct {
        int family;
        char word[12];
    } families[] = {{AF_UNIX, "unix"},   {AF_NETLINK, "netlink"},     {AF_PACKET, "packet"},
                    {AF_VSOCK, "vsock"}, {AF_BLUETOOTH, "bluetooth"}, {AF_TIPC, "tipc"},
                    {AF_CAN, "can"}};
    if (family == AF_INET || family == AF_INET6) {
        text_string(text, internet_word(family, type, protocol));
        return;
    }
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (families[i].family == family) {
            text_string(text, families[i].word);
            return;
        }
    text_string(text, family < 0 ? "?" : "family ");
    if (family >= 0)
        text_signed(text, family);
}
