/* SPDX-License-Identifier: MIT
 *
 * Which source is asked for the sockets, and what it can show. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

int conflict_collect(struct conflict *conflict, struct question *question, void *buffer)
{
    int result = conflict->source == SOURCE_PROC ? -EAFNOSUPPORT : sock_diag_ask(question, buffer);
    if (result == 0 || result == -ETIME)
        conflict->source = SOURCE_SOCK_DIAG;
    if (result < 0 && conflict->source != SOURCE_SOCK_DIAG && conflict->holder_count == 0) {
        result = proc_net_ask(question, buffer);
        if (result == 0 || result == -ETIME)
            conflict->source = SOURCE_PROC;
    }
    return result;
}

/* Bound-only TCP sockets are in dumps since 6.8; before, one of them may always be the unseen blocker. */
static bool kernel_shows_bound(void)
{
    struct utsname name;
    uint64_t major, minor;
    if (syscall(SYS_uname, &name) != 0)
        return false;
    size_t first = strspn(name.release, "0123456789");
    if (name.release[first] != '.' || !text_to_number(name.release, first, 1000, &major))
        return false;
    const char *second = name.release + first + 1;
    if (!text_to_number(second, strspn(second, "0123456789"), 1000, &minor))
        return false;
    return major > 6 || (major == 6 && minor >= 8);
}

bool conflict_shows_bound(const struct conflict *conflict)
{
    return conflict->source == SOURCE_SOCK_DIAG && kernel_shows_bound();
}

/* The socket may have been made in another network namespace than this thread is in now (setns(2)), and only
 * this one's sockets can be listed. Linux 5.14 tells them apart. */
bool conflict_is_elsewhere(const struct newcomer *newcomer)
{
    uint64_t theirs, ours;
    socklen_t length = sizeof theirs;
    if (raw_getsockopt(newcomer->fd, SOL_SOCKET, SO_NETNS_COOKIE, &theirs, &length) < 0)
        return false;
    int fd = raw_socket(newcomer->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    length = sizeof ours;
    bool known = raw_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &ours, &length) == 0;
    raw_close(fd);
    return known && theirs != ours;
}
