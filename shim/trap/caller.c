/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. What is read here may be changed by another thread before the kernel reads it: then an
 * option is set, or not, that the program could set itself.
 */
#define _GNU_SOURCE /* process_vm_readv */
#include "trap.h"

#include "reuseshim/proc.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIDFD_OPEN = 434, PIDFD_GETFD = 438, PIDFD_OF_THREAD = 0200 /* O_EXCL, Linux 6.9 */ };

struct arguments {
    enum call which;
    bool known;
    uint64_t values[5];
};

static bool read_memory(pid_t tid, uint64_t address, void *buffer, size_t size)
{
    struct iovec here = {buffer, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static const struct {
    int number, number_i386, operation; /* of socketcall */
    enum call which;
} calls[] = {{SYS_bind, 361, 2, CALL_BIND},
             {SYS_connect, 362, 3, CALL_CONNECT},
             {SYS_listen, 363, 4, CALL_LISTEN},
             {SYS_setsockopt, 366, 14, CALL_SETSOCKOPT}};
enum { CALLS = sizeof calls / sizeof *calls, SOCKETCALL = 102 };

/* socketcall(operation, arguments): 32 bits each, in memory. */
static void read_socketcall(struct arguments *arguments, const struct seccomp_notif *notification)
{
    uint32_t words[5] = {0};
    for (int i = 0; i < CALLS; i++)
        if ((int)notification->data.args[0] == calls[i].operation) {
            size_t count = calls[i].which == CALL_LISTEN ? 2 : calls[i].which == CALL_SETSOCKOPT ? 5 : 3;
            arguments->which = calls[i].which;
            arguments->known = read_memory((pid_t)notification->pid, (uint32_t)notification->data.args[1],
                                           words, count * sizeof *words);
        }
    for (int i = 0; i < 5; i++)
        arguments->values[i] = words[i];
}

static struct arguments read_arguments(const struct seccomp_notif *notification)
{
    struct arguments arguments = {.known = false};
    bool is_i386 = notification->data.arch == AUDIT_ARCH_I386;
    for (int i = 0; i < CALLS; i++)
        if (notification->data.nr == (is_i386 ? calls[i].number_i386 : calls[i].number)) {
            arguments.which = calls[i].which;
            arguments.known = true;
        }
    memcpy(arguments.values, notification->data.args, sizeof arguments.values);
    if (is_i386 && notification->data.nr == SOCKETCALL)
        read_socketcall(&arguments, notification);
    return arguments;
}

/* A thread may have a table of descriptors of its own, and the first one may have ended. */
static int borrow(struct caller *caller)
{
    long process = syscall(PIDFD_OPEN, caller->tid, PIDFD_OF_THREAD);
    if (process < 0)
        process = syscall(PIDFD_OPEN, caller_process(caller), 0);
    if (process < 0)
        return -1;
    long fd = syscall(PIDFD_GETFD, process, caller->number, 0);
    close((int)process);
    return (int)fd;
}

pid_t caller_process(struct caller *caller)
{
    char path[PROC_PATH_MAX], text[512];
    uint64_t pid;
    if (caller->pid)
        return caller->pid;
    (void)proc_read(proc_path(path, caller->tid, "status"), text, sizeof text);
    caller->pid = proc_number(text, "\nTgid:\t", INT32_MAX, &pid) ? (pid_t)pid : caller->tid;
    return caller->pid;
}

/* Of AF_UNIX a bind, for its record. */
static bool is_ours(int fd, enum call which)
{
    int domain = raw_option(fd, SOL_SOCKET, SO_DOMAIN);
    return domain == AF_INET || domain == AF_INET6 || (domain == AF_UNIX && which == CALL_BIND);
}

static bool read_address(struct caller *caller, const struct arguments *arguments)
{
    caller->length = (socklen_t)arguments->values[2];
    caller->has_address = caller->length <= sizeof caller->address &&
                          read_memory(caller->tid, arguments->values[1], &caller->address, caller->length);
    return caller->has_address;
}

static bool read_option(struct caller *caller, const struct arguments *arguments)
{
    caller->level = (int)arguments->values[1];
    caller->name = (int)arguments->values[2];
    caller->length = (socklen_t)arguments->values[4];
    return (int)caller->length >= (int)sizeof caller->value &&
           read_memory(caller->tid, arguments->values[3], &caller->value, sizeof caller->value);
}

bool caller_read(struct caller *caller, const struct seccomp_notif *notification)
{
    const struct arguments arguments = read_arguments(notification);
    *caller = (struct caller){.tid = (pid_t)notification->pid, .fd = -1, .which = arguments.which};
    if (!arguments.known || caller->tid == 0)
        return false;
    caller->number = (int)arguments.values[0];
    caller->backlog = (int)arguments.values[1];
    caller->fd = borrow(caller);
    if (caller->fd < 0 || !is_ours(caller->fd, caller->which))
        return false;
    if (caller->which == CALL_SETSOCKOPT)
        return read_option(caller, &arguments);
    return caller->which == CALL_LISTEN || read_address(caller, &arguments);
}

void caller_close(struct caller *caller)
{
    if (caller->fd >= 0)
        close(caller->fd);
    caller->fd = -1;
}
