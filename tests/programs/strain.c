/* SPDX-License-Identifier: MIT
 *
 * Programs that are interrupted, canceled or left in the middle of a refused call: strain STATE PORT [COUNT].
 * The port is taken by somebody else. Exit code 0 if nothing is left behind and every answer was the
 * kernel's.
 */
#define _GNU_SOURCE
#include "left_behind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in taken = {.sin_family = AF_INET};
static long count;

static void fail(const char *why)
{
    fprintf(stderr, "strain: %s\n", why);
    _exit(1);
}

/* On all addresses the port is taken: more of them than are remembered, so that each refusal is explained in
 * full. */
static struct sockaddr_in next_taken(void)
{
    static _Atomic uint32_t turn;
    struct sockaddr_in next = taken;
    if (next.sin_addr.s_addr == htonl(INADDR_LOOPBACK))
        next.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % 200);
    return next;
}

/* The socket is kept in *fd, for whoever has to close it after an end in the middle. */
static void refused_on(volatile int *fd)
{
    struct sockaddr_in to = next_taken();
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    if (*fd < 0)
        fail("no socket");
    errno = 77;
    if (bind(*fd, (struct sockaddr *)&to, sizeof to) != -1 || errno != EADDRINUSE)
        fail("not refused as it should be");
    int done = *fd;
    *fd = -1;
    close(done);
}

static void refused(void)
{
    volatile int fd;
    refused_on(&fd);
}

/* ---- what is left behind -------------------------------------------------------------------------- */

static int fd_before, maps_before;

static void remember(void)
{
    fd_before = next_fd();
    maps_before = count_lines("/proc/self/maps");
}

static void nothing_is_left(void)
{
    if (next_fd() != fd_before)
        fail("a descriptor is left behind");
    if (count_lines("/proc/self/maps") > maps_before)
        fail("a mapping is left behind");
}

/* ---- signals -------------------------------------------------------------------------------------- */

static _Atomic long handled;
static sigjmp_buf back;
static volatile int jumper_fd = -1;

static void bind_in_handler(int number)
{
    (void)number;
    int saved = errno;
    refused();
    handled++;
    errno = saved;
}

static void jump_out(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static pid_t shower(int number)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        while (kill(parent, number) == 0 && getppid() == parent)
            sched_yield();
        _exit(0);
    }
    return child;
}

