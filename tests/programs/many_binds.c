/* SPDX-License-Identifier: MIT
 *
 * many_binds THREADS ROUNDS TAKEN: each thread binds 127.0.0.1:TAKEN, which fails, and then 127.0.0.1:0,
 * which does not, again and again, while a timer interrupts all of them every millisecond. Prints "refused N,
 * bound N, wrong N, ticks N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static _Atomic int refused, bound, wrong, ticks;
static int rounds, taken;

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

static void *work(void *unused)
{
    for (int i = 0; i < rounds; i++) {
        int first = try_port(taken), second = try_port(0);
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
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    rounds = argc > 3 ? atoi(argv[2]) : 1;
    taken = argc > 3 ? atoi(argv[3]) : 1;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < count && i < THREADS_MAX; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < count && i < THREADS_MAX; i++)
        while (pthread_join(threads[i], NULL) == EINTR)
            continue;
    printf("refused %d, bound %d, wrong %d, ticks %s\n", refused, bound, wrong, ticks > 10 ? "many" : "few");
    return wrong != 0;
}
