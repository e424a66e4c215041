/* SPDX-License-Identifier: MIT
 *
 * Programs that no preload reaches: a seccomp filter asks a supervisor about bind and listen. Private to
 * shim/trap.
 *
 * The supervisor sets options on a duplicate of the socket and lets the program make its own call, with its
 * own rights; one ptrace stop, asked for while the call was still waiting, shows the result. Nothing is ever
 * done on the program's behalf. Whatever of this cannot be had, the call goes its way untouched.
 */
#ifndef REUSESHIM_TRAP_TRAP_H
#define REUSESHIM_TRAP_TRAP_H

#include "../hooks/hooks.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

/* ---- filter.c: which calls are asked about. Pure. ---------------------------------------------- */

struct trapped_calls {
    bool connect;     /* a rule is about it */
    bool reuse;       /* setsockopt of SO_REUSEADDR and SO_REUSEPORT: a rule could be undone */
    bool no_io_uring; /* it is answered with ENOSYS instead of asked about */
};
enum { FILTER_MAX = 64, IO_URING_SETUP = 425 /* on every processor */ };
/* Fills in the program and returns its length. */
unsigned short filter_write(struct sock_filter program[FILTER_MAX], const struct trapped_calls *calls);

/* ---- listener.c: the kernel's side of the filter ------------------------------------------------ */

enum needs_privileges { AS_IT_IS, WITH_NO_NEW_PRIVS };
/* Before Linux 5.19 a stop would take the notification back, and the call would be made again for ever: then
 * only options are set. */
enum reach { IN_FULL, OPTIONS_ONLY };
/* Puts this process, and what it starts, under the filter: the listener's descriptor, or -errno. *privileges
 * tells whether no_new_privs had to be set. */
int listener_open(const struct trapped_calls *calls, enum needs_privileges *privileges, enum reach *reach);
/* 0, or -errno; -ENOENT where the thread has gone meanwhile. */
int listener_receive(int listener, struct seccomp_notif *notification);
bool listener_still_waits(int listener, uint64_t id);
/* Lets the call go its way; or answers it in the kernel's place. */
int listener_continue(int listener, uint64_t id);
int listener_answer(int listener, uint64_t id, int error);

/* Gives a copy of the listener to whoever is at the other end of a socket; takes it there: the descriptor, or
 * -errno. */
int listener_send(int socket, int listener, enum reach reach);
int listener_take(int socket, enum reach *reach);

/* ---- receiver.c: calls are taken in as they come, whatever the supervisor is at --------------- */

struct trap;
/* False where there is no thread to be had: then receiver_next receives them itself. */
bool receiver_start(struct trap *trap);
/* The next call, taken in hand; id 0 for none within so many milliseconds, -1 for ever. False once nobody is
 * left under the filter. */
bool receiver_next(const struct trap *trap, struct seccomp_notif *notification, int timeout);

/* ---- caller.c: whose call it is ----------------------------------------------------------------- */

struct caller {
    pid_t tid, pid; /* as the supervisor sees them; pid 0: not asked yet, see caller_process */
    int number;     /* of the descriptor, as the program knows it */
    int fd;         /* a duplicate of it, to be closed; -1 */
    enum call which;
    int backlog, level, name; /* of listen; of setsockopt */
    socklen_t length;
    union any_sockaddr address; /* of bind and connect: a copy */
    int value;                  /* of setsockopt: a copy */
    bool has_address;
};
/* From a notification: false if it cannot be had, or is no call about an Internet socket. */
bool caller_read(struct caller *caller, const struct seccomp_notif *notification);
void caller_close(struct caller *caller);
/* The process of the thread, which costs a look at /proc. */
pid_t caller_process(struct caller *caller);

/* ---- stop.c: the result ------------------------------------------------------------------------- */

/* False on processors whose registers it does not know. */
bool stop_works_here(void);
/* Asks for a stop behind the call that the thread waits in; false if nobody may (another tracer). */
bool stop_ask(pid_t tid);
/* Waits for it, once the call has been let go: the call's result, or STOP_LOST where the thread has ended. */
enum { STOP_LOST = -4096 };
int stop_result(pid_t tid);
/* The end of that process is not to be missed, whoever of us has waited for it: true once it is known. */
void stop_keep_end_of(pid_t pid);
bool stop_has_end(int *status);
/* Lets those go whose stop came later than anybody could wait for; true if there are more. */
bool stop_look_after_stragglers(void);
/* Lets the thread go on, after the call once more or with its result as it is. */
void stop_end(pid_t tid, bool again);

