/* SPDX-License-Identifier: MIT
 *
 * Processes, and the sockets that they have open: shim/conflict/processes. System calls; async-signal-safe.
 */
#ifndef REUSESHIM_PROCESSES_H
#define REUSESHIM_PROCESSES_H

#include "reuseshim/names.h"
#include "reuseshim/scratch.h"
#include "reuseshim/tristate.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* ---- one process ----------------------------------------------------------------------------- */

enum relation {
    RELATION_SELF,
    RELATION_ANCESTOR,
    RELATION_DESCENDANT,
    RELATION_SAME_PROGRAM,
    RELATION_SAME_USER,
    RELATION_OTHER_USER,
    RELATION_COUNT
};

enum { COMMAND_ROOM = 512, CGROUP_ROOM = 256 };

struct process {
    pid_t pid;
    pid_t parent;  /* 0 where not known */
    pid_t session; /* 0 where not known */
    int fd;        /* by which it was found to hold the socket */
    uint32_t uid;
    bool uid_known;
    bool never_executed; /* a fork of its parent that still runs the same image */
    char state;          /* as ps(1) shows it: R, S, D, T (stopped) ...; NUL where not known */
    int64_t started;     /* seconds since 1970, -1 where not known */
    enum relation relation;
    struct names names;
    uint16_t command_length;
    /* Arguments with spaces between, secrets masked. Of a long one the middle is left out: its end (the class
     * that java runs, the address that docker-proxy forwards to) tells as much as its beginning. */
    char command[COMMAND_ROOM];
};

/* This process, and those it was started by. */
struct self {
    pid_t pid;
    uint32_t uid;
    struct names names;
    pid_t ancestors[24];
    unsigned ancestor_count;
    bool careful; /* of other users' processes nothing is read that lies in their memory: see
                     process_may_stall */
};

/* `room` is working memory, which may not be that of a search. */
void process_self(struct self *self, char room[ARGUMENTS_ROOM]);
/* The same of another process, for whose sake something is asked. */
void process_self_of(struct self *self, pid_t pid, char room[ARGUMENTS_ROOM]);
void process_describe(struct process *process, pid_t pid, const struct self *self, char room[ARGUMENTS_ROOM]);
/* Might a look into its memory (command line, environment) wait for ever, and be one that is not to be taken?
 * Root does no harm that way that it cannot do anyway. Pure. */
bool process_may_stall(const struct process *process, const struct self *self);
/* The path of its cgroup, of version 2 if that is not the root; "" where not known. The kernel shows it to
 * everybody. Of this process for pid 0. */
void process_cgroup(pid_t pid, char path[CGROUP_ROOM], char room[ARGUMENTS_ROOM]);
/* The parent of a process, 0 where not known. */
pid_t process_parent(pid_t pid);
/* False if it surely has no descriptors: a kernel thread, or one that has ended. */
bool process_may_hold(pid_t pid);
/* True if it was left behind by whoever started it. */
bool process_is_orphan(const struct process *process);
/* YES if every thread waits for something that has nothing to do with serving (wait(2), pause(2), a pipe, a
 * sleep that is not one of many); UNKNOWN where that is not shown. */
tristate process_is_idle(pid_t pid, int64_t deadline, struct scratch *scratch);
/* NO if every thread waits in poll(2), select(2), epoll_wait(2) or for another thread or process, and none of
 * them for that descriptor; YES if one waits for it; UNKNOWN where that is not shown (it wants ptrace
 * access). */
tristate process_serves(pid_t pid, int fd, int64_t deadline, struct scratch *scratch);
/* The descriptor goes away with an exec. */
tristate process_closes_on_exec(pid_t pid, int fd);

/* ---- a walk over the descriptors of processes -------------------------------------------------- */

struct search {
    void (*found)(void *context, pid_t pid, int fd, uint64_t inode); /* a socket */
    bool (*enough)(void *context); /* asked between processes; NULL: never */
    void *context;
    int64_t deadline;
    struct scratch *scratch;
    bool usual_calls_only;   /* as in struct conflict */
    bool late;               /* the deadline came first */
    bool unreadable;         /* at least one process would not show its descriptors */
    bool init_hides;         /* the first of all would not, as in virtual machines that somebody else runs */
    const struct self *done; /* it and its ancestors have been looked at already; NULL: nobody */
};

void search_process(struct search *search, pid_t pid);
/* One descriptor of it. */
void search_descriptor(struct search *search, pid_t pid, int fd);
/* The children of a process, their children and so on, until there are enough; of each the descriptor `fd`
 * alone, all if it is negative. */
void search_descendants(struct search *search, pid_t pid, int fd);
/* The processes of a cgroup, given by the path of its folder; not those of the groups below it. */
void search_cgroup(struct search *search, const char *folder);
/* Every process: those of `uid` and those with many open files first, then from the oldest and the newest
 * towards the middle, because what has the port is mostly a server from boot or was started just now. Stops
 * at `enough` if there are more than a few hundred. True if every process of the machine was looked at and
 * showed its descriptors; in a PID namespace it cannot be. */
bool search_everybody(struct search *search, uint32_t uid);

/* Are we in the first PID namespace, so that no process of the machine is out of sight? */
bool search_sees_the_machine(void);

/* ---- cgroup v2 --------------------------------------------------------------------------------- */

/* The folder of the group with that id, under wherever cgroup2 is mounted (a hybrid mount, too); *path is the
 * part that names the group ("/system.slice/x.service"), inside `folder`. NULL where it cannot be found. Of
 * `search` the scratch memory and the limits count. */
const char *cgroup_find(uint64_t id, char *folder, size_t size, const struct search *search);

#endif
