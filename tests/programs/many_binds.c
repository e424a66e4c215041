/* SPDX-License-Identifier: MIT
 *
 * many_binds THREADS ROUNDS TAKEN [PORTS]: each thread binds 127.0.0.1:TAKEN, which fails, and then
 * 127.0.0.1:0, which does not, again and again, while a timer interrupts all of them every millisecond.
 * Prints "refused N, bound N, wrong N, ticks many". With PORTS, of so many ports from TAKEN on one after the
 * other, and with a timer for each thread that interrupts what can be interrupted: prints "interrupted N of
 * N".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int refused, bound, wrong, ticks, interrupted, started;
static int rounds, taken, ports;

static void tick(int signal)
{
    (void)signal;
    ticks++;
}

static int try_port(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return result;
}

static void tick_here(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &often, NULL);
}

static void *work(void *unused)
{
    int offset = rounds * started++;
    if (ports)
        tick_here();
    for (int i = 0; i < rounds; i++) {
        int first = try_port(taken + (ports ? (offset + i) % ports : 0)), second = try_port(0);
        interrupted += (first == EINTR) + (second == EINTR);
        refused += first == EADDRINUSE;
        bound += second == 0;
        wrong += (first != EADDRINUSE) + (second != 0);
    }
    return unused;
}

int main(int argc, char **argv)
{
    enum { THREADS_MAX = 64 };
    pthread_t threads[THREADS_MAX];
    int count = argc > 3 ? atoi(argv[1]) : 1;
    struct sigaction action = {.sa_handler = tick, .sa_flags = argc > 4 ? 0 : SA_RESTART};
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    rounds = argc > 3 ? atoi(argv[2]) : 1;
    taken = argc > 3 ? atoi(argv[3]) : 1;
    ports = argc > 4 ? atoi(argv[4]) : 0;
    sigaction(SIGALRM, &action, NULL);
    if (ports == 0)
        setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < count && i < THREADS_MAX; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < count && i < THREADS_MAX; i++)
        while (pthread_join(threads[i], NULL) == EINTR)
            continue;
    if (ports) {
        printf("interrupted %d of %d\n", interrupted, 2 * count * rounds);
        return refused + bound + interrupted != 2 * count * rounds;
    }
    printf("refused %d, bound %d, wrong %d, ticks %s\n", refused, bound, wrong, ticks > 10 ? "many" : "few");
    return wrong != 0;
}
