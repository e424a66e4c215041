/* SPDX-License-Identifier: MIT
 *
 * System calls made directly. Contract in raw.h.
 */
#include "reuseshim/raw.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <linux/stat.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* The kernel's sigset_t is 8 bytes on every architecture but MIPS (16), whatever libc's says. */
#if defined(__mips__)
#define KERNEL_SIGSET_BYTES 16
#else
#define KERNEL_SIGSET_BYTES 8
#endif

#define CALL(...) checked(syscall(__VA_ARGS__))

static long checked(long result)
{
    return result == -1 ? -(long)errno : result;
}

int raw_open(const char *path, int flags, mode_t mode)
{
    return (int)CALL(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

int raw_close(int fd)
{
    return (int)CALL(SYS_close, fd);
}

int raw_unlink(const char *path)
{
    return raw_unlink_in(AT_FDCWD, path);
}

int raw_unlock(int fd)
{
    enum { UNLOCK = 8 }; /* LOCK_UN */
    return (int)CALL(SYS_flock, fd, UNLOCK);
}

int raw_lock(int fd)
{
    enum { EXCLUSIVE = 2, AT_ONCE = 4 }; /* LOCK_EX and LOCK_NB of sys/file.h, the same everywhere */
    return (int)CALL(SYS_flock, fd, EXCLUSIVE | AT_ONCE);
}

int raw_unlink_in(int directory, const char *name)
{
    return (int)CALL(SYS_unlinkat, directory, name, 0);
}

ssize_t raw_read(int fd, void *buffer, size_t size)
{
    return CALL(SYS_read, fd, buffer, size);
}

ssize_t raw_readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    return CALL(SYS_readlinkat, directory, path, buffer, size);
}

ssize_t raw_getdents(int fd, void *buffer, size_t size)
{
    return CALL(SYS_getdents64, fd, buffer, size);
}

int raw_ioctl(int fd, unsigned long request, void *argument)
{
    return (int)CALL(SYS_ioctl, fd, request, argument);
}

int raw_steal_fd(pid_t pid, int fd)
{
    enum { PIDFD_OPEN = 434, PIDFD_GETFD = 438 }; /* the same on every architecture */
    int process = (int)CALL(PIDFD_OPEN, pid, 0);
    if (process < 0)
        return process;
    int result = (int)CALL(PIDFD_GETFD, process, fd, 0);
    raw_close(process);
    return result;
}

void raw_allow_tracers(void)
{
    (void)CALL(SYS_prctl, PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

int raw_fd_flags(int fd)
{
    return (int)CALL(SYS_fcntl, fd, F_GETFD, 0);
}

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer must see memory come and go, else it takes one thread's new memory for another's old. */
static void *map(size_t size, int sharing)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void raw_unmap(void *memory, size_t size)
{
    (void)munmap(memory, size);
}
#else
static void *map(size_t size, int sharing)
{
    enum { ACCESS = PROT_READ | PROT_WRITE };
    const int kind = sharing | MAP_ANONYMOUS;
#if defined(__s390__)
    /* One argument there: where the six are. */
    const unsigned long six[] = {0, size, ACCESS, (unsigned long)kind, (unsigned long)-1, 0};
    long result = syscall(SYS_mmap, six);
#elif defined(SYS_mmap2)
    long result = syscall(SYS_mmap2, NULL, size, ACCESS, kind, -1, 0L);
#else
    long result = syscall(SYS_mmap, NULL, size, ACCESS, kind, -1, 0L);
#endif
    return result == -1 ? NULL : (void *)(uintptr_t)result;
}

void raw_unmap(void *memory, size_t size)
{
    (void)syscall(SYS_munmap, memory, size);
}
#endif

void *raw_map(size_t size)
{
    return map(size, MAP_PRIVATE);
}

void *raw_map_shared(size_t size)
{
    return map(size, MAP_SHARED);
}

void *raw_map_forgotten_by_children(size_t size)
{
    enum { WIPE_ON_FORK = 18 }; /* MADV_WIPEONFORK, of every architecture */
    void *memory = raw_map(size);
    if (memory == NULL || CALL(SYS_madvise, memory, size, WIPE_ON_FORK) == 0)
        return memory;
    raw_unmap(memory, size);
    return NULL;
}

/* struct stat differs between libcs and between 32-bit ABIs; where the kernel's is not surely what the header
 * says, statx (4.11) is asked, which has one layout. */
static bool identify(int directory, const char *path, int flags, struct raw_identity *identity)
{
#if defined(__x86_64__) || defined(__aarch64__)
    struct stat status;
    if ((path[0] ? CALL(SYS_newfstatat, directory, path, &status, flags)
                 : CALL(SYS_fstat, directory, &status)) < 0)
        return false;
    *identity = (struct raw_identity){.device = status.st_dev,
                                      .inode = status.st_ino,
                                      .mode = status.st_mode,
                                      .uid = status.st_uid,
                                      .links = (uint32_t)status.st_nlink,
                                      .size = (uint64_t)status.st_size};
#else
    struct statx status;
    if (CALL(SYS_statx, directory, path, flags, STATX_BASIC_STATS, &status) < 0)
        return false;
    *identity = (struct raw_identity){
        /* As glibc's makedev(3) has it. */
        .device = (uint64_t)(status.stx_dev_major & 0xfff) << 8 | (status.stx_dev_minor & 0xff) |
                  (uint64_t)(status.stx_dev_major & ~0xfffU) << 32 |
                  (uint64_t)(status.stx_dev_minor & ~0xffU) << 12,
        .inode = status.stx_ino,
        .mode = status.stx_mode,
        .uid = status.stx_uid,
        .links = status.stx_nlink,
        .size = status.stx_size,
    };
#endif
    return true;
}

bool raw_identify(int fd, struct raw_identity *identity)
{
    return identify(fd, "", AT_EMPTY_PATH, identity);
}

bool raw_identify_path(const char *path, struct raw_identity *identity)
{
    return identify(AT_FDCWD, path, 0, identity);
}

bool raw_identify_link(const char *path, struct raw_identity *identity)
{
    return identify(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, identity);
}

bool raw_identify_in(int directory, const char *name, struct raw_identity *identity)
{
    return name[0] && identify(directory, name, AT_SYMLINK_NOFOLLOW, identity);
}

long raw_filesystem_type(const char *path)
{
    struct statfs status;
    long result = CALL(SYS_statfs, path, &status);
    return result < 0 ? result : (long)status.f_type;
}

int raw_open_cgroup(int mount_fd, uint64_t id)
{
    /* struct file_handle with the id as its bytes (FILEID_KERNFS). */
    struct {
        unsigned bytes;
        int type;
        uint32_t id[2];
    } handle = {sizeof handle.id, 0xfe, {0, 0}};
    memcpy(handle.id, &id, sizeof id);
    return (int)CALL(SYS_open_by_handle_at, mount_fd, &handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int64_t raw_clock(int clock)
{
#if defined(SYS_clock_gettime64)
    struct {
        int64_t seconds, nanoseconds;
    } now = {0, 0};
    if (CALL(SYS_clock_gettime64, clock, &now) == 0)
        return now.seconds * 1000000000 + now.nanoseconds;
#endif
    long old[2] = {0, 0};
    (void)CALL(SYS_clock_gettime, clock, old);
    return (int64_t)old[0] * 1000000000 + old[1];
}

#pragma weak clock_gettime

static int64_t clock_of_libc(int clock)
{
    struct timespec now;
    if (clock_gettime && clock_gettime(clock, &now) == 0)
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return raw_clock(clock);
}

int64_t raw_time_of_day(void)
{
    return clock_of_libc(CLOCK_REALTIME);
}

int64_t raw_monotonic(void)
{
    return clock_of_libc(CLOCK_MONOTONIC);
}

pid_t raw_pid(void)
{
    return (pid_t)CALL(SYS_getpid);
}

pid_t raw_tid(void)
{
    return (pid_t)CALL(SYS_gettid);
}

uid_t raw_uid(void)
{
#ifdef SYS_getuid32
    return (uid_t)CALL(SYS_getuid32);
#else
    return (uid_t)CALL(SYS_getuid);
#endif
}

int raw_wait_writable(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
#ifdef SYS_poll
    return (int)CALL(SYS_poll, &wait, 1, milliseconds);
#else
    long limit[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    return (int)CALL(SYS_ppoll, &wait, 1, limit, NULL, KERNEL_SIGSET_BYTES);
#endif
}

ssize_t raw_write(int fd, const void *bytes, size_t size, bool nowait)
{
    if (!nowait)
        return CALL(SYS_write, fd, bytes, size);
#ifdef SYS_pwritev2
    struct {
        const void *base;
        size_t size;
    } vector = {bytes, size};
    return CALL(SYS_pwritev2, fd, &vector, 1, -1L, -1L, RWF_NOWAIT);
#else
    return -EOPNOTSUPP;
#endif
}

/* All three are below 32, so they live in the first word whatever its width and byte order. */
static const unsigned long held_signals = 1UL << (SIGPIPE - 1) | 1UL << (SIGXFSZ - 1) | 1UL << (SIGTTOU - 1);

void raw_signals_hold(struct raw_signals *saved, const struct raw_mask *program)
{
    const unsigned long set[4] = {held_signals};
    memset(saved, 0, sizeof *saved);
    saved->held_before = program != NULL;
    if (program)
        memcpy(saved->old, program->bits, sizeof saved->old);
    else
        (void)CALL(SYS_rt_sigprocmask, SIG_BLOCK, set, saved->old, KERNEL_SIGSET_BYTES);
    /* What was not blocked cannot have been pending. */
    if (saved->old[0] & held_signals)
        (void)CALL(SYS_rt_sigpending, saved->pending, KERNEL_SIGSET_BYTES);
}

void raw_signals_release(const struct raw_signals *saved, bool failed)
{
    const unsigned long discard[4] = {held_signals & ~saved->pending[0]};
    static const long at_once[2] = {0, 0};
    if (failed)
        (void)CALL(SYS_rt_sigtimedwait, discard, NULL, at_once, KERNEL_SIGSET_BYTES);
    if (!saved->held_before)
        (void)CALL(SYS_rt_sigprocmask, SIG_SETMASK, saved->old, NULL, KERNEL_SIGSET_BYTES);
}

/* Raised by the thread itself: they come also while they are blocked, and then past their handlers. */
#define OWN_SIGNAL(number) (1UL << ((number)-1))
static const unsigned long own_signals = OWN_SIGNAL(SIGILL) | OWN_SIGNAL(SIGTRAP) | OWN_SIGNAL(SIGBUS) |
                                         OWN_SIGNAL(SIGFPE) | OWN_SIGNAL(SIGSEGV) | OWN_SIGNAL(SIGSYS);

void raw_mask_hold(struct raw_mask *saved)
{
    const unsigned long all[4] = {~own_signals, ~0UL, ~0UL, ~0UL};
    (void)CALL(SYS_rt_sigprocmask, SIG_BLOCK, all, saved->bits, KERNEL_SIGSET_BYTES);
}

void raw_mask_release(const struct raw_mask *saved)
{
    (void)CALL(SYS_rt_sigprocmask, SIG_SETMASK, saved->bits, NULL, KERNEL_SIGSET_BYTES);
}

int raw_sleep(int64_t milliseconds, const struct raw_mask *mask)
{
#ifdef SYS_ppoll_time64
    struct {
        int64_t seconds, nanoseconds;
    } time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    int result = (int)CALL(SYS_ppoll_time64, NULL, 0, &time, mask->bits, KERNEL_SIGSET_BYTES);
    if (result != -ENOSYS)
        return result;
#endif
    long old[2] = {(long)(milliseconds / 1000), (long)(milliseconds % 1000 * 1000000)};
    return (int)CALL(SYS_ppoll, NULL, 0, old, mask->bits, KERNEL_SIGSET_BYTES);
}

/* rt_sigprocmask copies the set from user memory before it looks at `how`: an impossible `how` makes
 * it a read probe without effect (EFAULT or EINVAL). */
static bool word_readable(uintptr_t word)
{
    return CALL(SYS_rt_sigprocmask, -1, word, NULL, KERNEL_SIGSET_BYTES) != -EFAULT;
}

bool raw_readable(const void *address, size_t size)
{
    uintptr_t first = (uintptr_t)address;
    uintptr_t last = first + size - 1;
    if (size == 0 || first < 4096 || last < first)
        return false;
    /* Words aligned to the set never cross a page: one proves its page, so the two ends prove all. */
    uintptr_t mask = ~(uintptr_t)(KERNEL_SIGSET_BYTES - 1);
    return word_readable(first & mask) && (first >> 12 == last >> 12 || word_readable(last & mask));
}
