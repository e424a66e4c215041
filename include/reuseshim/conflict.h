/* SPDX-License-Identifier: MIT
 *
 * Who holds the port, and why the kernel refused: the values that sock_diag, /proc, the kernel's rule, the
 * causes and the cures hand to each other, in that order. What is not known says so; nothing is guessed.
 */
#ifndef REUSESHIM_CONFLICT_H
#define REUSESHIM_CONFLICT_H

#include "reuseshim/policy.h"

#include <net/if.h>

typedef int8_t tristate;
enum { NO = 0, YES = 1, UNKNOWN = -1 };

enum call { CALL_BIND, CALL_LISTEN, CALL_CONNECT, CALL_BINDRESVPORT, CALL_SETSOCKOPT, CALL_SOCKET };

/* ---- the socket that was refused ------------------------------------------------------------- */

struct newcomer {
    enum call call;
    int error;
    int fd;
    int family;             /* AF_*, -1 where not known */
    int type;               /* SOCK_*, -1 */
    int protocol;           /* IPPROTO_*, -1 */
    struct endpoint local;  /* asked for (bind), else the socket's own */
    struct endpoint remote; /* of connect */
    struct unix_path path;  /* where local is AF_UNIX */
    uint32_t device;        /* interface index it is bound to, 0 for none */
    char device_name[IF_NAMESIZE];
    uint64_t inode; /* 0 where not known */
    uint32_t uid;   /* of the socket, not of the process */
    bool uid_known;
    tristate options[OPTION_COUNT]; /* as the kernel saw them */
};

/* Asks the kernel about `fd`; fields that it does not tell stay unknown. With `ask` false (a seccomp filter
 * may kill for it) only what the arguments show is filled in. System calls; async-signal-safe. */
void newcomer_ask(struct newcomer *newcomer, enum call call, int fd, int error,
                  const struct endpoint *argument, bool ask);

/* ---- a socket that is there already ---------------------------------------------------------- */

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

enum owner { OWNER_NOT_SEARCHED, OWNER_KNOWN, OWNER_NONE, OWNER_HIDDEN };

enum cause {
    CAUSE_UNKNOWN,
    CAUSE_LISTENER,
    CAUSE_BOUND,
    CAUSE_CONNECTED,
    CAUSE_EPHEMERAL_CLIENT,
    CAUSE_INHERITED,
    CAUSE_TIME_WAIT,
    CAUSE_ORPHAN,
    CAUSE_OTHER_USER,
    CAUSE_OWN_GROUP,
    CAUSE_SAME_TUPLE,
    CAUSE_PORTS_EXHAUSTED,
    CAUSE_UNIX_LIVE,
    CAUSE_UNIX_STALE,
    CAUSE_UNSEEN,
    CAUSE_COUNT
};

struct holder {
    int protocol;
    uint8_t state;
    struct endpoint local;
    struct endpoint remote; /* family AF_UNSPEC when it has no peer */
    int64_t timer_ms;       /* until TIME_WAIT or FIN_WAIT2 ends; -1 where there is no such timer */
    uint64_t inode;         /* 0: no descriptor refers to it */
    uint32_t uid;
    bool uid_known; /* TIME_WAIT and its FIN_WAIT2 form have none */
    bool device_known;
    uint32_t device;
    char device_name[IF_NAMESIZE];
    tristate v6only, reuseaddr, reuseport;
    tristate blocks;
    enum owner owner;
    uint8_t owners; /* index into the conflict's owners */
};

enum relation {
    RELATION_SELF,
    RELATION_ANCESTOR,
    RELATION_DESCENDANT,
    RELATION_SAME_PROGRAM,
    RELATION_SAME_USER,
    RELATION_OTHER_USER
};

struct process {
    pid_t pid;
    uint32_t uid;
    bool uid_known;
    int64_t started; /* seconds since 1970, -1 where not known */
    enum relation relation;
    char program[64];
    uint16_t command_length;
    char command[190]; /* arguments with spaces between; cut to fit */
};

enum { HOLDERS_MAX = 32, PROCESSES_MAX = 8 };

struct owners {
    uint32_t count; /* may exceed PROCESSES_MAX: only so many are kept */
    struct process processes[PROCESSES_MAX];
};

/* ---- the answer ------------------------------------------------------------------------------ */

