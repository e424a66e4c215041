/* SPDX-License-Identifier: MIT
 *
 * Runs a program under a seccomp filter: filter kill|errno NAME[,NAME...] COMMAND [ARG]...
 * NAME is a system call from the table, or "netlink": socket(AF_NETLINK), answered with EAFNOSUPPORT.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number;
} calls[] = {
    {"setsockopt", SYS_setsockopt},
    {"getsockopt", SYS_getsockopt},
    {"getsockname", SYS_getsockname},
    {"getdents64", SYS_getdents64},
    {"readlinkat", SYS_readlinkat},
    {"prctl", SYS_prctl},
    {"statx", SYS_statx},
    {"ioctl", SYS_ioctl},
    {"uname", SYS_uname},
    {"sendto", SYS_sendto},
    {"gettid", SYS_gettid},
    {"rt_sigpending", SYS_rt_sigpending},
    {"pwritev2", SYS_pwritev2},
    {"clock_gettime", SYS_clock_gettime},
    {"recvfrom", SYS_recvfrom},
    {"getuid", SYS_getuid},
    {"getpid", SYS_getpid},
    {"bind", SYS_bind},
    {"ptrace", SYS_ptrace},
    {"seccomp", SYS_seccomp},
    {"pidfd_getfd", 438},
    {"process_vm_readv", SYS_process_vm_readv},
};

int main(int argc, char **argv)
{
    struct sock_filter program[128];
    unsigned short used = 0;
    if (argc < 4)
        return 2;
    unsigned action = strcmp(argv[1], "kill") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
    program[used++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ",")) {
        if (strcmp(name, "netlink") == 0) {
            const unsigned domain = offsetof(struct seccomp_data, args[0]);
            unsigned answer = action == SECCOMP_RET_KILL_PROCESS ? action : SECCOMP_RET_ERRNO | EAFNOSUPPORT;
            program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3);
            program[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, domain);
            program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1);
            program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
            program[used++] =
                (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
            continue;
        }
        if (strcmp(name, "killable") ==
            0) { /* as before Linux 5.19: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */
            const unsigned flags = offsetof(struct seccomp_data, args[1]);
            program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 3);
            program[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags);
            program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1 << 5, 0, 1);
            program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL);
            program[used++] =
                (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
            continue;
        }
        size_t i = 0;
        while (i < sizeof calls / sizeof *calls && strcmp(calls[i].name, name) != 0)
            i++;
        if (i == sizeof calls / sizeof *calls)
            return 2;
        program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
        program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    }
    program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {.len = used, .filter = program};
    /* The filter must let itself be installed and the program be started: execve and prctl come first. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
        perror("filter");
        return 2;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
