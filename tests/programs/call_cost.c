/* SPDX-License-Identifier: MIT
 *
 * call_cost getppid|listen COUNT: the nanoseconds of one such system call, made directly, the median of nine
 * times COUNT.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9 };

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
    double took[ROUNDS];
    int count = argc > 2 ? atoi(argv[2]) : 1;
    int listens = argc > 1 && strcmp(argv[1], "listen") == 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int round = 0; round < ROUNDS; round++) {
        double began = now();
        for (int i = 0; i < count; i++)
            listens ? syscall(SYS_listen, fd, 1 + i % 2) : syscall(SYS_getppid);
        took[round] = (now() - began) / count;
    }
    qsort(took, ROUNDS, sizeof *took, by_size);
    printf("%.1f\n", took[ROUNDS / 2]);
    return 0;
}
