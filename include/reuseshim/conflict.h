/* SPDX-License-Identifier: MIT
 *
 * Who holds the port, and why the kernel refused: from the sockets to their owners, the cause and the cures.
 * What is not known says so; nothing is guessed.
 */
#ifndef REUSESHIM_CONFLICT_H
#define REUSESHIM_CONFLICT_H

#include "reuseshim/owners.h"
#include "reuseshim/rules.h"

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

enum { HOLDERS_MAX = 32, PROCESSES_MAX = 8, CGROUPS_MAX = 4, CURES_MAX = 4, TAKERS_MAX = 4 };

struct owners {
    uint32_t count; /* may exceed PROCESSES_MAX: only so many are kept */
    struct process processes[PROCESSES_MAX];
};

/* Where an owner is that does not show. */
enum hidden {
    HIDDEN_BY_PERMISSION, /* a process would not show its descriptors */
    HIDDEN_ELSEWHERE,     /* all processes were looked at, but we are in a PID namespace of our own */
    HIDDEN_IN_KERNEL /* all processes of the machine were: the kernel's own, or a descriptor on its way */
};

struct cgroup {
    uint64_t id;
    char path[256]; /* "" where not known */
};

enum source { SOURCE_NONE, SOURCE_SOCK_DIAG, SOURCE_PROC };
enum apply_to { APPLY_TO_THIS, APPLY_TO_BOTH, APPLY_TO_HOLDER };
enum need { NEED_SAME_USER = 1, NEED_STOP_HOLDER = 2, NEED_NET_ADMIN = 4, NEED_WAIT = 8 };

struct cure {
    char text[400];
    char rules[160];    /* "" for none */
    const char *policy; /* NULL for none */
    enum apply_to apply_to;
    unsigned needs; /* bits of enum need */
};

/* Who took the ports of a range that has none left. */
struct taker {
    uint32_t ports;
    struct process process;
};

struct range_use {
    struct port_range range; /* last 0 where it is not known */
    bool own;                /* the socket's own range (IP_LOCAL_PORT_RANGE) narrowed it */
    bool counted;
    uint32_t reserved; /* of net.ipv4.ip_local_reserved_ports */
    uint32_t taken, time_wait, without_process, by_others;
    uint32_t taker_count;
    struct taker takers[TAKERS_MAX]; /* the greatest first */
};

struct conflict {
    enum cause cause;
    char because[600];
    uint32_t holder_count;
    uint32_t holders_omitted;
    struct holder holders[HOLDERS_MAX]; /* the surest blockers first */
    struct owners owners[HOLDERS_MAX];
    struct cgroup cgroups[CGROUPS_MAX];
    enum hidden hidden;
    uint32_t cure_count;
    struct cure cures[CURES_MAX];
    int64_t deadline; /* CLOCK_MONOTONIC, ns: when to stop looking */
    bool
        usual_calls_only; /* a seccomp filter is on: neither pidfd_getfd(2) nor open_by_handle_at(2), which
                             are not in @system-service of systemd.exec(5) and would kill the program there */
    enum source source;
    bool complete;
    bool all_sockets;   /* every socket that the source shows was looked at */
    bool all_processes; /* every process was, and showed its descriptors */
    bool shows_bound;   /* the source lists bound-only TCP sockets too */
    int64_t elapsed_us;
    struct range_use range_use;
    const char *path_trouble; /* AF_UNIX: why the path is taken, if not by a socket; NULL else */
};

/* ---- all of it --------------------------------------------------------------------------------- */

/* Explains a refusal, into a conflict that is all zero but for its deadline; of the newcomer it fills in what
 * the refusal proves. `buffer` has BUFFER_SIZE bytes. False if the error turns out to be about something else
 * than a port that is taken. System calls; async-signal-safe. */
bool conflict_explain(struct conflict *conflict, struct newcomer *newcomer, void *buffer);