enum source { SOURCE_NONE, SOURCE_SOCK_DIAG, SOURCE_PROC };
enum apply_to { APPLY_TO_THIS, APPLY_TO_BOTH, APPLY_TO_HOLDER };
enum need { NEED_SAME_USER = 1, NEED_STOP_HOLDER = 2 };

struct cure {
    char text[200];
    char rules[160];    /* "" for none */
    const char *policy; /* NULL for none */
    enum apply_to apply_to;
    unsigned needs; /* bits of enum need */
};
enum { CURES_MAX = 3 };

struct conflict {
    enum cause cause;
    char because[320];
    uint32_t holder_count;
    uint32_t holders_omitted;
    struct holder holders[HOLDERS_MAX]; /* the surest blockers first */
    struct owners owners[HOLDERS_MAX];
    uint32_t cure_count;
    struct cure cures[CURES_MAX];
    int64_t deadline; /* CLOCK_MONOTONIC, ns: when to stop looking */
    enum source source;
    bool complete;
    bool all_sockets;   /* every socket that the source shows was looked at */
    bool all_processes; /* every process was, and showed its descriptors */
    bool shows_bound;   /* the source lists bound-only TCP sockets too */
    int64_t elapsed_us;
    struct port_range range; /* of automatic ports, last 0 where not asked */
};

/* ---- the steps ------------------------------------------------------------------------------- */

/* Takes a socket into the list if it stands in the newcomer's way or may do so. */
void conflict_add(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *holder);

/* The kernel's rule (Linux 3.9 and later): does `holder` refuse `newcomer`? Pure. */
tristate rules_overlap(const struct newcomer *newcomer, const struct holder *holder);
tristate rules_blocks(const struct newcomer *newcomer, const struct holder *holder);
/* The two are of different families and meet through a dual-stack [::]. */
bool rules_is_dual_stack(const struct newcomer *newcomer, const struct holder *holder);
tristate rules_same_tuple(const struct newcomer *newcomer, const struct holder *holder);
/* TIME_WAIT, or the FIN_WAIT2 leftover that the kernel treats as one. */
bool rules_is_time_wait(const struct holder *holder);

/* Settles what the refusal itself proves, then cause, sentence and cures. Pure. */
void conflict_conclude(struct conflict *conflict, const struct newcomer *newcomer);
void conflict_cures(struct conflict *conflict, const struct newcomer *newcomer);

/* Sockets from the kernel: 0, or -errno with what was found so far. `states` has a bit per socket_state.
 * `buffer` is working memory of BUFFER_SIZE bytes; -ETIME when the conflict's deadline has passed. System
 * calls; async-signal-safe. */
enum { BUFFER_SIZE = 32768 };
int sock_diag_collect(struct conflict *conflict, const struct newcomer *newcomer, uint32_t states,
                      void *buffer);
int proc_net_collect(struct conflict *conflict, const struct newcomer *newcomer, uint32_t states,
                     void *buffer);

/* Fills in who owns the holders, and with that the reuse options of those on which an answer hangs (read from
 * the descriptor itself, where permitted). False if the deadline came first. System calls; async-signal-safe.
 */
bool owners_find(struct conflict *conflict, const struct newcomer *newcomer, void *buffer);

/* Facts about a process, for a record. `self` is this process. System calls; async-signal-safe. */
struct self {
    pid_t pid;
    uint32_t uid;
    char program[64];
    pid_t ancestors[24];
    unsigned ancestor_count;
};
void process_self(struct self *self);
void process_describe(struct process *process, pid_t pid, const struct self *self);

/* All of it, into a conflict that is all zero but for its deadline. `buffer` has BUFFER_SIZE bytes. False if
 * the error turns out to be about something else than a port that is taken. System calls; async-signal-safe.
 */
bool conflict_explain(struct conflict *conflict, const struct newcomer *newcomer, void *buffer);

/* ---- words ----------------------------------------------------------------------------------- */

const char *call_word(enum call call);
const char *cause_word(enum cause cause); /* NULL for CAUSE_UNKNOWN */
const char *relation_word(enum relation relation);
/* "tcp", "udp", "unix", ...; "family 40" or "?" for others. */
void protocol_write(struct text *text, int family, int type, int protocol);
const char *state_word(const struct holder *holder);

#endif
