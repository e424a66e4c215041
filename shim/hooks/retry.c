/* SPDX-License-Identifier: MIT
 *
 * A refusal that the rule does not take for an answer: the options, then evict, then wait. Contract in
 * hooks.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/patience.h"
#include "workspace.h"

#include <errno.h>
#include <stdatomic.h>

struct attempt {
    const struct hooked_call *hooked;
    struct workspace *work;      /* NULL without memory: waits all the same */
    const struct raw_mask *mask; /* the program's */
    int64_t started, end;        /* CLOCK_MONOTONIC, ms */
    int64_t pause_ms;
    int64_t waited_ms; /* 0 if there was nothing to sleep for */
    uint64_t evicted;
};

static int64_t now_ms(void)
{
    return raw_clock(CLOCK_MONOTONIC) / 1000000;
}

static bool may_pass(int error)
{
    return error == EADDRINUSE || error == EADDRNOTAVAIL;
}

int hooked_pass_on(const struct hooked_call *hooked)
{
    int result = hooked->which == CALL_BIND ? next.bind(hooked->fd, hooked->address, hooked->length)
                                            : next.listen(hooked->fd, hooked->backlog);
    return result == 0 ? 0 : errno;
}

/* The call once more: 0, or its errno. What goes wrong only in such a try is nothing that the program has
 * asked for: it hears what it would have heard. */
static int repeat(const struct hooked_call *hooked, int error)
{
    int result = hooked_pass_on(hooked);
    return result == 0 || may_pass(result) ? result : error;
}

/* ---- evict ------------------------------------------------------------------------------------- */

/* Once in a process: it will not change. */
static void tell_trouble(const struct hooked_call *hooked, int error)
{
    static _Atomic bool told;
    if (atomic_exchange(&told, true))
        return;
    const char *reason = hooked->argument.family == AF_UNIX
                             ? "evict: the stale socket file stays: this process may not remove it"
                         : error == -EPERM
                             ? "evict: nothing was removed: this process lacks CAP_NET_ADMIN"
                             : "evict: nothing was removed: this kernel cannot remove such sockets";
    report_message(hooked->shim, hooked, LEVEL_ERROR, reason);
}

static bool evict(struct attempt *attempt)
{
    struct workspace *work = attempt->work;
    uint64_t before = attempt->evicted;
    if (!attempt->hooked->rule->evict || work == NULL || !workspace_may_ask(work, attempt->hooked->shim) ||
        patience_somebody_blocks(&work->conflict))
        return false;
    int64_t deadline = deadline_in(attempt->hooked->shim->settings.budget_ms);
    int result = conflict_evict(&work->newcomer, &attempt->evicted, deadline, &work->scratch);
    if (result == -EPERM || result == -EACCES || result == -EROFS || result == -EOPNOTSUPP ||
        result == -EINVAL)
        tell_trouble(attempt->hooked, result);
    return attempt->evicted > before;
}

/* ---- wait -------------------------------------------------------------------------------------- */

/* False if there is no more to wait for: the time is up, a signal came, or it would be in vain. */
static bool sleep_once(struct attempt *attempt)
{
    int64_t now = now_ms(), left = attempt->end - now;
    if (left <= 0) {
        if (attempt->hooked->rule->wait_ms) /* a slow look may have used it up */
            attempt->waited_ms = now - attempt->started;
        return false;
    }
    const struct conflict *conflict = attempt->work ? attempt->work->record.conflict : NULL;
    int64_t length = patience_pause(conflict, &attempt->pause_ms, left);
    if (length == PAUSE_IN_VAIN)
        return false;
    bool undisturbed = raw_sleep(length, attempt->mask) == 0;
    attempt->waited_ms = now_ms() - attempt->started;
    return undisturbed;
}

/* ---- both -------------------------------------------------------------------------------------- */

static void look(struct attempt *attempt, int error)
{
    if (attempt->work)
        (void)workspace_explain(attempt->work, attempt->hooked, error);
}

/* Where nobody could be looked for, nobody knows for whom it would wait: not so beside `evict`, whose wait is
 * for what an earlier instance leaves. */
static bool is_in_vain(const struct attempt *attempt, int error)
{
    const struct conflict *conflict = attempt->work ? attempt->work->record.conflict : NULL;
    bool unseen = conflict == NULL || conflict->source == SOURCE_NONE;
    return attempt->hooked->rule->evict && (unseen || patience_is_in_vain(conflict, error));
}

static void record_end(struct attempt *attempt, int error)
{
    struct workspace *work = attempt->work;
    if (work == NULL) {
        record_lost();
        return;
    }
    if (!record_wanted(attempt->hooked->shim, LEVEL_CONFLICT))
        return;
    if (error == 0)
        work->record.event = EVENT_RESOLVED;
    work->newcomer.error = error;
    work->record.waited_ms = attempt->waited_ms;
    work->record.evicted = attempt->evicted;
    work->record.program_mask = attempt->mask;
    record_emit(attempt->hooked->shim, &work->record, work->output);
}

/* Evicts, then sleeps, then asks again, until the call succeeds or there is nothing more to be done. What a
 * holder that stops meanwhile leaves behind is evicted in the next round. */
static int try_until_done(struct attempt *attempt, int error)
{
    for (;;) {
        look(attempt, error);
        if (error == EADDRINUSE && evict(attempt))
            error = repeat(attempt->hooked, error);
        if (!may_pass(error) || is_in_vain(attempt, error) || !sleep_once(attempt))
            return error;
        error = repeat(attempt->hooked, error);
        if (!may_pass(error))
            return error;
    }
}

static int evict_and_wait(const struct hooked_call *hooked, int error)
{
    struct attempt attempt = {
        .hooked = hooked, .mask = hooked->program_mask, .started = now_ms(), .pause_ms = PAUSE_FIRST_MS};
    attempt.end = attempt.started + hooked->rule->wait_ms;
    attempt.work = raw_map(sizeof *attempt.work);
    if (attempt.work)
        workspace_begin(attempt.work);
    error = try_until_done(&attempt, error);
    record_end(&attempt, error);
    if (attempt.work)
        raw_unmap(attempt.work, sizeof *attempt.work);
    return error;
}

/* A signal that comes while we look shall end the wait, and not be slept through; nor end the look; nor leave
 * an option on, where its handler does not return. */
int retry(struct hooked_call *hooked, int error)
{
    struct raw_mask mask;
    raw_mask_hold(&mask);
    hooked->program_mask = &mask;
    unsigned options = error == EADDRINUSE ? apply_for_retry(hooked) : 0;
    if (options)
        error = repeat(hooked, error);
    if (may_pass(error) && (hooked->rule->evict || hooked->rule->wait_ms))
        error = evict_and_wait(hooked, error);
    else if (error)
        report_refusal(hooked, error); /* while the options are on: it is this try that is explained */
    apply_after_retry(hooked, options, error == 0);
    hooked->program_mask = NULL;
    raw_mask_release(&mask);
    return error;
}
