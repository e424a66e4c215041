/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. The program itself repeats the call (stop.c); what it waits for is that we let its
 * notification go.
 */
#include "trap.h"

#include "../hooks/workspace.h"
#include "reuseshim/deadline.h"
#include "reuseshim/patience.h"
#include "reuseshim/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS_MAX = 256, SIGNAL_LOOK_MS = 5 };
static struct attempt attempts[ATTEMPTS_MAX];

static int64_t now_ms(void)
{
    return raw_clock(CLOCK_MONOTONIC) / 1000000;
}

/* What is made again comes at once: a later call is another one, after a handler that has left by longjmp. */
struct attempt *attempt_find(const struct caller *caller)
{
    enum { AT_ONCE_MS = 1000 };
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *attempt = &attempts[i];
        if (attempt->tid != caller->tid || attempt->which != caller->which ||
            attempt->number != caller->number)
            continue;
        bool stale =
            !attempt->held && attempt->asked && now_ms() - attempt->asked > AT_ONCE_MS && !attempt->due;
        if (!stale)
            return attempt;
        attempt_end(attempt);
    }
    return NULL;
}

/* Places of threads that were killed in between are free again. */
static struct attempt *new_attempt(const struct caller *caller)
{
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        if (attempts[i].tid && kill(attempts[i].tid, 0) != 0 && errno == ESRCH)
            attempt_end(&attempts[i]);
        if (attempts[i].tid == 0) {
            attempts[i] = (struct attempt){.tid = caller->tid,
                                           .which = caller->which,
                                           .number = caller->number,
                                           .pause = PAUSE_FIRST_MS};
            return &attempts[i];
        }
    }
    return NULL;
}

void attempt_end(struct attempt *attempt)
{
    trap_workspace_end(attempt->work);
    memset(attempt, 0, sizeof *attempt);
}

/* Signals that wait for the thread, and that it does not block. */
struct signals {
    bool wanted; /* one with a handler, or one that ends the program: it must not have to wait for us */
    bool stops;  /* without a handler it stops the program, which goes on to wait when it is continued */
};

static struct signals signals_of(pid_t tid)
{
    static const char *const lines[] = {"\nSigPnd:\t", "\nShdPnd:\t", "\nSigBlk:\t", "\nSigIgn:\t",
                                        "\nSigCgt:\t"};
    enum { OWN, SHARED, BLOCKED, IGNORED, CAUGHT, SETS };
    const unsigned long long stops =
        1ULL << (SIGTSTP - 1) | 1ULL << (SIGTTIN - 1) | 1ULL << (SIGTTOU - 1) | 1ULL << (SIGSTOP - 1);
    /* While a thread is traced even what it ignores is kept for it. */
    const unsigned long long nothing =
        1ULL << (SIGCHLD - 1) | 1ULL << (SIGCONT - 1) | 1ULL << (SIGURG - 1) | 1ULL << (SIGWINCH - 1);
    char path[PROC_PATH_MAX], status[8192];
    unsigned long long sets[SETS] = {0};
    if (proc_read(proc_path(path, tid, "status"), status, sizeof status) <= 0)
        return (struct signals){.wanted = true};
    for (int i = 0; i < SETS; i++) {
        const char *found = strstr(status, lines[i]);
        sets[i] = found ? strtoull(found + strlen(lines[i]), NULL, 16) : 0;
    }
    unsigned long long waiting = (sets[OWN] | sets[SHARED]) & ~sets[BLOCKED] & ~sets[IGNORED];
    unsigned long long by_default = waiting & ~sets[CAUGHT];
    return (struct signals){.wanted = (waiting & sets[CAUGHT]) || (by_default & ~stops & ~nothing),
                            .stops = (by_default & stops) != 0};
}

/* ---- what comes next --------------------------------------------------------------------------------- */

static bool may_pass(int error)
{
    return error == EADDRINUSE || error == EADDRNOTAVAIL;
}

static bool retry_with_options(struct attempt *attempt, const struct hooked_call *hooked, int error)
{
    if (attempt->retried || error != EADDRINUSE || hooked->rule->retry == 0)
        return false;
    attempt->retried = true;
    attempt->options = apply_for_retry(hooked);
    return attempt->options;
}

/* With the caller's rights, or not at all. */
static bool evict(struct attempt *attempt, struct trap *trap, const struct hooked_call *hooked, int error)
{
    struct workspace *work = attempt->work;
    uint64_t before = attempt->evicted;
    if (!hooked->rule->evict || error != EADDRINUSE || !trap_has_same_rights(trap->caller->tid) ||
        trap_is_elsewhere(trap) || work->record.conflict == NULL || patience_somebody_blocks(&work->conflict))
        return false;
    int64_t deadline = deadline_in(trap->shim.settings.budget_ms);
    (void)conflict_evict(&work->newcomer, &attempt->evicted, deadline, &work->scratch);
    return attempt->evicted > before;
}

