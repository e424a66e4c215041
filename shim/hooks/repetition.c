/* SPDX-License-Identifier: MIT
 *
 * What a process has been refused already. Contract in repetition.h.
 */
#include "repetition.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum {
    REMEMBERED = 64,
    FREE_EXPLANATIONS = 3,
    SHARE = 20, /* a twentieth of the time may go into explanations: 5 % */
};
#define FRESH_NS        10000000000 /* as long as an answer is told again */
#define STATUS_FRESH_NS 1000000     /* as long as nobody can have put a filter on and been refused again */

/* One refusal is the same as another if these are. */
struct refusal_key {
    int call, error, protocol;
    struct endpoint address; /* asked for; of connect the peer */
};

struct remembered {
    struct refusal_key key;
    int64_t explained; /* CLOCK_MONOTONIC, ns; 0: never */
    uint64_t times;
    bool has_holder, has_process;
    enum cause cause;
    struct holder holder;
    struct process process;
    char cgroup[CGROUP_ROOM];
};

struct table {
    _Atomic bool busy;
    pid_t pid; /* of the process whose it is */
    uint32_t explanations;
    int64_t first, spent; /* ns */
    int64_t status_read;  /* CLOCK_REALTIME, ns: the one that costs no system call */
    uint32_t count, oldest;
    struct remembered entries[REMEMBERED];
    struct workspace work;
};

static _Atomic(struct table *) published;

/* The table if there is one that nobody has, or NULL. */
static struct table *take(void)
{
    struct table *table = atomic_load_explicit(&published, memory_order_acquire);
    bool is_free = table && !atomic_exchange_explicit(&table->busy, true, memory_order_acquire);
    return is_free ? table : NULL;
}

static void give_back(struct table *table)
{
    atomic_store_explicit(&table->busy, false, memory_order_release);
}

void repetition_give_back(void)
{
    give_back(atomic_load_explicit(&published, memory_order_acquire));
}

static void make(void)
{
    struct table *none = NULL, *table = raw_map(sizeof *table);
    if (table && !atomic_compare_exchange_strong(&published, &none, table))
        raw_unmap(table, sizeof *table);
}

/* What the parent was refused is not ours. */
static void adopt(struct table *table, pid_t pid)
{
    if (table->pid == pid)
        return;
    table->pid = pid;
    table->count = table->oldest = table->explanations = 0;
    table->spent = 0;
}

/* Who we are, read a moment ago or now; false under a seccomp filter. */
static bool know_ourselves(struct table *table)
{
    struct workspace *work = &table->work;
    int64_t now = raw_time_of_day();
    bool fresh =
        table->status_read && table->status_read <= now && now - table->status_read < STATUS_FRESH_NS;
    pid_t tid = fresh ? raw_tid() : 0;
    /* The same thread is of the same process; another one may be a child's. */
    if (fresh && (tid == work->record.tid || table->pid == raw_pid())) {
        work->record.tid = tid;
    } else {
        workspace_begin(work);
        table->status_read = now;
        adopt(table, work->status.pid);
    }
    return !work->status.filtered;
}

static bool is_same(const struct refusal_key *one, const struct refusal_key *other)
{
    return one->call == other->call && one->error == other->error && one->protocol == other->protocol &&
           one->address.family == other->address.family && one->address.port == other->address.port &&
           one->address.scope == other->address.scope &&
           memcmp(one->address.address, other->address.address, sizeof one->address.address) == 0;
}

/* The place of a refusal; the oldest one gives way. */
static struct remembered *place_of(struct table *table, const struct refusal_key *key)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (is_same(&table->entries[i].key, key))
            return &table->entries[i];
    uint32_t at = table->count < REMEMBERED ? table->count++ : table->oldest++ % REMEMBERED;
    table->entries[at] = (struct remembered){.key = *key};
    return &table->entries[at];
}

static bool may_explain(const struct table *table, int64_t now)
{
    return table->explanations < FREE_EXPLANATIONS || table->spent * SHARE <= now - table->first;
}

