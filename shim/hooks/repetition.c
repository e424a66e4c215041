/* SPDX-License-Identifier: MIT
 *
 * What a process has been refused already. Contract in repetition.h.
 */
#include "repetition.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { REMEMBERED = 64 };
#define FRESH_NS 10000000000 /* as long as an answer is told again */

/* One refusal is the same as another if these are. */
struct refusal_key {
    int call, error, protocol;
    struct endpoint address; /* asked for; of connect the peer */
    struct endpoint local;   /* of connect */
    struct unix_path path;
};

struct remembered {
    struct refusal_key key;
    int64_t explained; /* CLOCK_MONOTONIC, ns; 0: never */
    uint64_t times;
    bool has_holder, has_process, is_other; /* the last: event "refused" */
    enum cause cause;
    struct holder holder;
    struct process process;
    char cgroup[CGROUP_ROOM];
};

/* The kernel empties it in a child of fork(2). */
struct table {
    _Atomic bool busy;
    /* These count without the lock. */
    _Atomic uint32_t explanations;
    _Atomic unsigned long first, spent; /* microseconds; no wider than every processor can without a lock */
    pid_t pid;
    uintptr_t frame;  /* of the thread that was here last, */
    int64_t left;     /* and when; CLOCK_MONOTONIC, ns */
    int64_t quickest; /* that it was read who that is: how long it took; 0: never read */
    uint32_t count, oldest;
    struct remembered entries[REMEMBERED];
    struct workspace work;
};

static _Atomic(struct table *) published;

/* ---- the table ---------------------------------------------------------------------------------- */

static struct table *table_there(void)
{
    return atomic_load_explicit(&published, memory_order_acquire);
}

static bool take(struct table *table)
{
    return table && !atomic_exchange_explicit(&table->busy, true, memory_order_acquire);
}

static void give_back(struct table *table)
{
    table->left = raw_monotonic();
    atomic_store_explicit(&table->busy, false, memory_order_release);
}

void repetition_give_back(void)
{
    give_back(table_there());
}

static void make(void)
{
    struct table *none = NULL, *table = raw_map_forgotten_by_children(sizeof *table);
    if (table && !atomic_compare_exchange_strong(&published, &none, table))
        raw_unmap(table, sizeof *table);
}

/* What is remembered is this process's: not so after vfork(2), which shares memory. */
static void belong_to(struct table *table, pid_t pid)
{
    if (table->pid != pid)
        table->count = table->oldest = 0;
    table->pid = pid;
}

/* Has this thread been here a moment ago, so short that it cannot have installed a seccomp filter meanwhile?
 * To install one takes longer than to read a status (tests/programs/moment.c). The rest can be asked then. */
static bool is_unchanged(const struct table *table, uintptr_t frame)
{
    return table->frame == frame && raw_monotonic() - table->left < table->quickest &&
           !table->work.status.filtered && raw_pid() == table->pid && raw_tid() == table->work.record.tid &&
           raw_uid() == table->work.record.uid;
}

/* Who we are: known, or read. False under a seccomp filter, which may kill for any question: before this has
 * answered, none is asked. */
static bool know_ourselves(struct table *table, uintptr_t frame)
{
    struct workspace *work = &table->work;
    if (is_unchanged(table, frame))
        return true;
    int64_t begun = raw_monotonic();
    workspace_identify(work);
    int64_t took = raw_monotonic() - begun;
    if (table->quickest == 0 || took < table->quickest)
        table->quickest = took;
    table->frame = frame;
    bool is_named = table->pid == work->status.pid && work->record.program;
    belong_to(table, work->status.pid);
    if (!is_named)
        workspace_begin(work);
    return !work->status.filtered;
}

static bool is_same_place(const struct endpoint *one, const struct endpoint *other)
{
    return one->family == other->family && one->port == other->port && one->scope == other->scope &&
           memcmp(one->address, other->address, sizeof one->address) == 0;
}