static bool wait_for(struct attempt *attempt, const struct hooked_call *hooked, int error)
{
    const struct conflict *conflict = attempt->looked_now ? attempt->work->record.conflict : NULL;
    int64_t now = now_ms();
    attempt->waited = attempt->slept ? now - attempt->started : 0;
    if (hooked->rule->wait_ms == 0 || now >= attempt->end || signals_of(attempt->tid).wanted ||
        (hooked->rule->evict &&
         (conflict == NULL || conflict->source == SOURCE_NONE || patience_is_in_vain(conflict, error))))
        return false;
    int64_t pause = patience_pause(conflict, &attempt->pause, attempt->end - now);
    attempt->next = now + pause;
    attempt->slept |= pause != PAUSE_IN_VAIN;
    return pause != PAUSE_IN_VAIN;
}

/* Of all that wait. */
static struct account looks;

bool attempt_may_look(const struct attempt *attempt)
{
    return attempt->work->record.conflict == NULL || account_allows(&looks);
}

void attempt_recall(const struct attempt *attempt)
{
    attempt->work->conflict.source = SOURCE_EARLIER;
    attempt->work->record.age_ms = now_ms() - attempt->looked;
}

/* Once, and for whoever wants to evict; else as far as there is time: many may be waiting. */
static bool look_again(struct attempt *attempt, struct trap *trap, const struct hooked_call *hooked,
                       int error)
{
    bool first = attempt->work == NULL;
    if (first)
        attempt->work = trap_workspace();
    if (attempt->work == NULL)
        return false;
    attempt->looked_now = first || hooked->rule->evict || account_allows(&looks);
    if (!attempt->looked_now)
        return true;
    int64_t began = raw_clock(CLOCK_MONOTONIC);
    memset(&attempt->work->record, 0, sizeof attempt->work->record);
    (void)trap_explain(trap, hooked, error, attempt->work);
    account_add(&looks, raw_clock(CLOCK_MONOTONIC) - began);
    attempt->looked = now_ms();
    return true;
}

static bool evict_or_wait(struct attempt *attempt, struct trap *trap, const struct hooked_call *hooked,
                          int error)
{
    if (!hooked->rule->evict && !hooked->rule->wait_ms)
        return false;
    if (attempt->started == 0) {
        attempt->started = now_ms();
        attempt->end = attempt->started + hooked->rule->wait_ms;
    }
    return look_again(attempt, trap, hooked, error) &&
           (evict(attempt, trap, hooked, error) || wait_for(attempt, hooked, error));
}

bool attempt_again(struct trap *trap, const struct hooked_call *hooked, int error)
{
    const struct rule *rule = hooked->rule;
    if (rule == NULL || !may_pass(error) || !(rule->retry || rule->evict || rule->wait_ms) ||
        (error == EADDRNOTAVAIL && (hooked->which != CALL_BIND || rule->wait_ms == 0)))
        return false;
    struct attempt *attempt = attempt_find(trap->caller);
    if (attempt == NULL)
        attempt = new_attempt(trap->caller);
    if (attempt == NULL || attempt->last)
        return false;
    attempt->next = 0;
    attempt->due = attempt->looked_now = false;
    bool again = retry_with_options(attempt, hooked, error) || evict_or_wait(attempt, trap, hooked, error);
    attempt->asked = now_ms();
    return again;
}

/* ---- until it is time --------------------------------------------------------------------------------- */

bool attempt_hold(const struct caller *caller, const struct seccomp_notif *notification)
{
    struct attempt *attempt = attempt_find(caller);
    if (attempt == NULL || attempt->held || attempt->next <= now_ms())
        return false;
    attempt->held = true;
    attempt->notification = *notification;
    return true;
}

int attempts_timeout(void)
{
    int held = 0;
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        held += attempts[i].held;
    /* Each look at all of them takes longer. */
    return held ? SIGNAL_LOOK_MS + 2 * held : -1;
}

const struct seccomp_notif *attempts_due(const struct trap *trap)
{
    int64_t now = now_ms();
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *attempt = &attempts[i];
        if (!attempt->held)
            continue;
        if (!listener_still_waits(trap->listener, attempt->notification.id)) {
            trap_let_go(trap, attempt->notification.id);
            attempt_end(attempt);
            continue;
        }
        /* To stop, it goes its way, and comes back when it is continued. */
        struct signals signals = signals_of(attempt->tid);
        if (attempt->next > now && !signals.wanted && !signals.stops)
            continue;
        attempt->last |= signals.wanted;
        attempt->held = false;
        attempt->due = true;
        attempt->waited = now - attempt->started;
        attempt->next = 0;
        return &attempt->notification;
    }
    return NULL;
}