/* ---- rules.c: the policy, for whatever program calls --------------------------------------------- */

struct trap {
    int listener;
    struct shim shim; /* with the rules for the program that calls */
    struct load_facts facts;
    struct rule_text texts[2]; /* read at the start, since paths and files may change */
    struct file_text file;
    struct rule *rules;
    bool names_programs;   /* a rule has a program word: which rules count depends on who calls */
    struct caller *caller; /* whose call is looked at */
    bool has_receiver;
    enum reach reach;
    pid_t program; /* that is our child; 0: we are its child */
    int wake;      /* parent.c, or -1 */
    int nothing;   /* what stands for a descriptor of the program's */
    bool filtered; /* the supervisor is under somebody else's filter, which may kill it */
    /* Shared with the minder: notifications that have been taken and are not answered yet. */
    _Atomic uint64_t *in_hand;
    _Atomic uint64_t *stopped; /* the parent is, since the program was */
};
enum { IN_HAND_MAX = 2048, LOW_NUMBERS = 16 };
/* Reads settings and policy as the library would: 0, or an exit code after a complaint. */
int trap_prepare(struct trap *trap);
/* Puts the rules for the program that calls into force. */
void trap_take_rules(struct trap *trap, struct caller *caller);

/* ---- attempts.c: calls that are made more than once --------------------------------------------- */

struct workspace;
struct attempt {
    pid_t tid; /* 0: a free place */
    enum call which;
    int number;
    bool retried, slept, last;   /* the options have been tried; it has waited; there is no more to come */
    unsigned options;            /* that are on for a second try */
    int64_t started, end;        /* of waiting, ms on CLOCK_MONOTONIC; 0: not yet */
    int64_t next, pause, waited; /* when to try again */
    int64_t asked;               /* when it was told to make the call again */
    uint64_t evicted;
    struct workspace *work; /* the last look at who is in the way; NULL for none */
    bool looked_now;        /* it was after this very refusal */
    int64_t looked;         /* when, ms */
    bool held;              /* the call waits, in this notification */
    bool due;               /* it has been let go */
    struct seccomp_notif notification;
};
/* The attempt of a thread's call, NULL for none. */
struct attempt *attempt_find(const struct caller *caller);
/* After a refusal: is the call to be made once more? Then it will be, at attempt->next. */
bool attempt_again(struct trap *trap, const struct hooked_call *hooked, int error);
/* Is there time for looks of those that wait? Else the last one has to do: fills in how old it is. */
bool attempt_may_look(const struct attempt *attempt);
void attempt_recall(const struct attempt *attempt);
/* The next notification of the attempt is kept back until its time. True if so. */
bool attempt_hold(const struct caller *caller, const struct seccomp_notif *notification);
/* Milliseconds until one of those that are held is due, -1 for never; and the next that is due, or whose
 * thread has a signal to take: its notification, NULL for none. */
int attempts_timeout(void);
const struct seccomp_notif *attempts_due(const struct trap *trap);
void attempt_end(struct attempt *attempt);

/* ---- foresight.c: with OPTIONS_ONLY -------------------------------------------------------------- */

/* Sets the options of a `retry` before a bind that would be refused without them, and not with them. */
void trap_retry_beforehand(struct trap *trap, const struct hooked_call *hooked);

/* ---- rights.c ------------------------------------------------------------------------------------- */

/* May the supervisor do for the calling thread what takes rights? Only with the very same ones. */
bool trap_has_same_rights(pid_t tid);
/* Is the caller in another network namespace, where this process would look at, and remove, the wrong
 * sockets? */
bool trap_is_elsewhere(const struct trap *trap);
bool trap_is_same_file(const char *one, const char *other);

/* ---- explain.c ------------------------------------------------------------------------------------ */

