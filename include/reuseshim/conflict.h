/* SPDX-License-Identifier: MIT
 *
 * Who holds the port, and why the kernel refused: from the sockets to their owners, the cause and the cures.
 * What is not known says so; nothing is guessed. The functions make system calls and are async-signal-safe.
 */
#ifndef REUSESHIM_CONFLICT_H
#define REUSESHIM_CONFLICT_H

#include "reuseshim/causes.h"
#include "reuseshim/manager.h"
#include "reuseshim/policy.h"
#include "reuseshim/processes.h"
#include "reuseshim/rules.h"
#include "reuseshim/sockets.h"

enum {
    HOLDERS_MAX = 32,
    PROCESSES_MAX = 8,
    CGROUPS_MAX = 4,
    CURES_MAX = 6,
    TAKERS_MAX = 4,
    MACHINE_ADDRESSES_MAX = 16
};

struct owners {
    uint32_t count;                          /* may exceed PROCESSES_MAX: only so many are kept */
    struct process processes[PROCESSES_MAX]; /* one whose children are here, too, comes first */
    /* Of the first: who started it, pid 0 where not looked for, and its cgroup. */
    struct process parent;
    /* What the parent calls it, if that is a supervisor: a name or a folder; "" where not known. */
    char kept_as[128];
    char cgroup[CGROUP_ROOM];
};

/* Where an owner is that does not show. */
enum hidden {
    HIDDEN_BY_PERMISSION, /* a process would not show its descriptors */
    HIDDEN_ELSEWHERE,     /* all processes were looked at, but we are in a PID namespace of our own */
    HIDDEN_IN_KERNEL,     /* all processes of the machine were: the kernel's own, or in transit */
    HIDDEN_BY_INIT,       /* the same but for the first process, which would not show its descriptors */
};

struct cgroup {
    uint64_t id;
    char path[CGROUP_ROOM]; /* "" where not known */
};

enum apply_to { APPLY_TO_THIS, APPLY_TO_BOTH, APPLY_TO_HOLDER, APPLY_TO_COUNT };
enum need { NEED_NET_ADMIN = 1, NEED_SAME_USER = 2, NEED_STOP_HOLDER = 4, NEED_WAIT = 8, NEED_ROOT = 16 };

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
    uint32_t to_peer, time_wait_to_peer; /* of a connect: connected to the peer that it asks for */
    uint32_t bound_first;                /* of a connect: bound before they connected, to other peers */
    uint32_t taker_count;
    struct taker takers[TAKERS_MAX]; /* the greatest first */
};

/* What is in the way of a bind that is not refused because of another socket. */
struct refusal {
    bool found;                  /* the call was refused for such a reason: event "refused" */
    char interface[IF_NAMESIZE]; /* that has the address, "" for none */
    bool on_another;             /* the interface that was named has not got it, that one has */
    bool lacks_right_too;        /* had it been here, a privileged port would have been refused */
    bool duplicate;              /* another machine on its link has the address, too */
    uint32_t first_unprivileged; /* net.ipv4.ip_unprivileged_port_start */
    bool has_right;              /* CAP_NET_BIND_SERVICE is in force, but not for this network namespace */
    bool of_cgroup;              /* EPERM: most likely a program on the cgroup; else a security module */
};

struct conflict {
    enum cause cause;
    char because[600];
    uint32_t holder_count;
    uint32_t holders_omitted;
    bool omitted_differ;      /* from the last one that is listed: nothing that counts is known of them */
    int64_t omitted_timer_ms; /* of those that expire the last; -1 if one does not */
    struct holder holders[HOLDERS_MAX]; /* the surest blockers first */
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
    struct port_range automatic_range; /* last 0 where it was not asked for */
    uint32_t address_count;
    struct endpoint addresses[MACHINE_ADDRESSES_MAX]; /* of this machine, where a cure may name them */
    struct refusal refusal;
    char socket_unit[128];        /* "x.socket", if systemd itself is the first holder, for that one */
    char own_cgroup[CGROUP_ROOM]; /* "" where not known */
    bool by_hand;                 /* the command asks, which tells the next step itself */
    const struct rule *rule;      /* that decided about the call; NULL for none */
    struct self self;             /* who calls; pid 0: this process, not read yet */
    bool of_another;              /* who calls is another process, whose descriptors are not ours */
    const char *path_trouble;     /* AF_UNIX: why the path is taken, if not by a socket; NULL else */
    /* From here on nothing is set to begin with: it would cost more than most looks. */
    char room[ARGUMENTS_ROOM];         /* working memory */
    struct owners owners[HOLDERS_MAX]; /* of as many holders as there are */
};

/* What every conflict begins with; of what it held before nothing is left. */
void conflict_begin(struct conflict *conflict, unsigned budget_ms, bool usual_calls_only);

/* Forgets the command lines: REUSESHIM_COMMANDS=name. Pure. */
void conflict_forget_commands(struct conflict *conflict);

/* Forgets the holders that a process has. Pure. */
void conflict_forget_owned(struct conflict *conflict);

/* Forgets the cures that are another policy or rules: what is emulated would end with them. Pure. */
void conflict_forget_policies(struct conflict *conflict);

/* By whom a holder is kept running, as its socket or its first process shows it. Pure. */
struct manager conflict_manager(const struct conflict *conflict, const struct holder *holder);
/* Is that this program's own unit, or container? Pure. */
bool conflict_is_own_unit(const struct conflict *conflict, const struct manager *manager);
bool conflict_is_own_container(const struct conflict *conflict, const struct manager *manager);

/* Explains a refusal; of the newcomer it fills in what the refusal proves. False if the error turns out to be
 * about something else than a port that is taken. */
bool conflict_explain(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch);

/* Does connect() give EADDRNOTAVAIL because no local address can reach that peer? Asked by a datagram socket,
 * which sends nothing. `device` may be NULL. */
bool conflict_peer_is_unreachable(const struct endpoint *remote, const char *device);

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
