/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h and, of report_message, in hooks.h: what the library would have written, from outside.
 */
#define _GNU_SOURCE /* setns */
#include "trap.h"

#include "../hooks/workspace.h"
#include "reuseshim/proc.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct trap *trap_of(const struct shim *shim)
{
    return (struct trap *)(void *)((char *)(uintptr_t)shim - offsetof(struct trap, shim));
}

static bool is_same_file(const char *one, const char *other)
{
    struct raw_identity first, second;
    return raw_identify_path(one, &first) && raw_identify_path(other, &second) &&
           first.device == second.device && first.inode == second.inode;
}

/* ---- rights ------------------------------------------------------------------------------------------ */

/* The lines of /proc/PID/status that say what a process may do. */
static bool read_rights(pid_t pid, char *rights, size_t size)
{
    static const char *const lines[] = {"\nUid:\t", "\nGid:\t", "\nGroups:\t", "\nCapEff:\t"};
    char path[PROC_PATH_MAX], status[8192];
    struct text text = text_in(rights, size);
    if (proc_read(pid ? proc_path(path, pid, "status") : "/proc/self/status", status, sizeof status) <= 0)
        return false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *found = strstr(status, lines[i]);
        if (found == NULL)
            return false;
        found++;
        text_bytes(&text, found, strcspn(found, "\n") + 1);
    }
    text_end(&text);
    return !text.full;
}

/* A user namespace has rights of its own, however alike the numbers are. */
bool trap_has_same_rights(pid_t tid)
{
    char ours[4096], theirs[4096], path[PROC_PATH_MAX];
    return is_same_file("/proc/self/ns/user", proc_path(path, tid, "ns/user")) &&
           read_rights(0, ours, sizeof ours) && read_rights(tid, theirs, sizeof theirs) &&
           strcmp(ours, theirs) == 0;
}

/* A supervisor that may see more than the program must not tell it on the program's own standard error. */
static bool may_tell(const struct trap *trap)
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
           is_same_file("/", proc_path(path, trap->caller->pid, "root"));
}

/* ---- a record ---------------------------------------------------------------------------------------- */

/* Where the library would write to a descriptor of the program, the caller's is taken for so long; it has to
 * be what it was at the start (sink.c). Low numbers are kept free for that (start.c); another one may be in
 * use here. */
static bool borrow_descriptor(const struct trap *trap, int number)
{
    int fd =
        number >= LOW_NUMBERS && fcntl(number, F_GETFD) >= 0 ? -1 : raw_steal_fd(trap->caller->pid, number);
    if (fd < 0)
        return false;
    if (fd != number) {
        (void)dup2(fd, number);
        close(fd);
    }
    return true;
}

static void give_back(const struct trap *trap, int number)
{
    if (number >= LOW_NUMBERS || dup2(trap->nothing, number) < 0)
        close(number);
}

static void emit(struct trap *trap, struct workspace *work)
{
    int number = trap->shim.settings.log_fd;
    bool by_number =
        trap->shim.settings.log == LOG_FD && number != STDERR_FILENO && borrow_descriptor(trap, number);
    bool by_stderr = borrow_descriptor(trap, STDERR_FILENO);
    record_emit(&trap->shim, &work->record, work->output);
    if (by_stderr)
        give_back(trap, STDERR_FILENO);
    if (by_number)
        give_back(trap, number);
}

static void begin(struct trap *trap, struct workspace *work, const struct hooked_call *hooked, int error)
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

void report_message(const struct shim *shim, const struct hooked_call *hooked, enum level level,
                    const char *message)
{
    struct trap *trap = trap_of(shim);
    struct workspace *work = hooked && record_wanted(shim, level) ? raw_map(sizeof *work) : NULL;
    if (work == NULL)
        return;
    begin(trap, work, hooked, 0);
    work->record.event = level == LEVEL_ERROR    ? EVENT_ERROR
                         : level == LEVEL_CHANGE ? EVENT_CHANGE
                                                 : EVENT_TRACE;
    work->record.message = message;
    emit(trap, work);
    raw_unmap(work, sizeof *work);
}

void trap_record_io_uring(struct trap *trap, pid_t tid)
{
    static bool told;
    struct caller caller = {.tid = tid, .pid = tid, .fd = -1};
    struct workspace *work = told || !record_wanted(&trap->shim, LEVEL_ERROR) ? NULL : raw_map(sizeof *work);
    if (work == NULL)
        return;
    told = true;
    trap->caller = &caller;
    process_self_of(&work->conflict.self, tid, work->conflict.room);
    work->record.pid = work->record.tid = tid;
    work->record.uid = work->conflict.self.uid;
    work->record.program = work->conflict.self.names.program;
    work->record.event = EVENT_ERROR;
    work->record.message = "sets up io_uring: what is bound by it is not seen (run --no-io-uring denies it)";
    emit(trap, work);
    raw_unmap(work, sizeof *work);
    trap->caller = NULL;
}