static bool is_same(const struct refusal_key *one, const struct refusal_key *other)
{
    return one->call == other->call && one->error == other->error && one->protocol == other->protocol &&
           is_same_place(&one->address, &other->address) && is_same_place(&one->local, &other->local) &&
           one->path.length == other->path.length &&
           memcmp(one->path.bytes, other->path.bytes, one->path.length) == 0;
}

/* The place of a refusal; the oldest one gives way. */
static struct remembered *place_of(struct table *table, const struct refusal_key *key)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (is_same(&table->entries[i].key, key))
            return &table->entries[i];
    uint32_t at = table->count < REMEMBERED ? table->count++ : table->oldest++ % REMEMBERED;
    memset(&table->entries[at], 0, offsetof(struct remembered, holder));
    table->entries[at].key = *key;
    return &table->entries[at];
}

static void read_local(int fd, struct endpoint *local)
{
    union any_sockaddr name;
    socklen_t length = sizeof name;
    if (raw_getsockname(fd, &name, &length) < 0 || !endpoint_from_sockaddr(local, &name, length))
        local->family = AF_UNSPEC;
}

/* What tells one refusal from another; false where that is not known. */
static bool find_key(struct refusal_key *key, const struct repeated_call *call)
{
    const struct hooked_call *hooked = call->hooked;
    memset(key, 0, sizeof *key);
    key->call = (int)hooked->which;
    key->error = call->error;
    key->address = hooked->argument;
    if (hooked->argument.family == AF_UNIX && hooked->address)
        key->path = unix_path_from_sockaddr(hooked->address, hooked->length);
    if (hooked->which == CALL_LISTEN)
        read_local(hooked->fd, &key->address);
    if (hooked->which == CALL_CONNECT)
        read_local(hooked->fd, &key->local);
    key->protocol = hooked->protocol ? hooked->protocol : raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL);
    return key->protocol >= 0 && (endpoint_is_internet(&key->address) || key->path.length);
}

/* ---- what is told -------------------------------------------------------------------------------- */

/* Where it is a short number it begins anew after an hour: then so does the account. */
static unsigned long microseconds(int64_t nanoseconds)
{
    return (unsigned long)(nanoseconds / 1000);
}

static bool may_explain(const struct table *table)
{
    unsigned long spent = atomic_load_explicit(&table->spent, memory_order_relaxed);
    unsigned long first = atomic_load_explicit(&table->first, memory_order_relaxed);
    return atomic_load_explicit(&table->explanations, memory_order_relaxed) < FREE_EXPLANATIONS ||
           spent <= (microseconds(raw_monotonic()) - first) / EXPLANATIONS_SHARE;
}

static void tell_call(struct repeated_call *call, const struct refusal_key *key)
{
    struct workspace *work = call->work;
    struct newcomer *newcomer = &work->newcomer;
    newcomer_ask(newcomer, (enum call)key->call, call->hooked->fd, key->error, &key->address, false);
    newcomer->protocol = key->protocol;
    newcomer->path = key->path;
    if (key->call == CALL_CONNECT)
        newcomer->local = key->local;
    work->record.newcomer = newcomer;
    work->record.event = refusal_event(newcomer);
    work->record.conflict = NULL;
    work->record.rule = call->hooked->rule;
    work->record.repeated = call->before;
    work->record.bare = BARE_BUSY;
}

static void tell_holder(struct workspace *work, const struct remembered *entry)
{
    struct conflict *conflict = &work->conflict;
    conflict->cause = entry->cause;
    conflict->source = SOURCE_EARLIER;
    conflict->complete = true; /* others are not kept */
    conflict->holder_count = entry->has_holder;
    conflict->holders[0] = entry->holder;
    conflict->holders[0].owners = conflict->holders[0].cgroup = 0;
    conflict->owners[0].count = entry->has_process;
    if (entry->has_process)
        conflict->owners[0].processes[0] = entry->process;
    memcpy(conflict->owners[0].cgroup, entry->cgroup, sizeof entry->cgroup);
    work->record.event = entry->is_other ? EVENT_REFUSED : work->record.event;
    work->record.bare = BARE_NOT;
    work->record.conflict = conflict;
    work->record.age_ms = (raw_monotonic() - entry->explained) / 1000000;
}

