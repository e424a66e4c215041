/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. Without anybody at the listener a program under the filter is told ENOSYS for ever. So
 * one process does nothing but hold it, too, and starts a supervisor anew that has died; what that one had
 * taken and not answered cannot be taken again, and is let go.
 */
#include "trap.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void trap_let_all_go(const struct trap *trap)
{
    for (int i = 0; i < IN_HAND_MAX; i++) {
        uint64_t id = atomic_exchange(&trap->in_hand[i], 0);
        if (id)
            (void)listener_continue(trap->listener, id);
    }
}

/* How the supervisor ended: true if nobody is left under the filter. */
static bool supervise_once(struct trap *trap)
{
    int status = 0;
    pid_t supervisor = fork();
    if (supervisor == 0)
        trap_supervise(trap);
    pid_t ended = -1;
    while (supervisor > 0 && (ended = waitpid(supervisor, &status, 0)) < 0 && errno == EINTR)
        continue;
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static _Noreturn void let_everything_pass(const struct trap *trap)
{
    struct seccomp_notif notification;
    while (receiver_next(trap, &notification, -1))
        trap_let_all_go(trap);
    _exit(0);
}

/* Supervisors that die and die have met a filter that kills, or no memory: the program is better off with
 * none. */
_Noreturn void trap_mind(struct trap *trap)
{
    enum { PAUSE_US = 1000, SUPERVISORS_MAX = 100 };
    static const int64_t short_life = 1000000000;
    for (int died = 0; died < SUPERVISORS_MAX;) {
        int64_t born = raw_clock(CLOCK_MONOTONIC);
        if (supervise_once(trap))
            _exit(0);
        died = raw_clock(CLOCK_MONOTONIC) - born < short_life ? died + 1 : 0;
        trap_let_all_go(trap);
        usleep(PAUSE_US); /* not as fast as the machine can, if it dies at once each time */
    }
    let_everything_pass(trap);
}

bool trap_share_memory(struct trap *trap)
{
    trap->in_hand = mmap(NULL, (IN_HAND_MAX + 1) * sizeof *trap->in_hand, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    trap->stopped = trap->in_hand + IN_HAND_MAX;
    return trap->in_hand != MAP_FAILED;
}

void trap_take_in_hand(const struct trap *trap, uint64_t id)
{
    for (int i = 0; i < IN_HAND_MAX; i++) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(&trap->in_hand[i], &none, id))
            return;
    }
}

void trap_let_go(const struct trap *trap, uint64_t id)
{
    for (int i = 0; i < IN_HAND_MAX; i++) {
        uint64_t this = id;
        if (atomic_compare_exchange_strong(&trap->in_hand[i], &this, 0))
            return;
    }
}
