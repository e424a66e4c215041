/* SPDX-License-Identifier: MIT
 *
 * What a file is, without waiting for its file system. Contract in raw_file.h.
 */
#define _GNU_SOURCE          /* O_PATH */
#define _FILE_OFFSET_BITS 64 /* struct flock as the kernel has it */
#include "reuseshim/raw_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
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

int raw_open_cached(const char *path, int flags)
{
    enum { FROM_MEMORY = 0x20 }; /* RESOLVE_CACHED, which glibc 2.43 has as a macro */
    const struct {
        uint64_t flags, mode, resolve;
    } how = {(unsigned)(flags | O_PATH | O_CLOEXEC), 0, FROM_MEMORY};
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
    /* Of many that share one only the first is told. */
    return result == 0 && lock.l_type != F_UNLCK && (lock.l_pid == pid || lock.l_type == F_RDLCK);
}
