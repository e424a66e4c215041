/* SPDX-License-Identifier: MIT
 *
 * Which source is asked for the sockets, and what it can show. Contract in sockets.h.
 */
#include "reuseshim/sockets.h"

#include "reuseshim/kernel.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <errno.h>

struct holder holder_unknown(void)
{
    return (struct holder){.timer_ms = -1,
                           .v6only = UNKNOWN,
                           .reuseaddr = UNKNOWN,
                           .reuseport = UNKNOWN,
                           .outgoing = UNKNOWN,
                           .automatic = UNKNOWN,
                           .connect_placed = UNKNOWN,
                           .inherited = UNKNOWN,
                           .blocks = UNKNOWN};
}

struct question question_about(const struct newcomer *newcomer, int64_t deadline)
{
    return (struct question){.protocol = newcomer->protocol,
                             .ports = {newcomer->local.port, newcomer->local.port},
                             .states = ALL_STATES,
                             .deadline = deadline};
}

/* Did sock_diag show anything before it failed? Then /proc/net would show it again. */
struct first_source {
    const struct question *question;
    bool found;
};

static void pass_on(void *context, const struct holder *holder)
{
    struct first_source *first = context;
    first->found = true;
    first->question->found(first->question->context, holder);
}

int sockets_ask(const struct question *question, enum source *source, struct scratch *scratch)
{
    struct first_source first = {.question = question};
    struct question asked = *question;
    int result = -EAFNOSUPPORT;
    asked.found = pass_on;
    asked.context = &first;
    if (*source != SOURCE_PROC)
        result = sock_diag_ask(&asked, scratch);
    if (result == 0 || result == -ETIME)
        *source = SOURCE_SOCK_DIAG;
    if (*source == SOURCE_SOCK_DIAG || first.found)
        return result;
    result = proc_net_ask(question, scratch);
    if (result == 0 || result == -ETIME)
        *source = SOURCE_PROC;
    return result;
}

/* Bound-only TCP sockets are in dumps since 6.8; before, one of them may always be the unseen blocker. */
bool sockets_show_bound(enum source source)
{
    return source == SOURCE_SOCK_DIAG && kernel_version() >= KERNEL(6, 8);
}

bool sockets_are_elsewhere(const struct newcomer *newcomer)
{
    uint64_t theirs, ours;
    socklen_t length = sizeof theirs;
    if (raw_getsockopt(newcomer->asked, SOL_SOCKET, SO_NETNS_COOKIE, &theirs, &length) < 0)
        return false;
    int fd = raw_socket(newcomer->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    length = sizeof ours;
    bool known = raw_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &ours, &length) == 0;
    raw_close(fd);
    return known && theirs != ours;
}
