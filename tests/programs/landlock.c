/* SPDX-License-Identifier: MIT
 *
 * Runs a program that may bind no TCP port: landlock COMMAND [ARG]... With the word "files" before it one
 * that may make no block device, for what every such sandbox does beside that. Exit code 3 where the kernel
 * cannot forbid it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    /* The numbers are those of every architecture; the headers of before Linux 6.7 do not know the second
     * field. */
    enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, BIND_TCP = 1, MAKE_BLOCK = 1 << 11 };
    struct {
        uint64_t files, network;
    } rules = {0, BIND_TCP};
    if (argc > 2 && strcmp(argv[1], "files") == 0) {
        rules.files = MAKE_BLOCK;
        rules.network = 0;
        argv++;
    }
    if (argc < 2)
        return 2;
    long fd = syscall(CREATE_RULESET, &rules, sizeof rules, 0);
    if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(RESTRICT_SELF, fd, 0) != 0) {
        perror("landlock");
        return 3;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
