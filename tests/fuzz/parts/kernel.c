/* SPDX-License-Identifier: MIT
 *
 * Contract in kernel.h.
 */
#define _GNU_SOURCE
#include "kernel_parts.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
    CALLS_MAX = 1 << 17,
    PIDFD_OPEN = 434,
    PIDFD_GETFD = 438,
    LOOK_AT_CLOCK_NS = 500000,
    ENOTSUPP = 524, /* include/linux/errno.h; no libc has words for it */
};

struct kernel kernel;

/* ---- memory ------------------------------------------------------------------------------------- */

static long map(size_t size)
{
    if (is_set(FEW_MAPPINGS) && ++kernel.maps % 2 == 0)
        return -ENOMEM;
    for (int i = 0; i < MAPPINGS; i++)
        if (kernel.mappings[i].start == NULL) {
            /* Of malloc, so that the sanitizer knows where it ends. */
            kernel.mappings[i] = (struct mapping){calloc(1, size ? size : 1), size};
            return (long)(uintptr_t)kernel.mappings[i].start;
        }
    return -ENOMEM;
}

/* Of a mapping that begins elsewhere the end is given back, and the rest goes with it later. */
static long unmap(char *start)
{
    for (int i = 0; i < MAPPINGS; i++) {
        struct mapping *mapping = &kernel.mappings[i];
        if (mapping->start == start) {
            free(mapping->start);
            *mapping = (struct mapping){NULL, 0};
            return 0;
        }
        if (mapping->start && start > mapping->start && start < mapping->start + mapping->size)
            return 0;
    }
    expect(false, "what is unmapped is mapped");
    return -EINVAL;
}

/* ---- time, and the rest ------------------------------------------------------------------------- */

static long tell_time(struct timespec *time, int clock)
{
    enum { REALTIME_AHEAD = 1795000000 };
    /* What never ends does so at a deadline, some of which are long. */
    kernel.now += LOOK_AT_CLOCK_NS * (is_set(ENDLESS_NETLINK) ? 10 : 1) + (int64_t)knob(4) * 1000000;
    time->tv_sec = kernel.now / 1000000000 + (clock == CLOCK_REALTIME ? REALTIME_AHEAD : 0);
    time->tv_nsec = kernel.now % 1000000000;
    return 0;
}

static long tell_release(struct utsname *name)
{
    char *release = sections_string(kernel.sections, "uname");
    memset(name, 0, sizeof *name);
    snprintf(name->release, sizeof name->release, "%s", release[0] ? release : "6.1.0");
    free(release);
    return 0;
}

static long answer(long number, const long a[6])
{
    char *const pointers[] = {(char *)a[0], (char *)a[1], (char *)a[2], (char *)a[3]};
    switch (number) {
    case SYS_openat:
        return kernel_open_path(pointers[1], (int)a[2]);
    case SYS_close:
        return kernel_close_descriptor(a[0]);
    case SYS_read:
        return kernel_read_file(a[0], pointers[1], (size_t)a[2]);
    case SYS_pread64:
        return kernel_read_at(a[0], pointers[1], (size_t)a[2], (uint64_t)a[3]);
    case SYS_getdents64:
        return kernel_read_folder(a[0], pointers[1], (size_t)a[2]);
    case SYS_readlinkat:
        return kernel_read_link((int)a[0] == AT_FDCWD ? -1 : a[0], pointers[1], pointers[2], (size_t)a[3]);
    case SYS_newfstatat:
        return kernel_identify(pointers[1], (struct stat *)a[2]);
    case SYS_fstat:
        return kernel_identify_descriptor(a[0], (struct stat *)a[1]);
    case SYS_statfs:
        return kernel_type_of_filesystem(pointers[0], (struct statfs *)a[1]);
    case SYS_open_by_handle_at:
        return kernel_open_group(pointers[1]);
    case PIDFD_OPEN:
    case PIDFD_GETFD:
        return is_set(NO_PIDFD) ? -EPERM : kernel_new_descriptor(A_SOCKET, NULL, "stolen");
    case SYS_mmap:
        return map((size_t)a[1]);
    case SYS_munmap:
        return unmap(pointers[0]);
    case SYS_socket:
        return kernel_make_socket(a[0]);
    case SYS_sendto:
        return knob(3) ? -(long)(knob(3) & 127) : a[2];
    case SYS_recvfrom:
        return kernel_receive(pointers[1], (size_t)a[2]);
    case SYS_bind:
    case SYS_listen:
        return -(long)(knob(6) == 255 ? ENOTSUPP : knob(6) & 127);
    case SYS_connect:
        return -(long)(knob(1) & 127);
    case SYS_getsockopt:
        return kernel_get_option((int)a[2], pointers[3], (socklen_t *)a[4]);
    case SYS_getsockname:
    case SYS_getpeername:
        return kernel_get_name(pointers[1], (socklen_t *)a[2]);
    case SYS_ioctl:
        return kernel_control((unsigned long)a[1], pointers[2]);
    case SYS_clock_gettime:
        return tell_time((struct timespec *)a[1], (int)a[0]);
    case SYS_uname:
        return tell_release((struct utsname *)a[0]);
    case SYS_getpid:
    case SYS_gettid:
        return 42;
    case SYS_getuid:
    case SYS_madvise:
    case SYS_setsockopt:
    case SYS_unlinkat:
    case SYS_fcntl:
        return 0;
    default:
        return -ENOSYS;
    }
}

/* In the place of libc's, and like it reads arguments that are perhaps not there. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (!kernel.on) {
        union {
            void *object;
            long (*function)(long, ...);
        } real = {.object = dlsym(RTLD_NEXT, "syscall")};
        return real.function(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    expect(++kernel.calls < CALLS_MAX, "it comes to an end");
    long result = answer(number, a);
    if (result < 0 && result >= -4095) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

void kernel_begin(struct sections *sections)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.sections = sections;
    kernel.on = true;
}

unsigned kernel_calls(void)
{
    return kernel.calls;
}

void kernel_end(void)
{
    kernel.on = false;
    for (int i = 0; i < FDS; i++)
        expect(kernel.fds[i].kind == CLOSED, "no descriptor is left open");
    for (int i = 0; i < MAPPINGS; i++)
        expect(kernel.mappings[i].start == NULL, "no memory is left mapped");
}
