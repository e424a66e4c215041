/* SPDX-License-Identifier: MIT
 *
 * Does a process wait for connections on a descriptor of its own? By the system calls that its threads are
 * in, as /proc/PID/task/TID/syscall shows them (proc(5)). Contract in processes.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/proc.h"
#include "reuseshim/processes.h"
#include "reuseshim/text.h"

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#if UINTPTR_MAX > UINT32_MAX

enum { OWN_CLASS = ELFCLASS64, POLLED_MAX = 1024 };

/* What a thread is doing: a call and its first two arguments. */
struct thread_call {
    uint64_t number, first, second;
};

/* A look into one process. */
struct look {
    pid_t pid;
    int fd;     /* the descriptor that it is about */
    int memory; /* /proc/PID/mem */
    struct scratch *scratch;
};

static bool next_hex(const char **at, uint64_t *value)
{
    uint64_t number = 0;
    size_t blanks = strspn(*at, " ");
    const char *digits = *at + blanks + (strncmp(*at + blanks, "0x", 2) == 0 ? 2 : 0);
    size_t count = strspn(digits, "0123456789abcdef");
    for (size_t i = 0; i < count; i++)
        number = number << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    *at = digits + count;
    *value = number;
    return count > 0;
}

/* "7 0x7ffd1b2e5f60 0x1 ..."; false for "running", and where it may not be seen. */
static bool read_call(struct thread_call *call, pid_t pid, const char *thread)
{
    char path[PROC_PATH_MAX], line[256];
    const char *at = line;
    if (proc_read(proc_thread_path(path, pid, thread, "syscall"), line, sizeof line) <= 0)
        return false;
    size_t digits = strspn(line, "0123456789");
    at += digits;
    return text_to_number(line, digits, 4096, &call->number) && next_hex(&at, &call->first) &&
           next_hex(&at, &call->second);
}

static bool read_memory(const struct look *look, uint64_t address, void *bytes, size_t size)
{
    long got = syscall(SYS_pread64, look->memory, bytes, size, (long)address);
    return got == (long)size;
}

static tristate is_polled(const struct look *look, uint64_t list, uint64_t count)
{
    struct pollfd *polled = (struct pollfd *)(void *)look->scratch->bytes;
    bool found = false;
    if (count > POLLED_MAX || !read_memory(look, list, polled, count * sizeof *polled))
        return UNKNOWN;
    for (uint64_t i = 0; i < count; i++)
        found |= polled[i].fd == look->fd;
    return found;
}

static tristate is_selected(const struct look *look, uint64_t count, uint64_t list)
{
    unsigned char byte = 0;
    if ((uint64_t)look->fd >= count || list == 0)
        return NO;
    if (!read_memory(look, list + (uint64_t)look->fd / 8, &byte, 1))
        return UNKNOWN;
    return byte >> look->fd % 8 & 1;
}

/* "tfd:        5 events:       19 ..." for each descriptor in the set. */
static tristate is_in_epoll(const struct look *look, int set)
{
    char path[PROC_PATH_MAX];
    char *info = look->scratch->bytes;
    ssize_t length =
        proc_read(proc_fd_path(path, look->pid, "fdinfo", set), info, sizeof look->scratch->bytes);
    if (length <= 0 || (size_t)length >= sizeof look->scratch->bytes - 1)
        return UNKNOWN;
    for (const char *at = info; (at = strstr(at, "tfd:")) != NULL;) {
        uint64_t number;
        at += strlen("tfd:");
        at += strspn(at, " ");
        if (text_to_number(at, strspn(at, "0123456789"), INT32_MAX, &number) && (int)number == look->fd)
            return YES;
    }
    return NO;
}

static tristate waits_for_it(const struct look *look, const struct thread_call *call)
{
    switch (call->number) {
#ifdef SYS_poll
    case SYS_poll:
#endif
    case SYS_ppoll:
        return is_polled(look, call->first, call->second);
#ifdef SYS_select
    case SYS_select:
#endif
    case SYS_pselect6:
        return is_selected(look, call->first, call->second);
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
        return is_in_epoll(look, (int)call->first);
#ifdef SYS_accept
    case SYS_accept:
#endif
    case SYS_accept4:
        return (int)call->first == look->fd;
    case SYS_futex: /* a thread that waits for another one */
    case SYS_wait4:
    case SYS_waitid:
        return NO;
    default:
        return UNKNOWN;
    }
}

/* The numbers of system calls are those of our own kind of program. */
static bool is_of_own_class(pid_t pid)
{
    char path[PROC_PATH_MAX], head[EI_NIDENT];
    int fd = raw_open(proc_path(path, pid, "exe"), O_RDONLY, 0);
    if (fd < 0)
        return false;
    bool same = raw_read(fd, head, sizeof head) == sizeof head && memcmp(head, ELFMAG, SELFMAG) == 0 &&
                head[EI_CLASS] == OWN_CLASS;
    raw_close(fd);
    return same;
}

tristate process_serves(pid_t pid, int fd, int64_t deadline, struct scratch *scratch)
{
    char path[PROC_PATH_MAX];
    _Alignas(struct raw_entry) char entries[512];
    const struct raw_entry *thread;
    tristate serves = NO;
    if (!is_of_own_class(pid))
        return UNKNOWN;
    struct look look = {.pid = pid, .fd = fd, .scratch = scratch};
    look.memory = raw_open(proc_path(path, pid, "mem"), O_RDONLY, 0);
    struct folder threads = folder_open(proc_path(path, pid, "task"), entries, sizeof entries);
    bool any = false;
    while (serves == NO && (thread = folder_next(&threads)) != NULL) {
        struct thread_call call;
        serves = read_call(&call, pid, thread->name) && !deadline_has_passed(deadline)
                     ? waits_for_it(&look, &call)
                     : UNKNOWN;
        any = true;
    }
    folder_close(&threads);
    if (look.memory >= 0)
        raw_close(look.memory);
    return any ? serves : UNKNOWN;
}

#else

/* There addresses and offsets are too narrow for another process's memory. */
tristate process_serves(pid_t pid, int fd, int64_t deadline, struct scratch *scratch)
{
    (void)pid;
    (void)fd;
    (void)deadline;
    (void)scratch;
    return UNKNOWN;
}

#endif
