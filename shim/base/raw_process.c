/* SPDX-License-Identifier: MIT
 *
 * A process of our own for a moment, and what must not wait for a file system. Contract in raw_process.h.
 */
#define _GNU_SOURCE          /* O_PATH */
#define _FILE_OFFSET_BITS 64 /* struct flock as the kernel has it */
#include "reuseshim/raw_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(...) checked(syscall(__VA_ARGS__))

/* The same on every architecture (include/uapi/asm-generic/unistd.h, since 5.1), and newer than many headers.
 */
enum { PIDFD_SEND_SIGNAL = 424, CLONE3 = 435, CLOSE_RANGE = 436, OPENAT2 = 437 };
enum { OFD_GETLK = 36 }; /* Linux 3.15 */

static long checked(long result)
{
    return result == -1 ? -(long)errno : result;
}

int raw_open_cached(const char *path)
{
    enum { RESOLVE_CACHED = 0x20 };
    const struct {
        uint64_t flags, mode, resolve;
    } how = {O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_CACHED};
    return (int)CALL(OPENAT2, AT_FDCWD, path, &how, sizeof how);
}

bool raw_device(int fd, uint32_t *major, uint32_t *minor)
{
    enum { EMPTY_PATH = 0x1000, DONT_SYNC = 0x4000 };
    struct statx status;
    if (CALL(SYS_statx, fd, "", EMPTY_PATH | DONT_SYNC, 0, &status) < 0)
        return false;
    *major = status.stx_dev_major;
    *minor = status.stx_dev_minor;
    return true;
}

bool raw_is_locked_by(int fd, pid_t pid)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
#ifdef SYS_fcntl64
    long result = CALL(SYS_fcntl64, fd, OFD_GETLK, &lock);
#else
    long result = CALL(SYS_fcntl, fd, OFD_GETLK, &lock);
#endif
    return result == 0 && lock.l_type != F_UNLCK && lock.l_pid == pid;
}

pid_t raw_child_begin(int *process)
{
    enum { UNTRACED = 0x00800000, PIDFD = 0x1000 };
    /* exit_signal 0: wait(2) of the program does not see it, nor does its SIGCHLD handler. */
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = UNTRACED | PIDFD, .pidfd = (uint64_t)(uintptr_t)process};
    pid_t child = (pid_t)CALL(CLONE3, &arguments, sizeof arguments);
    if (child != 0)
        return child;
    (void)CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    long closed = CALL(CLOSE_RANGE, 0, ~0U, 0);
    if (closed < 0)
        raw_child_end((int)closed);
    return 0;
}

_Noreturn void raw_child_end(int result)
{
    for (;;)
        (void)CALL(SYS_exit_group, -result & 0xff);
}

bool raw_child_wait(int process, int milliseconds)
{
    struct pollfd wait = {.fd = process, .events = POLLIN};
#ifdef SYS_poll
    bool ended = CALL(SYS_poll, &wait, 1, milliseconds) > 0;
#else
    long limit[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    bool ended = CALL(SYS_ppoll, &wait, 1, limit, NULL, 0) > 0;
#endif
    if (!ended)
        (void)CALL(PIDFD_SEND_SIGNAL, process, SIGKILL, NULL, 0);
    return ended;
}

int raw_child_result(pid_t child)
{
    enum { NOHANG = 1, ALL = 0x40000000 };
    int status = 0;
    long ended = CALL(SYS_wait4, child, &status, NOHANG | ALL, NULL);
    if (ended == 0)
        return 1;
    return ended < 0 ? (int)ended : status & 0x7f ? -EINTR : -(status >> 8 & 0xff);
}