/* Errors that are mostly about something else, and then get no record: only a look tells. It costs little. */
static bool wants_a_look(const struct repeated_call *call)
{
    bool connects = call->hooked->which == CALL_CONNECT;
    if (call->error == EADDRINUSE || call->error == EAGAIN)
        return false;
    return !connects || conflict_peer_is_unreachable(&call->hooked->argument, NULL);
}

static enum verdict judge(struct table *table, struct repeated_call *call, uintptr_t frame)
{
    struct refusal_key key;
    bool always = call->hooked->shim->settings.diagnose == DIAGNOSE_ALWAYS;
    if (!(know_ourselves(table, frame) || always) || !find_key(&key, call))
        return EXPLAIN;
    struct remembered *entry = place_of(table, &key);
    bool fresh = entry->explained && raw_monotonic() - entry->explained < FRESH_NS;
    call->before = entry->times++;
    if (!fresh && (always || may_explain(table) || wants_a_look(call)))
        return EXPLAIN;
    call->work = &table->work;
    tell_call(call, &key);
    if (fresh)
        tell_holder(call->work, entry);
    return fresh ? REPEAT : BE_BRIEF;
}

enum verdict repetition_ask(struct repeated_call *call)
{
    struct table *table = table_there();
    call->contended = table != NULL && !take(table);
    if (table == NULL || call->contended)
        return EXPLAIN;
    enum verdict verdict = judge(table, call, (uintptr_t)__builtin_frame_address(0));
    if (verdict == EXPLAIN)
        give_back(table);
    return verdict;
}

/* ---- what is kept -------------------------------------------------------------------------------- */

static void count(struct table *table, const struct conflict *conflict)
{
    unsigned long none = 0;
    atomic_compare_exchange_strong(&table->first, &none, microseconds(conflict->started));
    atomic_fetch_add_explicit(&table->spent, microseconds(raw_monotonic() - conflict->started),
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&table->explanations, 1, memory_order_relaxed);
}

static void keep(struct table *table, const struct repeated_call *call, const struct workspace *work)
{
    const struct conflict *conflict = &work->conflict;
    struct refusal_key key;
    if (!find_key(&key, call))
        return;
    belong_to(table, work->status.pid);
    struct remembered *entry = place_of(table, &key);
    entry->times += entry->times == 0;
    if (!conflict->complete || work->record.bare != BARE_NOT)
        return; /* a better answer may be had the next time */
    entry->explained = raw_monotonic();
    entry->cause = conflict->cause;
    entry->is_other = work->record.event == EVENT_REFUSED;
    entry->has_holder = conflict->holder_count > 0;
    entry->has_process = entry->has_holder && conflict->owners[conflict->holders[0].owners].count > 0;
    entry->cgroup[0] = '\0';
    if (entry->has_holder)
        entry->holder = conflict->holders[0];
    if (entry->has_process) {
        const struct owners *owners = &conflict->owners[conflict->holders[0].owners];
        entry->process = owners->processes[0];
        memcpy(entry->cgroup, owners->cgroup, sizeof entry->cgroup);
    }
}

void repetition_keep(const struct repeated_call *call, const struct workspace *work)
{
    bool may_ask = !work->status.filtered || call->hooked->shim->settings.diagnose == DIAGNOSE_ALWAYS;
    if (!may_ask || work->record.conflict == NULL)
        return;
    if (table_there() == NULL)
        make();
    struct table *table = table_there();
    if (table)
        count(table, &work->conflict);
    if (!take(table))
        return;
    keep(table, call, work);
    table->left = 0; /* the next one reads who it is */
    atomic_store_explicit(&table->busy, false, memory_order_release);
}

bool repetition_allows(void)
{
    const struct table *table = table_there();
    return table == NULL || may_explain(table);
}
