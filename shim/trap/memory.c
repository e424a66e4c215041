/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. A program that tries again and again has each refusal explained once in ten seconds
 * (repetition.h has the same for the library); Go's listener, which tries TCP after MPTCP, has one.
 */
#include "trap.h"

#include "../hooks/repetition.h"
#include "reuseshim/proc.h"
#include "reuseshim/protocol.h"

#include <string.h>
#include <time.h>

struct remembered {
    pid_t pid, tid; /* pid 0: a free place */
    enum call call;
    int error, protocol;
    uint64_t network; /* inode of its namespace */
    struct endpoint local, remote;
    struct unix_path path;
    int64_t explained; /* CLOCK_MONOTONIC, ns */
    uint64_t times;
    enum cause cause;
    bool has_holder, has_process;
    struct holder holder;
    struct process process;
};
enum { REMEMBERED = 64 };
static struct remembered memory[REMEMBERED];
static unsigned oldest;

static const int64_t fresh_ns = 10000000000, together_ns = 50000000;

/* ---- how much time goes into it ---------------------------------------------------------------------- */

bool account_allows(const struct account *account)
{
    int64_t since = raw_clock(CLOCK_MONOTONIC) - account->first;
    return account->count < FREE_EXPLANATIONS || account->spent * EXPLANATIONS_SHARE <= since;
}

void account_add(struct account *account, int64_t took)
{
    if (account->count++ == 0)
        account->first = raw_clock(CLOCK_MONOTONIC) - took;
    account->spent += took;
}

/* Of the processes that were refused something last. */
static struct process_account {
    pid_t pid;
    struct account account;
} accounts[REMEMBERED];
static unsigned oldest_account;

static struct account *account_of(pid_t pid)
{
    for (int i = 0; i < REMEMBERED; i++)
        if (accounts[i].pid == pid)
            return &accounts[i].account;
    struct process_account *place = &accounts[oldest_account++ % REMEMBERED];
    *place = (struct process_account){.pid = pid};
    return &place->account;
}

bool memory_allows(const struct caller *caller)
{
    return account_allows(account_of(caller->pid));
}

/* ---- what was refused --------------------------------------------------------------------------------- */

static bool is_same_place(const struct endpoint *one, const struct endpoint *other)
{
    return one->family == other->family && one->port == other->port &&
           memcmp(one->address, other->address, sizeof one->address) == 0;
}

static uint64_t network_of(const struct caller *caller)
{
    char path[PROC_PATH_MAX];
    struct raw_identity identity;
    return raw_identify_path(proc_path(path, caller->tid, "ns/net"), &identity) ? identity.inode : 0;
}

static struct remembered *find(const struct caller *caller, const struct newcomer *newcomer)
{
    uint64_t network = network_of(caller);
    for (int i = 0; i < REMEMBERED; i++) {
        struct remembered *entry = &memory[i];
        if (entry->pid == caller->pid && entry->call == newcomer->call && entry->error == newcomer->error &&
            entry->protocol == newcomer->protocol && entry->network == network &&
            is_same_place(&entry->local, &newcomer->local) &&
            is_same_place(&entry->remote, &newcomer->remote) && entry->path.length == newcomer->path.length &&
            memcmp(entry->path.bytes, newcomer->path.bytes, entry->path.length) == 0)
            return entry;
    }
    return NULL;
}

bool memory_is_fallback(const struct caller *caller, const struct newcomer *newcomer)
{
    int64_t now = raw_clock(CLOCK_MONOTONIC);
    if (newcomer->protocol != IPPROTO_TCP)
        return false;
    for (int i = 0; i < REMEMBERED; i++) {
        const struct remembered *entry = &memory[i];
        if (entry->tid == caller->tid && entry->protocol == IPPROTO_MPTCP &&
            entry->error == newcomer->error && entry->call == newcomer->call &&
            is_same_place(&entry->local, &newcomer->local) && now - entry->explained < together_ns)
            return true;
    }
    return false;
}

bool memory_recall(const struct caller *caller, struct workspace *work)
{
    struct conflict *conflict = &work->conflict;
    struct remembered *entry = find(caller, &work->newcomer);
    int64_t age = entry ? raw_clock(CLOCK_MONOTONIC) - entry->explained : fresh_ns;
    if (age >= fresh_ns)
        return false;
    work->record.repeated = ++entry->times;
    work->record.age_ms = age / 1000000;
    work->record.conflict = conflict;
    conflict->cause = entry->cause;
    conflict->source = SOURCE_EARLIER;
    conflict->complete = true;
    conflict->holder_count = entry->has_holder;
    conflict->holders[0] = entry->holder;
    conflict->owners[0].count = entry->has_process;
    if (entry->has_process)
        conflict->owners[0].processes[0] = entry->process;
    return true;
}

void memory_keep(const struct caller *caller, const struct workspace *work, int64_t took)
{
    const struct conflict *conflict = &work->conflict;
    account_add(account_of(caller->pid), took);
    if (work->record.conflict == NULL || !conflict->complete)
        return;
    struct remembered *entry = find(caller, &work->newcomer);
    uint64_t times = entry ? entry->times + 1 : 0;
    if (entry == NULL)
        entry = &memory[oldest++ % REMEMBERED];
    *entry = (struct remembered){.pid = caller->pid,
                                 .tid = caller->tid,
                                 .call = work->newcomer.call,
                                 .error = work->newcomer.error,
                                 .protocol = work->newcomer.protocol,
                                 .network = network_of(caller),
                                 .local = work->newcomer.local,
                                 .remote = work->newcomer.remote,
                                 .path = work->newcomer.path,
                                 .explained = raw_clock(CLOCK_MONOTONIC),
                                 .times = times,
                                 .cause = conflict->cause,
                                 .has_holder = conflict->holder_count > 0};
    if (!entry->has_holder)
        return;
    const struct owners *owners = &conflict->owners[conflict->holders[0].owners];
    entry->holder = conflict->holders[0];
    entry->holder.owners = entry->holder.cgroup = 0;
    entry->has_process = owners->count > 0;
    if (entry->has_process)
        entry->process = owners->processes[0];
}
