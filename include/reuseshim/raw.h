/* SPDX-License-Identifier: MIT
 *
 * System calls made directly, for work inside another program: no cancellation point, no lock, no
 * allocation, and no door of a preload library (ours included) in between.
 *
 * Every function returns what the kernel returned: a value >= 0, or -errno. All may overwrite errno
 * (libc's syscall() does); whoever is called by the host program saves and restores it.
 * All are async-signal-safe.
 */
#ifndef REUSESHIM_RAW_H
#define REUSESHIM_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

int raw_open(const char *path, int flags, mode_t mode);
int raw_close(int fd);
int raw_unlink(const char *path);
int raw_unlink_in(int directory, const char *name);
/* flock(2), exclusive, without waiting. */
int raw_lock(int fd);
int raw_unlock(int fd);
ssize_t raw_read(int fd, void *buffer, size_t size);
ssize_t raw_readlinkat(int directory, const char *path, char *buffer, size_t size);
/* What getdents64(2) returns; glibc's struct dirent64 is the same, musl's has another name. */
struct raw_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type; /* ENTRY_DIRECTORY, ... */
    char name[];
};
enum { ENTRY_DIRECTORY = 4 };
ssize_t raw_getdents(int fd, void *buffer, size_t size);
int raw_ioctl(int fd, unsigned long request, void *argument);
int raw_fd_flags(int fd);
/* Where Yama would keep other processes of this user from raw_steal_fd here: lets them (prctl(2),
 * PR_SET_PTRACER). */
void raw_allow_tracers(void);
/* A duplicate of a descriptor of another process; wants ptrace access (Linux 5.6). */
int raw_steal_fd(pid_t pid, int fd);

/* The type of the filesystem that `path` is in, as statfs(2) has it; -errno. */
long raw_filesystem_type(const char *path);
/* Opens a directory of a cgroup2 filesystem by the id of the group (Linux 5.5); wants CAP_DAC_READ_SEARCH. */
int raw_open_cgroup(int mount_fd, uint64_t id);

/* Anonymous private memory; NULL if there is none to be had. */
void *raw_map(size_t size);
void raw_unmap(void *memory, size_t size);
/* The same, that a child of fork(2) has together with us. */
void *raw_map_shared(size_t size);
/* The same memory that a child of fork(2) finds filled with zeros (Linux 4.14). */
void *raw_map_forgotten_by_children(size_t size);

/* The identity of an open file; false if fd is not open. `uid` of a socket is the one the kernel
 * compares for SO_REUSEPORT: the fsuid of whoever called socket(), or what fchown(2) made of it. */
struct raw_identity {
    uint64_t device;
    uint64_t inode;
    uint32_t mode;
    uint32_t uid;
    uint32_t links; /* names that it has */
    uint64_t size;
};
bool raw_identify(int fd, struct raw_identity *identity);
/* The same of a path, whose last link is followed; of the path itself, link or not. */
bool raw_identify_path(const char *path, struct raw_identity *identity);
bool raw_identify_link(const char *path, struct raw_identity *identity);
/* The same of a name in an open directory. */
bool raw_identify_in(int directory, const char *name, struct raw_identity *identity);

/* Nanoseconds on `clock` (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME). */
int64_t raw_clock(int clock);
/* Nanoseconds since 1970 by libc's clock_gettime where there is one: no system call (vDSO), so nothing that a
 * seccomp filter could kill for. */
int64_t raw_time_of_day(void);
/* The same of CLOCK_MONOTONIC. */
int64_t raw_monotonic(void);

pid_t raw_pid(void);
pid_t raw_tid(void);
uid_t raw_uid(void);

/* Waits until fd can be written, at most `milliseconds`; > 0 when it can. */
int raw_wait_writable(int fd, int milliseconds);

/* Block all signals of this thread but those that it raises itself (SIGSEGV and the like), also the ones that
 * libc keeps for itself (a cancellation: 32 in glibc, 33 in musl; pthreads(7)). raw_sleep alone lets them in:
 * -EINTR if one came, even before the sleep; 0 after `milliseconds`. */
struct raw_mask {
    unsigned long bits[4];
};
void raw_mask_hold(struct raw_mask *saved);
void raw_mask_release(const struct raw_mask *saved);
int raw_sleep(int64_t milliseconds, const struct raw_mask *mask);

/* One write; `nowait` asks the kernel not to block (-EOPNOTSUPP where the file cannot promise that). */
ssize_t raw_write(int fd, const void *bytes, size_t size, bool nowait);

/* Keeps SIGPIPE, SIGXFSZ and SIGTTOU from being delivered to this thread by a write in between. If the write
 * failed, raw_signals_release discards what it raised, and leaves what was pending before. Where
 * raw_mask_hold holds them already, `program` is what it saved, and NULL else. */
struct raw_signals {
    bool held_before;
    unsigned long old[4];
    unsigned long pending[4];
};
void raw_signals_hold(struct raw_signals *saved, const struct raw_mask *program);
void raw_signals_release(const struct raw_signals *saved, bool failed);

/* True if `size` bytes at `address` can be read, asked of the kernel: a program that passes a wild
 * pointer must get its EFAULT from the real call, not a SIGSEGV from us. */
bool raw_readable(const void *address, size_t size);

/* The socket calls; also the last resort of the doors when there is no next definition. */
int raw_socket(int domain, int type, int protocol);
int raw_bind(int fd, const void *address, socklen_t length);
int raw_listen(int fd, int backlog);
int raw_connect(int fd, const void *address, socklen_t length);
int raw_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
int raw_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int raw_getsockname(int fd, void *address, socklen_t *length);
int raw_getpeername(int fd, void *address, socklen_t *length);
ssize_t raw_send(int fd, const void *bytes, size_t size, int flags);
ssize_t raw_receive(int fd, void *buffer, size_t size, int flags);

/* getsockopt of an int: the value, or -errno. Only for options whose values are never negative. */
int raw_option(int fd, int level, int name);

#endif