/* What a child that looks elsewhere shares with us; NULL where there is no memory. */
struct workspace *trap_workspace(void);
void trap_workspace_end(struct workspace *work);
/* Who calls what; all that is known before anybody is looked for. */
void trap_begin_record(struct trap *trap, struct workspace *work, const struct hooked_call *hooked,
                       int error);
/* May the program be told what the supervisor sees? */
bool trap_may_tell(const struct trap *trap);
/* Begins, and finds out who is in the way into work->conflict, in the network namespace of the caller. False
 * if the error is about something else. */
bool trap_explain(struct trap *trap, const struct hooked_call *hooked, int error, struct workspace *work);

/* ---- records.c ------------------------------------------------------------------------------------ */

/* A refusal; with an attempt how it ended, `error` 0 for well. */
void trap_record(struct trap *trap, const struct hooked_call *hooked, int error,
                 const struct attempt *attempt);
/* The first time: binds by io_uring pass the filter by. */
void trap_record_io_uring(struct trap *trap, pid_t tid);
/* After a success, for a rule that watches: who else is on the port. */
void trap_record_sharing(struct trap *trap, const struct hooked_call *hooked);

/* ---- memory.c: what has been told -------------------------------------------------------------------- */

/* Is it the very refusal that the same thread has met with MPTCP a moment ago? */
bool memory_is_fallback(const struct caller *caller, const struct newcomer *newcomer);
/* Fills in what was found out earlier, within ten seconds. */
bool memory_recall(const struct caller *caller, struct workspace *work);
/* What was found out, and how long it took, in nanoseconds. */
void memory_keep(const struct caller *caller, const struct workspace *work, int64_t took);
/* Have explanations had less than their share of the process's time? */
bool memory_allows(const struct caller *caller);

/* An account of such a share: a twentieth of the time since the first one, which is free as the next two are.
 */
struct account {
    int64_t first, spent; /* ns */
    unsigned count;
};
bool account_allows(const struct account *account);
void account_add(struct account *account, int64_t took);

/* ---- the rest ------------------------------------------------------------------------------------ */

/* parent.c: the supervisor as the parent of the program, whose end is its own. */
_Noreturn void parent_supervise(struct trap *trap, pid_t program);
/* A descriptor that can be read when there is something to look after; looks after it. */
int parent_wake(void);
void parent_look(const struct trap *trap);
_Noreturn void parent_wait(const struct trap *trap);

/* supervisor.c: until nobody is left under the filter. */
_Noreturn void trap_supervise(struct trap *trap);

/* minder.c: the same, and when the supervisor dies there is a new one. */
_Noreturn void trap_mind(struct trap *trap);
bool trap_share_memory(struct trap *trap);
/* The calls that a supervisor has taken in hand and not answered, which nobody can take again. */
void trap_let_all_go(const struct trap *trap);
void trap_take_in_hand(const struct trap *trap, uint64_t id);
void trap_let_go(const struct trap *trap, uint64_t id);
/* obstacle.c: why a rehearsal got no further than that step, and what can be done about it; `error` is
 * the filter's. */
enum step {
    NOTHING_DONE,
    FILTERED,
    HANDED_OVER,
    RECEIVED,
    BORROWED,
    STOPPED,
    ANSWERED,
    ALL_DONE,
    WITHOUT_SOCKET,
    WITHOUT_PROCESS
};
void obstacle_write(struct text *reason, enum step done, int error);
/* Are too few descriptors allowed? */
bool obstacle_in_descriptors(struct text *reason);
/* Does the filter need no_new_privs, which is not set yet? Then no exec gives rights any more. */
bool trap_takes_rights(void);
/* Yama: what the program forks is out of the reach of a supervisor that is not above it. */
bool obstacle_hides_forks(void);
/* rehearse.c: does all of this work here? False with the reason. */
bool trap_rehearse(struct text *reason, enum reach *reach);
/* start.c: this process, and what it executes, is under the trap from now on: 0, or an exit code after a
 * complaint. */
struct trap_choices {
    bool no_io_uring, as_parent;
    enum reach reach;
};
int trap_start(const struct trap_choices *choices);
/* A copy where no number of the program's is likely to be. */
int trap_move_up(int fd);
/* As fork(2), but the end of the child makes no signal, and no wait(2) without __WALL sees it. */
pid_t trap_fork_unseen(void);

#endif
