/* SPDX-License-Identifier: MIT
 *
 * Work that may wait for ever, done by a child. Contract in child.h.
 */
#include "reuseshim/child.h"

#include "reuseshim/raw.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(...) checked(syscall(__VA_ARGS__))

/* The same on every architecture (include/uapi/asm-generic/unistd.h), and newer than many headers. */
enum { PIDFD_SEND_SIGNAL = 424, CLONE3 = 435, CLOSE_RANGE = 436 };
enum { RUNS = 1 };

static long checked(long result)
{
    return result == -1 ? -(long)errno : result;
}

static _Noreturn void leave(int result)
{
    for (;;)
        (void)CALL(SYS_exit_group, -result & 0xff);
}

/* 0 in the child; in the parent its pid, and in *process a descriptor for it; or -errno. */
static pid_t begin(int *process)
{
    enum { UNTRACED = 0x00800000, PIDFD = 0x1000 };
    /* exit_signal 0: wait(2) looks only for children that end with SIGCHLD. */
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = UNTRACED | PIDFD, .pidfd = (uint64_t)(uintptr_t)process};
    return (pid_t)CALL(CLONE3, &arguments, sizeof arguments);
}

static _Noreturn void live(int (*work)(void *), void *context)
{
    (void)CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int closed = (int)CALL(CLOSE_RANGE, 0, ~0U, 0);
    leave(closed < 0 ? closed : work(context));
}

/* False, and killed, if it has not ended by then. */
static bool has_ended(int process, int milliseconds)
{
    struct pollfd wait = {.fd = process, .events = POLLIN};
#ifdef SYS_poll
    bool ended = CALL(SYS_poll, &wait, 1, milliseconds) > 0;
#else
    long limit[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    bool ended = CALL(SYS_ppoll, &wait, 1, limit, NULL, 0) > 0;
#endif
    if (!ended)
        (void)CALL(PIDFD_SEND_SIGNAL, process, SIGKILL, NULL, 0);
    return ended;
}

/* What it ended with; RUNS if it has not, -ECHILD if it is not ours. */
static int result_of(pid_t child)
{
    enum { NOHANG = 1, ALL = 0x40000000, BY_SIGNAL = 0x7f };
    int status = 0;
    long ended = CALL(SYS_wait4, child, &status, NOHANG | ALL, NULL);
    if (ended == 0)
        return RUNS;
    return ended < 0 ? (int)ended : status & BY_SIGNAL ? -ETIMEDOUT : -(status >> 8 & 0xff);
}

static bool is_taken(struct child_slot *slot)
{
    pid_t child = atomic_load(&slot->unfinished);
    if (child == 0 || result_of(child) == RUNS)
        return child != 0;
    (void)atomic_compare_exchange_strong(&slot->unfinished, &child, 0);
    return false;
}

int child_run(struct child_slot *slot, int (*work)(void *context), void *context, int milliseconds)
{
    int process;
    if (is_taken(slot))
        return -ETIMEDOUT;
    pid_t child = begin(&process);
    if (child == 0)
        live(work, context);
    if (child < 0)
        return child;
    bool ended = has_ended(process, milliseconds);
    raw_close(process);
    int result = result_of(child);
    if (result == RUNS)
        atomic_store(&slot->unfinished, child);
    return ended && result != RUNS ? result : -ETIMEDOUT;
}