static void dry(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* A handler binds while the main flow is refused, until it has done so often enough. */
static void handler(void)
{
    long main_flow = 0;
    signal(SIGUSR1, bind_in_handler);
    pid_t child = shower(SIGUSR1);
    for (; handled < count; main_flow++)
        refused();
    signal(SIGUSR1, SIG_IGN);
    dry(child);
    printf("%ld\n", main_flow + handled);
}

/* A handler leaves by siglongjmp, as old clients end a call that takes too long. */
static void jump(void)
{
    refused();
    remember();
    signal(SIGALRM, jump_out);
    for (long i = 0; i < count; i++) {
        timer_t timer;
        struct itimerspec soon = {.it_value.tv_nsec = 20000 + i * 7919 % 400000};
        timer_create(CLOCK_MONOTONIC, NULL, &timer);
        if (sigsetjmp(back, 1) == 0) {
            timer_settime(timer, 0, &soon, NULL);
            for (;;)
                refused_on(&jumper_fd);
        }
        timer_delete(timer);
        if (jumper_fd >= 0)
            close(jumper_fd);
        jumper_fd = -1;
        /* The jump may have come between socket() and the note of it. */
        for (int fd = next_fd() - 1; fd >= fd_before; fd--)
            close(fd);
    }
    nothing_is_left();
}

/* ---- cancellation --------------------------------------------------------------------------------- */

static volatile int canceled_fd = -1;
static _Atomic bool running;
static int cancel_type;

/* Nothing but bind stands where an asynchronous end may come: no other call here could stand it. */
static void *bind_for_ever(void *fd)
{
    int old;
    pthread_setcanceltype(cancel_type, &old);
    for (;;) {
        running = true;
        struct sockaddr_in to = next_taken();
        bind(*(int *)fd, (struct sockaddr *)&to, sizeof to);
        if (cancel_type == PTHREAD_CANCEL_DEFERRED)
            pthread_testcancel();
    }
    return NULL;
}

static void cancel_after(pthread_t thread, long nanoseconds)
{
    void *result;
    while (!running)
        sched_yield();
    nanosleep(&(struct timespec){0, nanoseconds}, NULL);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    if (result != PTHREAD_CANCELED)
        fail("not canceled");
    running = false;
}

static void cancel_bind(int type)
{
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cancel_type = type;
    for (long i = -3; i < count; i++) {
        if (i == 0)
            remember(); /* the stacks of threads are kept from then on */
        if (pthread_create(&thread, NULL, bind_for_ever, &fd) != 0)
            fail("no thread");
        cancel_after(thread, i * 7919 % 400000 + (i < 0 ? 400000 : 0));
    }
    nothing_is_left();
    refused();
}

static void cancel_deferred(void)
{
    cancel_bind(PTHREAD_CANCEL_DEFERRED);
}

static void cancel_asynchronous(void)
{
    cancel_bind(PTHREAD_CANCEL_ASYNCHRONOUS);
}

static void *connect_for_ever(void *unused)
{
    int old;
    struct sockaddr_in full = taken;
    pthread_setcanceltype(cancel_type, &old);
    for (;;) {
        canceled_fd = socket(AF_INET, SOCK_STREAM, 0);
        running = true;
        if (connect(canceled_fd, (struct sockaddr *)&full, sizeof full) == 0)
            continue; /* stays open, and so the queue gets full */
        close(canceled_fd);
    }
    return unused;
}

/* A connect that waits, to a listener that accepts nobody, ends by cancellation as ever. */
static void cancel_connect(void)
{
    static const int types[] = {PTHREAD_CANCEL_DEFERRED, PTHREAD_CANCEL_ASYNCHRONOUS};
    for (size_t i = 0; i < 2; i++) {
        pthread_t thread;
        cancel_type = types[i];
        pthread_create(&thread, NULL, connect_for_ever, NULL);
        cancel_after(thread, 100000000);
    }
    if (canceled_fd < 3)
        fail("nothing was connected");
}

/* ---- many ----------------------------------------------------------------------------------------- */

static void *refused_many(void *unused)
{
    for (long i = 0; i < count; i++)
        refused();
    return unused;
}

static void threads(void)
{
    enum { THREADS = 64 };
    pthread_t all[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&all[i], NULL, refused_many, NULL) != 0)
            fail("no thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(all[i], NULL);
    printf("%ld\n", THREADS * count);
}

static int in_clone(void *unused)
{
    (void)refused_many(unused);
    return 0;
}

/* Two processes with one table of descriptors; and of folders. */
static void clones(void)
{
    enum { STACK = 1 << 17 };
    static const int flags[] = {CLONE_FILES | SIGCHLD, CLONE_FILES | CLONE_FS | SIGCHLD};
    static char stacks[2][STACK] __attribute__((aligned(16)));
    refused();
    remember();
    for (size_t i = 0; i < 2; i++) {
        int status;
        pid_t child = clone(in_clone, stacks[i] + STACK, flags[i], NULL);
        if (child < 0)
            fail("no clone");
        refused_many(NULL);
        if (waitpid(child, &status, 0) != child || status != 0)
            fail("the clone failed");
    }
    nothing_is_left();
    printf("%ld\n", 4 * count + 1);
}

/* ---- other namespaces ----------------------------------------------------------------------------- */

/* The network of the refusal is another one than that of the start: the first bind is explained there. */
static void unshared(void)
{
    refused();
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        fail("no namespaces");
    taken.sin_addr.s_addr = htonl(INADDR_ANY); /* nothing is up there */
    int holder = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(holder, (struct sockaddr *)&taken, sizeof taken) != 0 || listen(holder, 1) != 0)
        fail("the port is not free there");
    refused();
}

static const struct {
    const char *name;
    void (*run)(void);
} states[] = {{"handler", handler},
              {"jump", jump},
              {"cancel-deferred", cancel_deferred},
              {"cancel-asynchronous", cancel_asynchronous},
              {"cancel-connect", cancel_connect},
              {"threads", threads},
              {"clones", clones},
              {"unshared", unshared}};

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    taken.sin_port = htons((uint16_t)atoi(argv[2]));
    taken.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    count = argc > 3 ? atol(argv[3]) : 1;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].name, argv[1]) == 0) {
            states[i].run();
            return 0;
        }
    }
    return 2;
}
