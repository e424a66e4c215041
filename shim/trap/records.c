/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h and, of report_message, in hooks.h: what the library would have written, from outside.
 */
#include "trap.h"

#include "../hooks/workspace.h"
#include "reuseshim/proc.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static struct trap *trap_of(const struct shim *shim)
{
    return (struct trap *)(void *)((char *)(uintptr_t)shim - offsetof(struct trap, shim));
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

void report_message(const struct shim *shim, const struct hooked_call *hooked, enum level level,
                    const char *message)
{
    struct trap *trap = trap_of(shim);
    struct workspace *work = hooked && record_wanted(shim, level) ? trap_workspace() : NULL;
    if (work == NULL)
        return;
    trap_begin_record(trap, work, hooked, 0);
    work->record.event = level == LEVEL_ERROR    ? EVENT_ERROR
                         : level == LEVEL_CHANGE ? EVENT_CHANGE
                                                 : EVENT_TRACE;
    work->record.message = message;
    emit(trap, work);
    trap_workspace_end(work);
}

void trap_record_io_uring(struct trap *trap, pid_t tid)
{
    static bool told;
    struct caller caller = {.tid = tid, .pid = tid, .fd = -1};
    struct workspace *work = told || !record_wanted(&trap->shim, LEVEL_ERROR) ? NULL : trap_workspace();
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
    trap_workspace_end(work);
    trap->caller = NULL;
}

static enum event event_of(const struct workspace *work, const struct hooked_call *hooked, int error)
{
    bool by_bind = hooked->which == CALL_BIND && error != EADDRINUSE;
    return work->conflict.refusal.found || by_bind ? EVENT_REFUSED : EVENT_CONFLICT;
}

/* Of a refusal that comes to the program at once, and was perhaps looked into by an attempt. False if it is
 * about something else, or told already. */
static bool tell_at_once(struct trap *trap, const struct hooked_call *hooked, int error,
                         struct workspace *work, bool looked)
{
    int64_t began = raw_clock(CLOCK_MONOTONIC);
    bool told = true;
    if (!looked)
        trap_begin_record(trap, work, hooked, error);
    if (memory_is_fallback(trap->caller, &work->newcomer))
        return false;
    if (memory_recall(trap->caller, work))
        return true;
    bool every = looked || error != EADDRINUSE || trap->shim.settings.diagnose != DIAGNOSE_AUTO;
    if (!every && !memory_allows(trap->caller)) {
        work->record.bare = BARE_BUSY;
        return true;
    }
    if (!looked)
        told = trap_explain(trap, hooked, error, work);
    memory_keep(trap->caller, work, raw_clock(CLOCK_MONOTONIC) - began);
    return told;
}

void trap_record(struct trap *trap, const struct hooked_call *hooked, int error,
                 const struct attempt *attempt)
{
    bool patient = attempt && (attempt->waited || attempt->evicted);
    bool own = attempt == NULL || attempt->work == NULL;
    struct workspace *work = !record_wanted(&trap->shim, LEVEL_CONFLICT) ? NULL
                             : own                                       ? trap_workspace()
                                                                         : attempt->work;
    if (work == NULL)
        return;
    bool told = true;
    bool looked = !own && attempt->looked_now;
    if (error && !patient)
        told = tell_at_once(trap, hooked, error, work, looked);
    else if (error && !looked && !own && !attempt_may_look(attempt))
        attempt_recall(attempt);
    else if (error && !looked)
        told = trap_explain(trap, hooked, error, work);
    work->record.event = error == 0 ? EVENT_RESOLVED : event_of(work, hooked, error);
    work->newcomer.error = error;
    work->record.waited_ms = attempt ? attempt->waited : 0;
    work->record.evicted = attempt ? attempt->evicted : 0;
    if (told)
        emit(trap, work);
    if (own)
        trap_workspace_end(work);
}

static bool receives_now(const struct newcomer *newcomer)
{
    return (newcomer->call == CALL_LISTEN) == protocol_is_tcp(newcomer->protocol);
}

void trap_record_sharing(struct trap *trap, const struct hooked_call *hooked)
{
    bool wanted = record_wanted(&trap->shim, LEVEL_CONFLICT) && !trap_is_elsewhere(trap);
    struct workspace *work = wanted ? trap_workspace() : NULL;
    const struct hooked_call bound = {
        .shim = hooked->shim, .rule = hooked->rule, .which = hooked->which, .fd = hooked->fd};
    if (work == NULL)
        return;
    trap_begin_record(trap, work, &bound, 0); /* without the argument: port 0 has become a port by now */
    struct self self = work->conflict.self;
    conflict_begin(&work->conflict, trap->shim.settings.budget_ms, trap->filtered);
    work->conflict.self = self;
    work->conflict.of_another = true;
    work->record.conflict = &work->conflict;
    work->record.event = EVENT_SHARED;
    if (receives_now(&work->newcomer) && trap_may_tell(trap) &&
        conflict_sharing(&work->conflict, &work->newcomer, &work->scratch))
        emit(trap, work);
    trap_workspace_end(work);
}
