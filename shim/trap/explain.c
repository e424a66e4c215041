/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. A process that is in another network is looked for by a child of ours that goes there;
 * what it finds is in memory that both have.
 */
#define _GNU_SOURCE /* setns */
#include "trap.h"

#include "../hooks/workspace.h"
#include "reuseshim/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct workspace *trap_workspace(void)
{
    void *work =
        mmap(NULL, sizeof(struct workspace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return work == MAP_FAILED ? NULL : work;
}

void trap_workspace_end(struct workspace *work)
{
    if (work)
        (void)munmap(work, sizeof *work);
}

void trap_begin_record(struct trap *trap, struct workspace *work, const struct hooked_call *hooked, int error)
{
    const struct caller *caller = trap->caller;
    bool has_argument = hooked->argument.family != AF_UNSPEC && hooked->which != CALL_LISTEN;
    process_self_of(&work->conflict.self, caller->pid, work->conflict.room);
    work->names = work->conflict.self.names;
    work->record.pid = caller->pid;
    work->record.tid = caller->tid;
    work->record.uid = work->conflict.self.uid;
    work->record.program = work->names.program;
    work->record.rule = hooked->rule;
    work->record.usual_calls_only = trap->filtered;
    newcomer_ask(&work->newcomer, hooked->which, caller->fd, error, has_argument ? &hooked->argument : NULL,
                 true);
    work->newcomer.fd = caller->number;
    if (hooked->argument.family == AF_UNIX)
        work->newcomer.path = unix_path_from_sockaddr(&caller->address, caller->length);
    work->newcomer.options[OPTION_CLOEXEC] = process_closes_on_exec(caller->pid, caller->number);
    work->record.newcomer = &work->newcomer;
}

/* A supervisor that may see more than the program must not tell it on the program's own standard error. */
bool trap_may_tell(const struct trap *trap)
{
    const int log = (int)trap->shim.settings.log;
    bool to_program = log == LOG_AUTO || log == LOG_STDERR || log == LOG_FD;
    return !to_program || trap_has_same_rights(trap->caller->tid);
}

/* The name of an AF_UNIX socket is looked up in the caller's own root. */
static bool may_find_path(const struct trap *trap, const struct newcomer *newcomer)
{
    char path[PROC_PATH_MAX];
    return newcomer->local.family != AF_UNIX || newcomer->path.bytes[0] == '\0' ||
           trap_is_same_file("/", proc_path(path, trap->caller->pid, "root"));
}

/* ---- in whose network ------------------------------------------------------------------------------- */

static bool join_namespace(pid_t pid, const char *name, int kind)
{
    char path[PROC_PATH_MAX], own[32];
    struct text text = text_in(own, sizeof own);
    text_strings(&text, "/proc/self/", name);
    (void)proc_path(path, pid, name);
    if (trap_is_same_file(text_end(&text), path))
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool joined = fd >= 0 && setns(fd, kind) == 0;
    if (fd >= 0)
        close(fd);
    return joined;
}

/* Relative names begin in the caller's folder. */
static void go_where_it_is(const struct trap *trap)
{
    char path[PROC_PATH_MAX];
    (void)!chdir(proc_path(path, trap->caller->pid, "cwd"));
}

/* In a user namespace of its own a program may have made the network; whoever did not may not enter that
 * first. */
static bool go_there(const struct trap *trap)
{
    pid_t pid = trap->caller->pid;
    go_where_it_is(trap);
    return join_namespace(pid, "ns/net", CLONE_NEWNET) ||
           (join_namespace(pid, "ns/user", CLONE_NEWUSER) && join_namespace(pid, "ns/net", CLONE_NEWNET));
}

/* ---- who is in the way --------------------------------------------------------------------------------- */

enum found { NOT_ABOUT_THIS, FOUND, NOT_REACHED };

static enum found look(const struct trap *trap, struct workspace *work)
{
    bool told = conflict_explain(&work->conflict, &work->newcomer, &work->scratch);
    if (trap->shim.settings.names_only)
        conflict_forget_commands(&work->conflict);
    return told ? FOUND : NOT_ABOUT_THIS;
}

/* What nobody has found out is not half told. */
static enum found be_bare(struct workspace *work, enum bare reason)
{
    memset(&work->conflict, 0, sizeof work->conflict);
    work->record.conflict = NULL;
    work->record.bare = reason;
    return NOT_REACHED;
}

static enum found look_there(const struct trap *trap, struct workspace *work)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(go_there(trap) ? (int)look(trap, work) : (int)NOT_REACHED);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child < 0)
        return be_bare(work, BARE_NO_PROCESS);
    if (!WIFEXITED(status))
        return be_bare(work, BARE_SECCOMP); /* nothing else kills it */
    return WEXITSTATUS(status) == NOT_REACHED ? be_bare(work, BARE_PRIVILEGES)
                                              : (enum found)WEXITSTATUS(status);
}

bool trap_explain(struct trap *trap, const struct hooked_call *hooked, int error, struct workspace *work)
{
    trap_begin_record(trap, work, hooked, error);
    struct self self = work->conflict.self;
    if (trap->shim.settings.diagnose == DIAGNOSE_NEVER)
        return be_bare(work, BARE_NEVER);
    if (!trap_may_tell(trap) || !may_find_path(trap, &work->newcomer))
        return be_bare(work, BARE_PRIVILEGES);
    conflict_begin(&work->conflict, trap->shim.settings.budget_ms, trap->filtered);
    work->conflict.self = self;
    work->conflict.of_another = true;
    work->conflict.rule = hooked->rule;
    work->record.conflict = &work->conflict;
    bool is_there = hooked->argument.family == AF_UNIX || trap_is_elsewhere(trap);
    return (is_there ? look_there(trap, work) : look(trap, work)) != NOT_ABOUT_THIS;
}