static enum event event_of(const struct workspace *work, const struct hooked_call *hooked, int error)
{
    bool by_bind = hooked->which == CALL_BIND && error != EADDRINUSE;
    return work->conflict.refusal.found || by_bind ? EVENT_REFUSED : EVENT_CONFLICT;
}

bool trap_explain(struct trap *trap, const struct hooked_call *hooked, int error, struct workspace *work)
{
    begin(trap, work, hooked, error);
    struct self self = work->conflict.self;
    bool told = true;
    if (trap->shim.settings.diagnose == DIAGNOSE_NEVER) {
        work->record.bare = BARE_NEVER;
    } else if (may_tell(trap) && may_find_path(trap, &work->newcomer)) {
        conflict_begin(&work->conflict, trap->shim.settings.budget_ms, trap->filtered);
        work->conflict.self = self;
        work->conflict.of_another = true;
        work->conflict.rule = hooked->rule;
        work->record.conflict = &work->conflict;
        told = conflict_explain(&work->conflict, &work->newcomer, &work->scratch);
        if (trap->shim.settings.names_only)
            conflict_forget_commands(&work->conflict);
    } else {
        work->record.bare = BARE_PRIVILEGES;
    }
    work->record.event = event_of(work, hooked, error);
    return told;
}

static void explain(struct trap *trap, const struct hooked_call *hooked, int error,
                    const struct attempt *attempt)
{
    struct workspace *work = attempt && attempt->work ? attempt->work : raw_map(sizeof *work);
    if (work == NULL)
        return;
    bool at_once = error && !(attempt && (attempt->waited || attempt->evicted));
    if (at_once)
        begin(trap, work, hooked, error);
    bool known = at_once && memory_recall(trap->caller, work);
    bool told = !(at_once && memory_is_fallback(trap->caller, &work->newcomer)) &&
                (known || (error ? trap_explain(trap, hooked, error, work) : attempt && attempt->work));
    if (at_once && !known)
        memory_keep(trap->caller, work);
    work->record.event = error == 0 ? EVENT_RESOLVED : event_of(work, hooked, error);
    work->newcomer.error = error;
    work->record.waited_ms = attempt ? attempt->waited : 0;
    work->record.evicted = attempt ? attempt->evicted : 0;
    if (told)
        emit(trap, work);
    if (!attempt || work != attempt->work)
        raw_unmap(work, sizeof *work);
}

static bool receives_now(const struct newcomer *newcomer)
{
    return (newcomer->call == CALL_LISTEN) == protocol_is_tcp(newcomer->protocol);
}

void trap_record_sharing(struct trap *trap, const struct hooked_call *hooked)
{
    bool wanted = record_wanted(&trap->shim, LEVEL_CONFLICT) && !trap_is_elsewhere(trap);
    struct workspace *work = wanted ? raw_map(sizeof *work) : NULL;
    const struct hooked_call bound = {
        .shim = hooked->shim, .rule = hooked->rule, .which = hooked->which, .fd = hooked->fd};
    if (work == NULL)
        return;
    begin(trap, work, &bound, 0); /* without the argument: port 0 has become a port by now */
    struct self self = work->conflict.self;
    conflict_begin(&work->conflict, trap->shim.settings.budget_ms, trap->filtered);
    work->conflict.self = self;
    work->conflict.of_another = true;
    work->record.conflict = &work->conflict;
    work->record.event = EVENT_SHARED;
    if (receives_now(&work->newcomer) && may_tell(trap) &&
        conflict_sharing(&work->conflict, &work->newcomer, &work->scratch))
        emit(trap, work);
    raw_unmap(work, sizeof *work);
}

bool trap_is_elsewhere(const struct trap *trap)
{
    char path[PROC_PATH_MAX];
    return !is_same_file("/proc/self/ns/net", proc_path(path, trap->caller->tid, "ns/net"));
}

/* ---- in whose network ------------------------------------------------------------------------------- */

static bool join_namespace(pid_t pid, const char *name, int kind)
{
    char path[PROC_PATH_MAX], own[32];
    struct text text = text_in(own, sizeof own);
    text_strings(&text, "/proc/self/", name);
    (void)proc_path(path, pid, name);
    if (is_same_file(text_end(&text), path))
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
static void explain_there(struct trap *trap, const struct hooked_call *hooked, int error,
                          const struct attempt *attempt)
{
    pid_t pid = trap->caller->pid;
    go_where_it_is(trap);
    if (!join_namespace(pid, "ns/net", CLONE_NEWNET) && join_namespace(pid, "ns/user", CLONE_NEWUSER))
        (void)join_namespace(pid, "ns/net", CLONE_NEWNET);
    explain(trap, hooked, error, attempt);
}

void trap_record(struct trap *trap, const struct hooked_call *hooked, int error,
                 const struct attempt *attempt)
{
    if (!record_wanted(&trap->shim, LEVEL_CONFLICT))
        return;
    if (hooked->argument.family != AF_UNIX && !trap_is_elsewhere(trap)) {
        explain(trap, hooked, error, attempt);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        explain_there(trap, hooked, error, attempt);
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}