static void tell_call(struct workspace *work, const struct refusal_key *key)
{
    struct newcomer *newcomer = &work->newcomer;
    newcomer_ask(newcomer, (enum call)key->call, -1, key->error, &key->address, false);
    newcomer->protocol = key->protocol;
    work->record.newcomer = newcomer;
    work->record.event = refusal_event(newcomer);
    work->record.conflict = NULL;
}

static void tell_holder(struct workspace *work, const struct remembered *entry, int64_t now)
{
    struct conflict *conflict = &work->conflict;
    conflict->cause = entry->cause;
    conflict->source = SOURCE_EARLIER;
    conflict->complete = true;
    conflict->holder_count = entry->has_holder;
    conflict->holders[0] = entry->holder;
    conflict->holders[0].owners = conflict->holders[0].cgroup = 0;
    conflict->owners[0].count = entry->has_process;
    conflict->owners[0].processes[0] = entry->process;
    memcpy(conflict->owners[0].cgroup, entry->cgroup, sizeof entry->cgroup);
    work->record.conflict = conflict;
    work->record.age_ms = (now - entry->explained) / 1000000;
}

/* What tells one refusal from another; false where that is not known. */
static bool find_key(struct refusal_key *key, const struct repeated_call *call)
{
    const struct hooked_call *hooked = call->hooked;
    if (!endpoint_is_internet(&hooked->argument))
        return false;
    *key = (struct refusal_key){
        .call = (int)hooked->which,
        .error = call->error,
        .protocol = hooked->protocol ? hooked->protocol : raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL),
        .address = hooked->argument};
    return key->protocol >= 0;
}

static enum verdict judge(struct table *table, struct repeated_call *call)
{
    struct refusal_key key;
    if (!know_ourselves(table) || !find_key(&key, call))
        return EXPLAIN;
    int64_t now = raw_monotonic();
    struct remembered *entry = place_of(table, &key);
    bool fresh = entry->explained && now - entry->explained < FRESH_NS;
    call->before = entry->times++;
    bool always = call->hooked->shim->settings.diagnose == DIAGNOSE_ALWAYS;
    if (always || (!fresh && may_explain(table, now)))
        return EXPLAIN;
    call->work = &table->work;
    tell_call(call->work, &key);
    call->work->newcomer.fd = call->hooked->fd;
    call->work->record.rule = call->hooked->rule;
    call->work->record.repeated = call->before;
    call->work->record.bare = fresh ? BARE_NOT : BARE_BUSY;
    if (fresh)
        tell_holder(call->work, entry, now);
    return fresh ? REPEAT : BE_BRIEF;
}

enum verdict repetition_ask(struct repeated_call *call)
{
    struct table *table = take();
    enum verdict verdict = table ? judge(table, call) : EXPLAIN;
    if (table && verdict == EXPLAIN)
        give_back(table);
    return verdict;
}

static void keep(struct table *table, const struct repeated_call *call, const struct workspace *work)
{
    const struct conflict *conflict = &work->conflict;
    const struct owners *owners = &conflict->owners[conflict->holders[0].owners];
    struct refusal_key key;
    if (!find_key(&key, call))
        return;
    adopt(table, work->status.pid);
    struct remembered *entry = place_of(table, &key);
    int64_t now = raw_clock(CLOCK_MONOTONIC);
    if (table->explanations++ == 0)
        table->first = conflict->started;
    table->spent += now - conflict->started;
    entry->explained = now;
    entry->times += entry->times == 0;
    entry->cause = conflict->cause;
    entry->has_holder = conflict->holder_count > 0;
    entry->has_process = entry->has_holder && owners->count > 0;
    if (entry->has_holder)
        entry->holder = conflict->holders[0];
    if (entry->has_process) {
        entry->process = owners->processes[0];
        memcpy(entry->cgroup, owners->cgroup, sizeof entry->cgroup);
    }
}

void repetition_keep(const struct repeated_call *call, const struct workspace *work)
{
    if (work->status.filtered || work->record.conflict == NULL)
        return;
    if (atomic_load_explicit(&published, memory_order_acquire) == NULL)
        make();
    struct table *table = take();
    if (table == NULL)
        return;
    keep(table, call, work);
    give_back(table);
}