/* After a success: who else is on the port of `newcomer`, into a conflict like that. False if nobody is. */
bool conflict_sharing(struct conflict *conflict, const struct newcomer *newcomer, void *buffer);

/* Removes the sockets that may refuse `newcomer` and belong to no process: TIME_WAIT, and what is still
 * closing. Adds their number to *removed. 0, or -errno (see sock_diag_destroy) if any of them could not be
 * removed. */
int conflict_evict(const struct newcomer *newcomer, uint64_t *removed, int64_t deadline, void *buffer);

/* ---- the steps --------------------------------------------------------------------------------- */

/* Asks sock_diag, or /proc/net where that is not to be had, and remembers which it was. */
int conflict_collect(struct conflict *conflict, struct question *question, void *buffer);

/* Does its source list bound-only TCP sockets, too? */
bool conflict_shows_bound(const struct conflict *conflict);

/* The socket is of another network namespace than this thread is in, and what blocks it cannot be listed. */
bool conflict_is_elsewhere(const struct newcomer *newcomer);

/* Takes a socket into the list if it stands in the newcomer's way or may do so. Pure. */
void conflict_add(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *holder);

/* Decides again what blocks, by what has been found out meanwhile, and sorts. Pure. */
void conflict_decide(struct conflict *conflict, const struct newcomer *newcomer);

/* The call failed, so somebody blocks: what that alone proves about the newcomer and the holders. Pure. */
void conflict_settle(struct conflict *conflict, struct newcomer *newcomer);

/* Which kind of hindrance a socket is, if it blocks; the cause by what is known of all of them. Pure. */
enum cause cause_of_holder(const struct newcomer *newcomer, const struct holder *holder);
enum cause cause_find(const struct conflict *conflict, const struct newcomer *newcomer);

/* The sentence that says why, and what helps. Pure. */
void sentence_write(struct conflict *conflict, const struct newcomer *newcomer);
void cures_find(struct conflict *conflict, const struct newcomer *newcomer);

/* Fills in who owns the holders, and with that the reuse options of those on which an answer hangs (read from
 * the descriptor itself, where permitted), and the cgroups. False if the deadline came first. */
bool owners_find(struct conflict *conflict, const struct newcomer *newcomer, void *buffer);

/* Takes note that a process has a socket open, if it is one of the holders; and says at the end of a search
 * what became of each holder's owner. */
void owners_note(struct conflict *conflict, const struct newcomer *newcomer, const struct self *self,
                 pid_t pid, int fd, uint64_t inode);
void owners_judge(struct conflict *conflict, const struct search *search);

/* Finds out more about a holder on which the cause hangs: that its port is automatic (a connection), or that
 * its process only inherited it (a listener). */
void evidence_find(struct conflict *conflict, const struct newcomer *newcomer, void *buffer);

/* A range without a free port: fills in conflict->range_use, and the holders with the first of the takers. */
void exhausted_explain(struct conflict *conflict, struct newcomer *newcomer, void *buffer);

/* Removes the socket file that `newcomer` cannot bind because of, if nobody is bound to it: 1, 0 if somebody
 * is or may be, or if it is no socket, or -errno. */
int unix_evict(const struct newcomer *newcomer, int64_t deadline, void *buffer);

/* An AF_UNIX name that is taken: fills in holder, owner and cause. */
void unix_explain(struct conflict *conflict, const struct newcomer *newcomer, void *buffer);

/* ---- words ------------------------------------------------------------------------------------- */

const char *call_word(enum call call);
const char *cause_word(enum cause cause); /* NULL for CAUSE_UNKNOWN */
const char *relation_word(enum relation relation);
/* Why nobody is seen to have a socket that somebody has. */
const char *hidden_phrase(enum hidden hidden);
/* "tcp", "udp", "unix", ...; "family 40" or "?" for others. */
void protocol_write(struct text *text, int family, int type, int protocol);
const char *state_word(const struct holder *holder);

#endif
