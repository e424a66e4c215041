/* SPDX-License-Identifier: MIT
 *
 * What SocketBindDeny= of systemd is to the kernel: deny_bind CGROUP puts a BPF program on a cgroup that lets
 * no bind of an IPv4 socket through. It goes with the cgroup.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

int main(int argc, char **argv)
{
    /* r0 = 0; exit: 0 is EPERM. */
    const struct bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
                                       {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
                           .expected_attach_type = BPF_CGROUP_INET4_BIND,
                           .insn_cnt = sizeof program / sizeof *program,
                           .insns = (uint64_t)(uintptr_t)program,
                           .license = (uint64_t)(uintptr_t) "GPL"};
    union bpf_attr attach = {.attach_type = BPF_CGROUP_INET4_BIND};
    int group = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
    int loaded = bpf(BPF_PROG_LOAD, &load);
    attach.target_fd = (uint32_t)group;
    attach.attach_bpf_fd = (uint32_t)loaded;
    if (group < 0 || loaded < 0 || bpf(BPF_PROG_ATTACH, &attach) != 0) {
        perror("deny_bind");
        return 3;
    }
    return 0;
}
