/* SPDX-License-Identifier: MIT
 *
 * Who holds the port, and why the kernel refused: from the sockets to their owners, the cause and the cures.
 * What is not known says so; nothing is guessed. The functions make system calls and are async-signal-safe.
 */
#ifndef REUSESHIM_CONFLICT_H
#define REUSESHIM_CONFLICT_H

#include "reuseshim/causes.h"
#include "reuseshim/processes.h"
#include "reuseshim/rules.h"
#include "reuseshim/sockets.h"

enum { HOLDERS_MAX = 32, PROCESSES_MAX = 8, CGROUPS_MAX = 4, CURES_MAX = 4, TAKERS_MAX = 4 };

struct owners {
    uint32_t count; /* may exceed PROCESSES_MAX: only so many are kept */
    struct process processes[PROCESSES_MAX];
};

/* Where an owner is that does not show. */
enum hidden {
    HIDDEN_BY_PERMISSION, /* a process would not show its descriptors */
    HIDDEN_ELSEWHERE,     /* all processes were looked at, but we are in a PID namespace of our own */
    HIDDEN_IN_KERNEL,     /* all processes of the machine were: the kernel's own, or in transit */
};

struct cgroup {
    uint64_t id;
    char path[256]; /* "" where not known */
};

enum apply_to { APPLY_TO_THIS, APPLY_TO_BOTH, APPLY_TO_HOLDER, APPLY_TO_COUNT };
enum need { NEED_NET_ADMIN = 1, NEED_SAME_USER = 2, NEED_STOP_HOLDER = 4, NEED_WAIT = 8 };

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
    int64_t started, deadline; /* CLOCK_MONOTONIC, ns */
    /* A seccomp filter is on: neither pidfd_getfd(2) nor open_by_handle_at(2), which are not in
     * @system-service of systemd.exec(5) and would kill the program there. */
    bool usual_calls_only;
    enum source source;
    bool complete;
    bool all_sockets;   /* every socket that the source shows was looked at */
    bool all_processes; /* every process was, and showed its descriptors */
    bool unseen_owners; /* a process would not show its descriptors, or is outside of our PID namespace */
    bool shows_bound;   /* the source lists bound-only TCP sockets too */
    int64_t elapsed_us;
    struct range_use range_use;
    const char *path_trouble; /* AF_UNIX: why the path is taken, if not by a socket; NULL else */
};

/* What every conflict begins with; of what it held before nothing is left. */
void conflict_begin(struct conflict *conflict, unsigned budget_ms, bool usual_calls_only);

/* Forgets the command lines: REUSESHIM_COMMANDS=name. Pure. */
void conflict_forget_commands(struct conflict *conflict);

/* Explains a refusal; of the newcomer it fills in what the refusal proves. False if the error turns out to be
 * about something else than a port that is taken. */
bool conflict_explain(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch);

/* After a success: who else is on the port of `newcomer`. False if nobody is. */
bool conflict_sharing(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch);

/* Everybody on that port, in any state and of both families, with their owners; `blocks` as far as the rule
 * can tell about `newcomer`. Listening and bound ones come first. */
void conflict_present(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch);

/* After conflict_present, of a call that the kernel was not asked to decide: cause and cures by its rule
 * alone, if a socket there surely refuses it. Pure. */
void conflict_judge(struct conflict *conflict, const struct newcomer *newcomer);

/* Fills in who owns the holders; with that the reuse options of those on which an answer hangs (read from the
 * descriptor itself, where permitted), and the cgroups. False if the deadline came first. */
bool conflict_find_owners(struct conflict *conflict, const struct newcomer *newcomer,
                          struct scratch *scratch);

/* Removes the sockets that may refuse `newcomer` and belong to no process: TIME_WAIT, and what is still
 * closing; of AF_UNIX the stale file. Adds their number to *removed. 0, or -errno (see sock_diag_destroy) if
 * any of them could not be removed. */
int conflict_evict(const struct newcomer *newcomer, uint64_t *removed, int64_t deadline,
                   struct scratch *scratch);

#endif
