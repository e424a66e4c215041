/* SPDX-License-Identifier: MIT
 *
 * A second look at the holder on which the cause hangs. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"

#include <netinet/in.h>
#include <string.h>

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
static void ask_automatic(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    struct question question = {.protocol = protocol_shown(newcomer->protocol),
                                .ports = {newcomer->local.port, newcomer->local.port},
                                .states = 1U << conflict->holders[0].state,
                                .automatic_only = true,
                                .deadline = conflict->deadline,
                                .found = mark_automatic,
                                .context = conflict};
    if (sock_diag_ask(&question, buffer) == 0 && conflict->holders[0].automatic == UNKNOWN)
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

/* Its starter is gone (or is us), it waits for something else, and the socket came with it: by a fork, or by
 * an exec that is of another program than the one that now wants the port. */
static bool was_left_to(const struct owners *owners, const struct process *process, int64_t deadline,
                        char *buffer)
{
    if (process->relation == RELATION_SELF || process->relation == RELATION_ANCESTOR ||
        process_is_idle(process->pid, deadline, buffer) != YES)
        return false;
    bool left = process->relation == RELATION_DESCENDANT || is_owner(owners, process->parent) ||
                process_is_orphan(process);
    bool came_with_exec =
        process->relation != RELATION_SAME_PROGRAM && process_closes_on_exec(process->pid, process->fd) == NO;
    return left && (process->never_executed || came_with_exec);
}

static tristate is_inherited(const struct owners *owners, int64_t deadline, char *buffer)
{
    if (owners->count == 0 || owners->count > PROCESSES_MAX)
        return UNKNOWN;
    for (uint32_t i = 0; i < owners->count; i++)
        if (!was_left_to(owners, &owners->processes[i], deadline, buffer))
            return NO;
    return YES;
}

struct second_look {
    struct conflict *conflict;
    const struct newcomer *newcomer;
    struct self self;
};

static void note(void *context, pid_t pid, int fd, uint64_t inode)
{
    struct second_look *look = context;
    owners_note(look->conflict, look->newcomer, &look->self, pid, fd, inode);
}

/* Its maker may be alive and hold it as well: then nobody was left with anything. */
static bool everybody_is_known(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    struct second_look look = {.conflict = conflict, .newcomer = newcomer};
    struct search search = {
        .found = note, .context = &look, .deadline = conflict->deadline, .buffer = buffer};
    if (!conflict->all_processes) {
        process_self(&look.self);
        conflict->all_processes = search_everybody(&search, newcomer->uid);
    }
    return conflict->all_processes;
}

void evidence_find(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    struct holder *first = &conflict->holders[0];
    if (conflict->holder_count == 0 || first->blocks != YES || newcomer->call == CALL_CONNECT)
        return;
    switch (cause_of_holder(newcomer, first)) {
    case CAUSE_LISTENER:
        if (conflict->complete &&
            is_inherited(&conflict->owners[first->owners], conflict->deadline, buffer) == YES)
            first->inherited =
                everybody_is_known(conflict, newcomer, buffer) &&
                is_inherited(&conflict->owners[first->owners], conflict->deadline, buffer) == YES;
        break;
    case CAUSE_CONNECTED:
        if (conflict->source == SOURCE_SOCK_DIAG &&
            (first->outgoing == YES || newcomer->protocol != IPPROTO_TCP))
            ask_automatic(conflict, newcomer, buffer);
        break;
    default:
        break;
    }
}
