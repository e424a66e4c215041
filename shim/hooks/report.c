/* SPDX-License-Identifier: MIT
 *
 * Records of what a call met. Contract in hooks.h.
 */
#include "emulate.h"

#include "reuseshim/protocol.h"

#include <errno.h>

/* A handler that leaves by longjmp(3), or the cancellation of a thread, in the middle of one of the three
 * functions below would leave descriptors and memory behind: signals have to wait for their end. */

/* Returns what the program's mask is: held already, in a retry, or now. */
static const struct raw_mask *hold(struct raw_mask *mask, const struct hooked_call *hooked)
{
    if (hooked && hooked->program_mask)
        return hooked->program_mask;
    raw_mask_hold(mask);
    return mask;
}

static void release(const struct raw_mask *mask, const struct hooked_call *hooked)
{
    if (hooked == NULL || hooked->program_mask == NULL)
        raw_mask_release(mask);
}

/* Is this error of this call about an address or port that is taken, or of bind about one that is not to be
 * had? */
static bool is_refusal(const struct hooked_call *hooked, int error)
{
    bool internet = endpoint_is_internet(&hooked->argument);
    switch (hooked->which) {
    case CALL_CONNECT:
        /* AF_UNIX says EAGAIN for a full backlog, which is another matter. */
        return error == EADDRINUSE || error == EADDRNOTAVAIL || (error == EAGAIN && internet);
    case CALL_BIND:
    case CALL_BINDRESVPORT:
        return error == EADDRINUSE ||
               (internet && (error == EADDRNOTAVAIL || error == EACCES || error == EPERM || error == EINVAL));
    default:
        return error == EADDRINUSE;
    }
}

/* Datagrams come from bind on, connections from listen on. */
static bool receives_now(const struct newcomer *newcomer)
{
    bool datagrams = protocol_is_udp(newcomer->protocol);
    return newcomer->call == CALL_LISTEN ? !datagrams : datagrams;
}

static void share_in(struct workspace *work, const struct hooked_call *hooked)
{
    const struct shim *shim = hooked->shim;
    workspace_begin(work);
    if (!workspace_may_ask(work, shim))
        return;
    /* Without the argument: port 0 has become a port by now. */
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, 0, NULL, true);
    if (!receives_now(&work->newcomer))
        return;
    conflict_begin(&work->conflict, shim->settings.budget_ms, work->status.filtered);
    if (!conflict_sharing(&work->conflict, &work->newcomer, &work->scratch))
        return;
    if (shim->settings.names_only)
        conflict_forget_commands(&work->conflict);
    work->record.event = EVENT_SHARED;
    work->record.newcomer = &work->newcomer;
    work->record.conflict = &work->conflict;
    work->record.rule = hooked->rule;
    record_emit(shim, &work->record, work->output);
}

void report_sharing(const struct hooked_call *hooked)
{
    if (!record_wanted(hooked->shim, LEVEL_CONFLICT))
        return;
    struct raw_mask mask;
    raw_mask_hold(&mask);
    struct workspace *work = raw_map(sizeof *work);
    if (work) {
        work->record.program_mask = &mask;
        share_in(work, hooked);
        raw_unmap(work, sizeof *work);
    }
    raw_mask_release(&mask);
}

/* Another thread has what is remembered, and enough time has gone into explanations. */
static bool must_be_brief(const struct workspace *work, const struct repeated_call *call)
{
    return call->contended && !work->status.filtered && call->error == EADDRINUSE && !repetition_allows() &&
           call->hooked->shim->settings.diagnose != DIAGNOSE_ALWAYS;
}

static bool explain_in(struct workspace *work, const struct repeated_call *call)
{
    if (must_be_brief(work, call)) {
        workspace_be_brief(work, call->hooked, call->error);
        return true;
    }
    bool wanted = workspace_explain(work, call->hooked, call->error);
    repetition_keep(call, work);
    return wanted;
}

static void explain(const struct repeated_call *call, const struct raw_mask *program_mask)
{
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL) {
        record_lost();
        return;
    }
    workspace_begin(work);
    work->record.program_mask = program_mask;
    if (explain_in(work, call)) {
        work->record.repeated = call->before;
        portability_of_refusal(work, call->hooked);
        record_emit(call->hooked->shim, &work->record, work->output);
    }
    raw_unmap(work, sizeof *work);
}

void report_refusal(const struct hooked_call *hooked, int error)
{
    struct repeated_call call = {.hooked = hooked, .error = error};
    struct raw_mask mask;
    if (!is_refusal(hooked, error) || !record_wanted(hooked->shim, LEVEL_CONFLICT))
        return;
    const struct raw_mask *program_mask = hold(&mask, hooked);
    if (repetition_ask(&call) == EXPLAIN) {
        explain(&call, program_mask);
    } else {
        call.work->record.program_mask = program_mask;
        record_emit(hooked->shim, &call.work->record, call.work->output);
        repetition_give_back();
    }
    release(&mask, hooked);
}

static void tell(struct workspace *work, const struct shim *shim, const struct hooked_call *hooked,
                 enum level level, const char *message)
{
    workspace_begin(work);
    work->record.event = level == LEVEL_ERROR    ? EVENT_ERROR
                         : level == LEVEL_CHANGE ? EVENT_CHANGE
                                                 : EVENT_TRACE;
    work->record.message = message;
    if (hooked) {
        const struct endpoint *argument = hooked->argument.family == AF_UNSPEC ? NULL : &hooked->argument;
        newcomer_ask(&work->newcomer, hooked->which, hooked->fd, 0, argument, workspace_may_ask(work, shim));
        work->record.newcomer = &work->newcomer;
        work->record.rule = hooked->rule;
    }
    record_emit(shim, &work->record, work->output);
}

void report_message(const struct shim *shim, const struct hooked_call *hooked, enum level level,
                    const char *message)
{
    struct raw_mask mask;
    if (!record_wanted(shim, level))
        return;
    const struct raw_mask *program_mask = hold(&mask, hooked);
    struct workspace *work = raw_map(sizeof *work);
    if (work) {
        work->record.program_mask = program_mask;
        tell(work, shim, hooked, level, message);
        raw_unmap(work, sizeof *work);
    } else {
        record_lost();
    }
    release(&mask, hooked);
}
