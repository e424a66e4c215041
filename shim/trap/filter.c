/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. First the architecture, then the number; equality jumps alone, so that calls which are
 * not asked about are answered from the kernel's bitmap (Linux 5.11) without running a filter.
 */
#include "trap.h"

#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

/* arch/x86/entry/syscalls/syscall_32.tbl, and net.h for the operations of socketcall. */
enum { I386_SOCKETCALL = 102, I386_BIND = 361, I386_CONNECT = 362, I386_LISTEN = 363, I386_SETSOCKOPT = 366 };
enum { CALL_OF_BIND = 2, CALL_OF_CONNECT = 3, CALL_OF_LISTEN = 4, CALL_OF_SETSOCKOPT = 14 };

struct draft {
    struct sock_filter *program;
    unsigned short used;
};

static void add(struct draft *draft, uint16_t code, uint8_t yes, uint8_t no, uint32_t value)
{
    draft->program[draft->used++] = (struct sock_filter){code, yes, no, value};
}

static void load(struct draft *draft, size_t offset)
{
    add(draft, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct draft *draft, uint32_t value)
{
    add(draft, BPF_RET | BPF_K, 0, 0, value);
}

static void ask_if(struct draft *draft, uint32_t value)
{
    add(draft, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
    answer(draft, SECCOMP_RET_USER_NOTIF);
}

/* The lower half of an argument, which is all of an int (x86: the first four bytes). */
static size_t argument(int number)
{
    return offsetof(struct seccomp_data, args) + (size_t)number * 8;
}

/* Of setsockopt(fd, level, name, ...) only the two reuse options. */
static void ask_about_reuse(struct draft *draft, uint32_t number)
{
    enum { BEHIND = 9 };
    add(draft, BPF_JMP | BPF_JEQ | BPF_K, 0, BEHIND, number);
    load(draft, argument(1));
    add(draft, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SOL_SOCKET);
    answer(draft, SECCOMP_RET_ALLOW);
    load(draft, argument(2));
    ask_if(draft, SO_REUSEADDR);
    ask_if(draft, SO_REUSEPORT);
    answer(draft, SECCOMP_RET_ALLOW);
}

static void ask_about(struct draft *draft, const struct trapped_calls *calls, uint32_t bind, uint32_t listen,
                      uint32_t connect, uint32_t setsockopt)
{
    load(draft, offsetof(struct seccomp_data, nr));
    add(draft, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, IO_URING_SETUP);
    answer(draft, calls->no_io_uring ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_USER_NOTIF);
    ask_if(draft, bind);
    ask_if(draft, listen);
    if (calls->connect)
        ask_if(draft, connect);
    if (calls->reuse)
        ask_about_reuse(draft, setsockopt);
}

static void ask_about_i386(struct draft *draft, const struct trapped_calls *calls)
{
    ask_about(draft, calls, I386_BIND, I386_LISTEN, I386_CONNECT, I386_SETSOCKOPT);
    add(draft, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, I386_SOCKETCALL);
    answer(draft, SECCOMP_RET_ALLOW);
    load(draft, argument(0));
    ask_if(draft, CALL_OF_BIND);
    ask_if(draft, CALL_OF_LISTEN);
    if (calls->connect)
        ask_if(draft, CALL_OF_CONNECT);
    if (calls->reuse) /* its option is in memory, where no filter looks */
        ask_if(draft, CALL_OF_SETSOCKOPT);
    answer(draft, SECCOMP_RET_ALLOW);
}

unsigned short filter_write(struct sock_filter program[FILTER_MAX], const struct trapped_calls *calls)
{
    struct draft draft = {program, 0};
    load(&draft, offsetof(struct seccomp_data, arch));
    unsigned short jump = draft.used;
    add(&draft, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, AUDIT_ARCH_X86_64);
    ask_about(&draft, calls, SYS_bind, SYS_listen, SYS_connect, SYS_setsockopt);
    answer(&draft, SECCOMP_RET_ALLOW);
    program[jump].jf = (uint8_t)(draft.used - jump - 1);
    jump = draft.used;
    add(&draft, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, AUDIT_ARCH_I386);
    ask_about_i386(&draft, calls);
    program[jump].jf = (uint8_t)(draft.used - jump - 1);
    answer(&draft, SECCOMP_RET_ALLOW);
    return draft.used;
}
