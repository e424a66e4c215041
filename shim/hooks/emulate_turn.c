/* SPDX-License-Identifier: MIT
 *
 * One emulated call at a time: while options are raised for a moment, nobody else may read them, and two
 * instances that start at once must see one another. The lock is flock(2) on the file of the network
 * namespace, whose ports they are: it ends with whoever has it, and is taken off by hand, since a child that
 * another thread has forked meanwhile has it, too. Contract in emulate.h.
 */
#include "emulate.h"

#include "reuseshim/deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int emulation_turn(unsigned budget_ms)
{
    struct raw_mask all;
    int64_t deadline = deadline_in(budget_ms);
    int fd = raw_open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0);
    memset(&all, 0xff, sizeof all);
    while (fd >= 0 && raw_lock(fd) == -EWOULDBLOCK && !deadline_has_passed(deadline))
        (void)raw_sleep(1, &all);
    return fd;
}

void emulation_turn_ends(int turn)
{
    if (turn < 0)
        return;
    raw_unlock(turn);
    raw_close(turn);
}
