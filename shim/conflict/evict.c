/* SPDX-License-Identifier: MIT
 *
 * Removes what stands in the way and belongs to nobody. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"

#include <errno.h>
#include <netinet/in.h>

struct eviction {
    const struct newcomer *newcomer;
    uint64_t removed;
    int trouble;
};

/* Never a socket that a process holds, nor one that a listener is about to hand out: of those without an
 * inode, only what its own side has closed. */
static bool is_nobodys(const struct holder *holder)
{
    const uint32_t closing = 1U << STATE_TIME_WAIT | 1U << STATE_FIN_WAIT1 | 1U << STATE_FIN_WAIT2 |
                             1U << STATE_LAST_ACK | 1U << STATE_CLOSING;
    return holder->inode == 0 && holder->state < STATE_COUNT && closing & 1U << holder->state;
}

static void remove_it(void *context, const struct holder *holder)
{
    struct eviction *eviction = context;
    if (!is_nobodys(holder) || rules_blocks(eviction->newcomer, holder) == NO)
        return;
    int result = sock_diag_destroy(holder);
    if (result == 0)
        eviction->removed++;
    else if (result != -ENOENT)
        eviction->trouble = result;
}

int conflict_evict(const struct newcomer *newcomer, uint64_t *removed, int64_t deadline, void *buffer)
{
    struct eviction eviction = {.newcomer = newcomer};
    struct question question = {.protocol = IPPROTO_TCP,
                                .ports = {newcomer->local.port, newcomer->local.port},
                                .states = 1U << STATE_TIME_WAIT | 1U << STATE_FIN_WAIT1 |
                                          1U << STATE_FIN_WAIT2 | 1U << STATE_LAST_ACK | 1U << STATE_CLOSING,
                                .deadline = deadline,
                                .found = remove_it,
                                .context = &eviction};
    if (newcomer->family == AF_UNIX) { /* the stale file */
        int result = unix_evict(newcomer, deadline, buffer);
        *removed += result > 0;
        return result < 0 ? result : 0;
    }
    if (!protocol_is_tcp(newcomer->protocol) || newcomer->local.port == 0)
        return 0;
    int result = sock_diag_ask(&question, buffer);
    *removed += eviction.removed;
    return eviction.trouble ? eviction.trouble : result;
}
