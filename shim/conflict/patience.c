/* SPDX-License-Identifier: MIT
 *
 * What a refusal says about waiting. Contract in patience.h.
 */
#include "reuseshim/patience.h"

#include <errno.h>

enum { LAST_PAUSE_MS = 250, GRACE_MS = 5 };

/* As long as a process surely refuses us, to remove anything would be in vain, and the harm would be done to
 * that process's connections. */
bool patience_somebody_blocks(const struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks == YES && conflict->holders[i].inode)
            return true;
    return false;
}

/* How long to sleep, in milliseconds: until all have expired if all that block are TIME_WAIT; else a pause
 * that grows. PAUSE_IN_VAIN if one surely stays for longer than we may wait. A listener is never sure: it may
 * be stopping. */
int64_t patience_pause(const struct conflict *conflict, int64_t *pause_ms, int64_t left)
{
    int64_t longest = 0;
    bool all_expire = conflict && conflict->holder_count && conflict->holders_omitted == 0;
    for (uint32_t i = 0; conflict && i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (holder->blocks == NO)
            continue;
        bool expires = holder->state == STATE_TIME_WAIT && holder->timer_ms >= 0;
        all_expire &= expires;
        if (expires && holder->blocks == YES && holder->timer_ms > left)
            return PAUSE_IN_VAIN;
        if (expires && holder->timer_ms > longest)
            longest = holder->timer_ms;
    }
    if (all_expire && longest + GRACE_MS <= left)
        return longest + GRACE_MS;
    int64_t pause = *pause_ms < left ? *pause_ms : left;
    *pause_ms = *pause_ms * 2 < LAST_PAUSE_MS ? *pause_ms * 2 : LAST_PAUSE_MS;
    return pause;
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
bool patience_is_in_vain(const struct conflict *conflict, int error)
{
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
