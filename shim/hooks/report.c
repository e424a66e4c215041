/* SPDX-License-Identifier: MIT
 *
 * Records of what a call met. Contract in doors.h.
 */
#include "workspace.h"

#include "reuseshim/linux.h"

#include <errno.h>
#include <netinet/in.h>
#include <time.h>

/* Is this error of this call about an address or port that is taken? */
static bool is_refusal(const struct passage *passage, int error)
{
    if (passage->call != CALL_CONNECT)
        return error == EADDRINUSE;
    /* AF_UNIX says EAGAIN for a full backlog, which is another matter. */
    if (error == EAGAIN)
        return endpoint_is_internet(&passage->argument);
    return error == EADDRINUSE || error == EADDRNOTAVAIL;
}

/* Datagrams come from bind on, connections from listen on. */
static bool receives_now(const struct newcomer *newcomer)
{
    bool datagrams = protocol_is_udp(newcomer->protocol);
    return newcomer->call == CALL_LISTEN ? !datagrams : datagrams;
}

static void share_in(struct workspace *work, const struct passage *passage)
{
    const struct shim *shim = passage->shim;
    workspace_begin(work);
    if (!workspace_may_ask(work, shim))
        return;
    /* Without the argument: port 0 has become a port by now. */
    newcomer_ask(&work->newcomer, passage->call, passage->fd, 0, NULL, true);
    work->conflict.usual_calls_only = work->status.filtered;
    work->conflict.deadline = raw_clock(CLOCK_MONOTONIC) + (int64_t)shim->settings.budget_ms * 1000000;
    if (!receives_now(&work->newcomer) || !conflict_sharing(&work->conflict, &work->newcomer, work->input))
        return;
    work->record.event = EVENT_SHARED;
    work->record.newcomer = &work->newcomer;
    work->record.conflict = &work->conflict;
    work->record.rule = passage->rule;
    record_emit(shim, &work->record, work->output);
}

void report_sharing(const struct passage *passage)
{
    if (!record_wanted(passage->shim, LEVEL_CONFLICT))
        return;
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL)
        return;
    share_in(work, passage);
    raw_unmap(work, sizeof *work);
}

void report_refusal(const struct passage *passage, int error)
{
    if (!is_refusal(passage, error) || !record_wanted(passage->shim, LEVEL_CONFLICT))
        return;
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL) {
        record_lost();
        return;
    }
    workspace_begin(work);
    if (workspace_explain(work, passage, error)) {
        work->record.event = EVENT_CONFLICT;
        record_emit(passage->shim, &work->record, work->output);
    }
    raw_unmap(work, sizeof *work);
}

void report_message(const struct shim *shim, const struct passage *passage, enum level level,
                    const char *message)
{
    if (!record_wanted(shim, level))
        return;
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL) {
        record_lost();
        return;
    }
    workspace_begin(work);
    work->record.event = level == LEVEL_ERROR    ? EVENT_ERROR
                         : level == LEVEL_CHANGE ? EVENT_CHANGE
                                                 : EVENT_TRACE;
    work->record.message = message;
    if (passage) {
        const struct endpoint *argument = passage->argument.family == AF_UNSPEC ? NULL : &passage->argument;
        newcomer_ask(&work->newcomer, passage->call, passage->fd, 0, argument, workspace_may_ask(work, shim));
        work->record.newcomer = &work->newcomer;
        work->record.rule = passage->rule;
    }
    record_emit(shim, &work->record, work->output);
    raw_unmap(work, sizeof *work);
}
