/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. A call that waits is beyond the reach of signals only once somebody has received it
 * (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV); before, a signal ends it with EINTR, which bind and listen never
 * say. So a thread does nothing but receive, while the other one explains.
 */
#define _GNU_SOURCE /* pipe2 */
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A pipe takes 819 of them; the thread waits if there are more. */
static int calls[2];

/* True until nobody is left under the filter. */
static bool receive(const struct trap *trap, struct seccomp_notif *notification, int timeout)
{
    /* The kernel writes its own size, which of a newer one is more than the header's. */
    static union {
        struct seccomp_notif notification;
        char room[512];
    } received;
    struct pollfd listener = {.fd = trap->listener, .events = POLLIN};
    int ready = poll(&listener, 1, timeout);
    notification->id = 0;
    if (ready < 0)
        return errno == EINTR;
    if (listener.revents & POLLIN && listener_receive(trap->listener, &received.notification) == 0) {
        *notification = received.notification;
        trap_take_in_hand(trap, notification->id);
        return true;
    }
    return !(listener.revents & (POLLHUP | POLLERR));
}

/* What it does takes microseconds, and is late where the program's own threads are as many as the processors
 * (raw: sched_setscheduler of musl does nothing). */
static void go_first(void)
{
    const struct sched_param least = {.sched_priority = 1};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &least) != 0)
        (void)setpriority(PRIO_PROCESS, 0, -20);
}

static void *receive_all(void *argument)
{
    const struct trap *trap = argument;
    struct seccomp_notif notification;
    if (!trap->filtered) /* which may kill for it */
        go_first();
    while (receive(trap, &notification, -1))
        if (notification.id && write(calls[1], &notification, sizeof notification) != sizeof notification)
            (void)listener_continue(trap->listener, notification.id);
    close(calls[1]);
    return NULL;
}

bool receiver_start(struct trap *trap)
{
    enum { STACK = 65536 };
    pthread_attr_t attributes;
    pthread_t thread;
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        calls[i] = trap_move_up(low[i]);
        close(low[i]);
    }
    bool started = pthread_attr_init(&attributes) == 0 &&
                   pthread_attr_setstacksize(&attributes, STACK) == 0 &&
                   pthread_create(&thread, &attributes, receive_all, trap) == 0;
    trap->has_receiver = started;
    if (started)
        (void)pthread_detach(thread);
    else {
        close(calls[0]);
        close(calls[1]);
    }
    return started;
}

bool receiver_next(const struct trap *trap, struct seccomp_notif *notification, int timeout)
{
    struct pollfd waiting[] = {{.fd = calls[0], .events = POLLIN}, {.fd = trap->wake, .events = POLLIN}};
    if (!trap->has_receiver)
        return receive(trap, notification, timeout);
    notification->id = 0;
    if (poll(waiting, sizeof waiting / sizeof *waiting, timeout) <= 0 || waiting[0].revents == 0)
        return true;
    return read(calls[0], notification, sizeof *notification) == sizeof *notification;
}
