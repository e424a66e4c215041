/* SPDX-License-Identifier: MIT
 *
 * What shows that a call has left something behind: the next free descriptor, and the number of mappings.
 */
#ifndef REUSESHIM_TESTS_LEFT_BEHIND_H
#define REUSESHIM_TESTS_LEFT_BEHIND_H

#include <stdio.h>
#include <unistd.h>

static int count_lines(const char *path)
{
    int lines = 0;
    FILE *file = fopen(path, "r");
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static int next_fd(void)
{
    int fd = dup(1);
    close(fd);
    return fd;
}

#endif
