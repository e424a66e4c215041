/* SPDX-License-Identifier: MIT
 *
 * Removes what stands in the way and belongs to nobody. Contract in conflict.h.
 */
#include "reuseshim/protocol.h"
#include "reuseshim/raw.h"
#include "steps.h"

#include <errno.h>

/* Of the sockets without an inode, only what its own side has closed: never a connection that a listener is
 * about to hand out. */
enum {
    CLOSING_STATES = 1U << STATE_TIME_WAIT | 1U << STATE_FIN_WAIT1 | 1U << STATE_FIN_WAIT2 |
                     1U << STATE_LAST_ACK | 1U << STATE_CLOSING
};

/* The dump is still on its way through one scratch memory while its sockets are removed through another. */
struct eviction {
    const struct newcomer *newcomer;
    uint64_t removed;
    int trouble;
    int64_t deadline;
    struct scratch *answers;
};

static void remove_it(void *context, const struct holder *holder)
{
    struct eviction *eviction = context;
    if (holder->inode || holder->state >= STATE_COUNT || !(CLOSING_STATES & 1U << holder->state) ||
        rules_blocks(eviction->newcomer, holder) == NO)
        return;
    int result = sock_diag_destroy(holder, eviction->deadline, eviction->answers);
    if (result == 0)
        eviction->removed++;
    else if (result != -ENOENT)
        eviction->trouble = result;
}

static int evict_port(const struct newcomer *newcomer, uint64_t *removed, int64_t deadline,
                      struct scratch *scratch)
{
    struct eviction eviction = {
        .newcomer = newcomer, .deadline = deadline, .answers = raw_map(sizeof(struct scratch))};
    struct question question = question_about(newcomer, deadline);
    if (eviction.answers == NULL)
        return -ENOMEM;
    question.states = CLOSING_STATES;
    question.found = remove_it;
    question.context = &eviction;
    int result = sock_diag_ask(&question, scratch);
    raw_unmap(eviction.answers, sizeof *eviction.answers);
    *removed += eviction.removed;
    return eviction.trouble ? eviction.trouble : result;
}

int conflict_evict(const struct newcomer *newcomer, uint64_t *removed, int64_t deadline,
                   struct scratch *scratch)
{
    if (newcomer->family == AF_UNIX) {
        int result = unix_evict(newcomer, deadline, scratch);
        *removed += result > 0;
        return result < 0 ? result : 0;
    }
    if (!protocol_is_tcp(newcomer->protocol) || newcomer->local.port == 0)
        return 0;
    return evict_port(newcomer, removed, deadline, scratch);
}
