/* SPDX-License-Identifier: MIT
 *
 * A refusal that the rule does not take for an answer: the options, then evict, then wait. Contract in
 * hooks.h.
 */
#include "reuseshim/deadline.h"
#include "workspace.h"

#include <errno.h>
#include <stdatomic.h>

enum { FIRST_PAUSE_MS = 5, LAST_PAUSE_MS = 250, GRACE_MS = 5, OUTLASTS = -1 };

struct attempt {
    const struct hooked_call *hooked;
    struct workspace *work; /* NULL without memory: waits all the same */
    struct raw_mask mask;
    int64_t started, end; /* CLOCK_MONOTONIC, ms */
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

/* The call once more: 0, or its errno. What goes wrong only in such a try is nothing that the program has
 * asked for: it hears what it would have heard. */
static int repeat(const struct hooked_call *hooked, int error)
{
    int result = hooked->which == CALL_BIND ? next.bind(hooked->fd, hooked->address, hooked->length)
                                            : next.listen(hooked->fd, hooked->backlog);
    return result == 0 ? 0 : may_pass(errno) ? errno : error;
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

/* As long as a process surely refuses us, to remove anything would be in vain, and the harm would be done to
 * that process's connections. */
static bool somebody_blocks(const struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks == YES && conflict->holders[i].inode)
            return true;
    return false;
}

static bool evict(struct attempt *attempt)
{
    struct workspace *work = attempt->work;
    uint64_t before = attempt->evicted;
    if (!attempt->hooked->rule->evict || work == NULL || !workspace_may_ask(work, attempt->hooked->shim) ||
        somebody_blocks(&work->conflict))
        return false;
    int64_t deadline = deadline_in(attempt->hooked->shim->settings.budget_ms);
    int result = conflict_evict(&work->newcomer, &attempt->evicted, deadline, &work->scratch);
    if (result == -EPERM || result == -EACCES || result == -EROFS || result == -EOPNOTSUPP ||
        result == -EINVAL)
        tell_trouble(attempt->hooked, result);
    return attempt->evicted > before;
}

/* ---- wait -------------------------------------------------------------------------------------- */

/* How long to sleep, in milliseconds: until all have expired if all that block are TIME_WAIT; else a pause
 * that grows. OUTLASTS if one surely stays for longer than we may wait. A listener is never sure: it may be
 * stopping. */
static int64_t time_to_sleep(struct attempt *attempt, int64_t left)
{
    const struct conflict *conflict = attempt->work ? attempt->work->record.conflict : NULL;
    int64_t longest = 0;
    bool all_expire = conflict && conflict->holder_count && conflict->holders_omitted == 0;
    for (uint32_t i = 0; conflict && i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (holder->blocks == NO)
            continue;
        bool expires = holder->state == STATE_TIME_WAIT && holder->timer_ms >= 0;
        all_expire &= expires;
        if (expires && holder->blocks == YES && holder->timer_ms > left)
            return OUTLASTS;
        if (expires && holder->timer_ms > longest)
            longest = holder->timer_ms;
    }
    if (all_expire && longest + GRACE_MS <= left)
        return longest + GRACE_MS;
    int64_t pause = attempt->pause_ms < left ? attempt->pause_ms : left;
    attempt->pause_ms = attempt->pause_ms * 2 < LAST_PAUSE_MS ? attempt->pause_ms * 2 : LAST_PAUSE_MS;
    return pause;
}

/* False if there is no more to wait for: the time is up, a signal came, or it would be in vain. */
static bool sleep_once(struct attempt *attempt)
{
    int64_t now = now_ms(), left = attempt->end - now;
    if (left <= 0) {
        if (attempt->hooked->rule->wait_ms) /* a slow look may have used it up */
            attempt->waited_ms = now - attempt->started;
        return false;
    }
    int64_t length = time_to_sleep(attempt, left);
    if (length == OUTLASTS)
        return false;
    bool undisturbed = raw_sleep(length, &attempt->mask) == 0;
    attempt->waited_ms = now_ms() - attempt->started;
    return undisturbed;
}

/* ---- both -------------------------------------------------------------------------------------- */

static void look(struct attempt *attempt, int error)
{
    if (attempt->work)
        (void)workspace_explain(attempt->work, attempt->hooked, error);
}

/* Is it an instance of this program, or may it be? One that is stopping leaves soon. */
static bool may_be_instance(const struct conflict *conflict, const struct holder *holder)
{
    const struct owners *owners = &conflict->owners[holder->owners];
    struct manager manager = conflict_manager(conflict, holder);
    if (holder->owner != OWNER_KNOWN || conflict_is_own_unit(conflict, &manager))
        return true;
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].relation == RELATION_SAME_PROGRAM ||
            owners->processes[i].relation == RELATION_DESCENDANT)
            return true;
    return false;
}

/* Beside "evict", a wait is for what an earlier instance leaves, and for that instance itself. A program that
 * tries port after port, or finds its lock taken, shall hear so at once; and no address comes by waiting but
 * one that is already on its way. */
static bool is_in_vain(const struct attempt *attempt, int error)
{
    const struct conflict *conflict = attempt->work ? attempt->work->record.conflict : NULL;
    if (!attempt->hooked->rule->evict || conflict == NULL)
        return false;
    if (error == EADDRNOTAVAIL)
        return conflict->cause != CAUSE_ADDRESS_TENTATIVE;
    const struct holder *first = &conflict->holders[0];
    if (conflict->holder_count == 0 || first->blocks != YES || first->inode == 0 ||
        first->local.family == AF_UNIX)
        return false;
    bool listens = first->state == STATE_LISTEN;
    bool bound = first->remote.family == AF_UNSPEC && !listens;
    return bound || first->outgoing == YES || (listens && !may_be_instance(conflict, first));
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
    work->record.program_mask = &attempt->mask;
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
    struct attempt attempt = {.hooked = hooked, .started = now_ms(), .pause_ms = FIRST_PAUSE_MS};
    attempt.end = attempt.started + hooked->rule->wait_ms;
    /* A signal that comes while we look shall end the wait, and not be slept through; nor end the look. */
    raw_mask_hold(&attempt.mask);
    attempt.work = raw_map(sizeof *attempt.work);
    if (attempt.work)
        workspace_begin(attempt.work);
    error = try_until_done(&attempt, error);
    record_end(&attempt, error);
    if (attempt.work)
        raw_unmap(attempt.work, sizeof *attempt.work);
    raw_mask_release(&attempt.mask);
    return error;
}

int retry(const struct hooked_call *hooked, int error)
{
    unsigned options = error == EADDRINUSE ? apply_for_retry(hooked) : 0;
    if (options)
        error = repeat(hooked, error);
    if (may_pass(error) && (hooked->rule->evict || hooked->rule->wait_ms))
        error = evict_and_wait(hooked, error);
    else if (error)
        report_refusal(hooked, error); /* while the options are on: it is this try that is explained */
    apply_after_retry(hooked, options, error == 0);
    return error;
}
