/* SPDX-License-Identifier: MIT
 *
 * Between the parts of the kernel that answers from the input: its state, and what each part answers. As of
 * syscall(2): a value >= 0, or -errno.
 */
#ifndef REUSESHIM_FUZZ_KERNEL_PARTS_H
#define REUSESHIM_FUZZ_KERNEL_PARTS_H

#include "expect.h"
#include "kernel.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Bits of the first knob. The others: [1] the errno of connect(2), [2] the flags of an interface, [3] the
 * errno of send(2), [4] the milliseconds that each look at the clock takes, [5] the inode of
 * the program's socket, [6] the errno of bind(2) and listen(2). */
enum knob {
    ENDLESS_NETLINK = 1, /* the last datagram comes again and again */
    SHORT_READS = 2,     /* of the first bytes */
    INTERRUPTED = 4,     /* every third read says EINTR */
    NO_NETLINK = 8,
    NO_PIDFD = 16,
    FEW_MAPPINGS = 32, /* every second mmap fails */
    ENDLESS_FILES = 64,
};

enum { FIRST_FD = 1000, FDS = 64, MAPPINGS = 16 };

enum kind { CLOSED, A_FILE, A_FOLDER, A_SOCKET, A_NETLINK };

struct descriptor {
    enum kind kind;
    const struct section *section;
    size_t at;
    char path[400];
};

struct mapping {
    char *start;
    size_t size;
};

extern struct kernel {
    bool on;
    struct sections *sections;
    struct descriptor fds[FDS];
    struct mapping mappings[MAPPINGS];
    struct section *last_datagram;
    unsigned calls, reads, maps;
    size_t option;
    int64_t now;
} kernel;

static inline uint8_t knob(size_t at)
{
    return sections_byte(kernel.sections, "knobs", at);
}

static inline bool is_set(enum knob bit)
{
    return knob(0) & bit;
}

/* ---- kernel_files.c ---- */

long kernel_new_descriptor(enum kind kind, const struct section *section, const char *path);
long kernel_close_descriptor(long fd);
long kernel_open_path(const char *path, int flags);
long kernel_read_file(long fd, char *buffer, size_t size);
long kernel_read_at(long fd, char *buffer, size_t size, uint64_t at);
long kernel_read_folder(long fd, char *buffer, size_t size);
long kernel_read_link(long directory, const char *name, char *buffer, size_t size);
long kernel_identify(const char *path, struct stat *status);
long kernel_identify_descriptor(long fd, struct stat *status);
long kernel_type_of_filesystem(const char *path, struct statfs *status);
long kernel_open_group(const char *handle);

/* ---- kernel_sockets.c ---- */

long kernel_make_socket(long domain);
long kernel_receive(char *buffer, size_t size);
long kernel_get_option(int name, char *value, socklen_t *length);
long kernel_get_name(char *address, socklen_t *length);
long kernel_control(unsigned long request, void *argument);

#endif
