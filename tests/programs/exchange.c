/* SPDX-License-Identifier: MIT
 *
 * exchange ONE OTHER: prints "ready", and gives two names each other's file, as fast as it can.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const unsigned both = 1U << 1; /* RENAME_EXCHANGE, linux/fs.h */
    if (argc != 3)
        return 99;
    puts("ready");
    fflush(stdout);
    while (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], both) == 0)
        ;
    perror("renameat2");
    return 98;
}
