/* SPDX-License-Identifier: MIT
 *
 * A second look at the holder on which the cause hangs. Contract in steps.h.
 */
#include "reuseshim/protocol.h"
#include "steps.h"

/* ---- a connection: did anybody ask for that port? --------------------------------------------- */

static bool is_same_socket(const struct holder *one, const struct holder *other)
{
    return one->inode == other->inode && one->state == other->state &&
           one->local.family == other->local.family && endpoint_same_address(&one->local, &other->local) &&
           one->remote.port == other->remote.port;
}

static void mark_automatic(void *context, const struct holder *found)
{
    struct conflict *conflict = context;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (is_same_socket(&conflict->holders[i], found))
            conflict->holders[i].automatic = YES;
}

/* The kernel selects those that no bind() gave a number; who is not among them was given one. */
static void ask_automatic(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct question question = question_about(newcomer, conflict->deadline);
    question.states = 1U << conflict->holders[0].state;
    question.automatic_only = true;
    question.found = mark_automatic;
    question.context = conflict;
    if (sock_diag_ask(&question, scratch) == 0 && conflict->holders[0].automatic == UNKNOWN)
        conflict->holders[0].automatic = NO;
}

/* ---- a listener: does anybody serve it? ------------------------------------------------------- */

static bool is_owner(const struct owners *owners, pid_t pid)
{
    for (uint32_t i = 0; i < owners->count; i++)
        if (owners->processes[i].pid == pid)
            return true;
    return false;
}

/* An earlier instance of this program started it, and goes on without the socket. */
static bool was_started_by_instance(const struct process *process, const struct self *self,
                                    char room[ARGUMENTS_ROOM], struct process *parent)
{
    if (process->parent <= 1)
        return false;
    process_describe(parent, process->parent, self, room);
    return parent->relation == RELATION_SAME_PROGRAM || parent->relation == RELATION_SELF;
}

/* Left behind: whoever started it is gone, or is us, or has closed the socket. It got the socket by fork and
 * waits for something unrelated; or across an exec of a program other than ours, and waits for other things
 * only: that alone is no proof, since a server that is busy elsewhere does so, too. */
static bool was_left_to(struct conflict *conflict, struct owners *owners, const struct process *process,
                        const struct self *self, struct scratch *scratch)
{
    bool came_with_exec =
        process->relation != RELATION_SAME_PROGRAM && process_closes_on_exec(process->pid, process->fd) == NO;
    if (process->relation == RELATION_SELF || process->relation == RELATION_ANCESTOR ||
        (!process->never_executed && !came_with_exec))
        return false;
    bool is_idle = process_is_idle(process->pid, conflict->deadline, scratch) == YES;
    if (!is_idle && !(came_with_exec && !process_may_stall(process, self) &&
                      process_serves(process->pid, process->fd, conflict->deadline, scratch) == NO))
        return false;
    /* keepers_find fills in the parents of the first holders only: the last one's place is free. */
    return process->relation == RELATION_DESCENDANT || is_owner(owners, process->parent) ||
           (is_idle && process_is_orphan(process)) ||
           was_started_by_instance(process, self, conflict->room, &conflict->owners[HOLDERS_MAX - 1].parent);
}

static bool is_inherited(struct conflict *conflict, const struct self *self, struct scratch *scratch)
{
    struct owners *owners = &conflict->owners[conflict->holders[0].owners];
    if (owners->count == 0 || owners->count > PROCESSES_MAX)
        return false;
    for (uint32_t i = 0; i < owners->count; i++)
        if (!was_left_to(conflict, owners, &owners->processes[i], self, scratch))
            return false;
    return true;
}

/* The process that made the socket may still hold it; then nothing was inherited. */
static bool everybody_is_known(struct conflict *conflict, struct owner_search *owners, uint32_t uid)
{
    /* From inside a PID namespace nobody can be sure, so no look at everybody is worth its time. */
    if (!conflict->all_processes && search_sees_the_machine())
        conflict->all_processes = search_everybody(&owners->search, uid);
    return conflict->all_processes;
}

static void ask_inherited(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct owner_search owners;
    owners_begin(&owners, conflict, newcomer, scratch);
    owners_know_self(&owners);
    if (conflict->complete && conflict->holders[0].owner == OWNER_KNOWN &&
        is_inherited(conflict, &owners.self, scratch))
        conflict->holders[0].inherited = everybody_is_known(conflict, &owners, newcomer->uid) &&
                                         is_inherited(conflict, &owners.self, scratch);
}

/* ---- a leftover: of a connection that came in, or of one that went out? ------------------------- */

static bool is_inside(uint16_t port, const struct port_range *range)
{
    return range->first <= port && port <= range->last;
}

/* The side whose port was chosen by itself is the one that connected. Where both ports may have been, or
 * neither, nothing tells; but a peer's port below 1024 is a server's. */
static tristate by_ports(const struct holder *holder, const struct port_range *range)
{
    enum { WELL_KNOWN = 1024 };
    bool local = is_inside(holder->local.port, range), remote = is_inside(holder->remote.port, range);
    if (holder->remote.port < WELL_KNOWN && holder->local.port >= WELL_KNOWN)
        return YES;
    return local == remote ? UNKNOWN : local ? YES : NO;
}

static void ask_outgoing(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct port_range *range = &conflict->automatic_range;
    /* What an accepted connection never has is a port that was asked for by number; a TIME_WAIT has
     * forgotten. */
    if (!rules_is_time_wait(&conflict->holders[0]) && conflict->source == SOURCE_SOCK_DIAG)
        ask_automatic(conflict, newcomer, scratch);
    if (!automatic_range(range))
        return;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        struct holder *holder = &conflict->holders[i];
        if (holder->outgoing != UNKNOWN || holder->inode)
            continue;
        bool mini = rules_is_time_wait(holder);
        holder->outgoing = !mini && holder->automatic == NO ? YES : by_ports(holder, range);
    }
}

void evidence_find(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    const struct holder *first = &conflict->holders[0];
    /* Where bound sockets do not show, the only one that does need not be the blocker, and may yet give the
     * cause. */
    bool likely = conflict->holder_count == 1 && first->blocks == UNKNOWN && !conflict->shows_bound;
    if (conflict->holder_count == 0 || (first->blocks != YES && !likely) || newcomer->call == CALL_CONNECT)
        return;
    enum cause cause = cause_of_holder(newcomer, first);
    if (cause == CAUSE_TIME_WAIT || cause == CAUSE_ORPHAN)
        ask_outgoing(conflict, newcomer, scratch);
    else if (cause == CAUSE_LISTENER)
        ask_inherited(conflict, newcomer, scratch);
    else if (cause == CAUSE_CONNECTED && conflict->source == SOURCE_SOCK_DIAG &&
             (first->outgoing == YES || !protocol_is_tcp(newcomer->protocol)))
        ask_automatic(conflict, newcomer, scratch);
}
