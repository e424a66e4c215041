/* SPDX-License-Identifier: MIT
 *
 * What starting a program costs under one preload library, over another one or none:
 *
 *   start LIBRARY-A LIBRARY-B|none ROUNDS COUNT COMMAND...
 *
 * Each round is COUNT pairs of starts, in turn, and the median of their ratios. Prints the median of the
 * rounds, and what the mean of the rounds lies between 95 % of the time.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { PAIRS_MAX = 2000, ROUNDS_MAX = 100 };

static char **command;

static double start_once(const char *library)
{
    char variable[4096];
    char *envp[] = {variable, NULL};
    pid_t pid;
    int status;
    snprintf(variable, sizeof variable, "%s=%s", strcmp(library, "none") ? "LD_PRELOAD" : "NOTHING", library);
    double start = now();
    if (posix_spawn(&pid, command[0], NULL, NULL, command, envp) != 0 || waitpid(pid, &status, 0) < 0 ||
        status != 0)
        exit(1);
    return now() - start;
}

/* The median of so many pairs. */
static double round_of(const char *a, const char *b, int pairs)
{
    static double ratios[PAIRS_MAX];
    for (int i = 0; i < pairs; i++) {
        /* In turn, and each first half of the time, so that drift and order fall out. */
        double one, other;
        if (i & 1) {
            one = start_once(a);
            other = start_once(b);
        } else {
            other = start_once(b);
            one = start_once(a);
        }
        ratios[i] = one / other;
    }
    qsort(ratios, (size_t)pairs, sizeof *ratios, compare);
    return ratios[pairs / 2];
}

static void all_rounds(const char *a, const char *b, int rounds, int pairs)
{
    static double medians[ROUNDS_MAX];
    double sum = 0, squares = 0;
    for (int i = 0; i < rounds; i++) {
        medians[i] = round_of(a, b, pairs);
        sum += medians[i];
        squares += medians[i] * medians[i];
    }
    qsort(medians, (size_t)rounds, sizeof *medians, compare);
    double mean = sum / rounds, variance = (squares - sum * mean) / (rounds - 1);
    double half = 2.045 * sqrt((variance > 0 ? variance : 0) / rounds); /* Student's t of 29 degrees */
    printf("%.4f [%.4f to %.4f]\n", medians[rounds / 2], mean - half, mean + half);
}

int main(int argc, char **argv)
{
    if (argc < 6 || atoi(argv[3]) > ROUNDS_MAX || atoi(argv[4]) > PAIRS_MAX || atoi(argv[3]) < 1 ||
        atoi(argv[4]) < 1)
        return 2;
    command = argv + 5;
    all_rounds(argv[1], argv[2], atoi(argv[3]), atoi(argv[4]));
    return 0;
}
