/* SPDX-License-Identifier: MIT
 *
 * Contract in kernel.h.
 */
#define _GNU_SOURCE
#include "kernel.h"

#include "expect.h"
#include "reuseshim/raw.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

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

enum {
    FIRST_FD = 1000,
    FDS = 64,
    MAPPINGS = 16,
    CALLS_MAX = 1 << 17,
    CGROUP2 = 0x63677270,
    PIDFD_OPEN = 434,
    PIDFD_GETFD = 438,
    LOOK_AT_CLOCK_NS = 500000,
    ENOTSUPP = 524, /* include/linux/errno.h; no libc has words for it */
};

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

static struct {
    bool on;
    struct sections *sections;
    struct descriptor fds[FDS];
    struct mapping mappings[MAPPINGS];
    struct section *last_datagram;
    unsigned calls, reads, maps;
    size_t option;
    int64_t now;
} kernel;

static uint8_t knob(size_t at)
{
    return sections_byte(kernel.sections, "knobs", at);
}

static bool is_set(enum knob bit)
{
    return knob(0) & bit;
}

/* ---- descriptors -------------------------------------------------------------------------------- */

static struct descriptor *descriptor(long fd)
{
    int at = (int)fd - FIRST_FD;
    return at >= 0 && at < FDS && kernel.fds[at].kind != CLOSED ? &kernel.fds[at] : NULL;
}

static long new_descriptor(enum kind kind, const struct section *section, const char *path)
{
    for (int i = 0; i < FDS; i++)
        if (kernel.fds[i].kind == CLOSED) {
            kernel.fds[i] = (struct descriptor){.kind = kind, .section = section};
            snprintf(kernel.fds[i].path, sizeof kernel.fds[i].path, "%s", path);
            return FIRST_FD + i;
        }
    return -EMFILE;
}

static long close_descriptor(long fd)
{
    struct descriptor *open = descriptor(fd);
    expect(open != NULL, "what is closed is open");
    open->kind = CLOSED;
    return 0;
}

/* ---- files -------------------------------------------------------------------------------------- */

static struct section *folder_at(const char *path)
{
    char name[400];
    snprintf(name, sizeof name, "%s/", path);
    return sections_for_path(kernel.sections, name);
}

/* A file "!l" says EACCES: the lower half of the letter, and one. */
static long trouble(const struct section *section)
{
    return section->length > 1 && section->bytes[0] == '!' ? -(long)((section->bytes[1] & 15) + 1) : 0;
}

static long open_path(const char *path, int flags)
{
    bool folder = flags & O_DIRECTORY;
    const struct section *section = folder ? folder_at(path) : sections_for_path(kernel.sections, path);
    if (section == NULL)
        return -ENOENT;
    long error = trouble(section);
    return error ? error : new_descriptor(folder ? A_FOLDER : A_FILE, section, path);
}

static long read_file(long fd, char *buffer, size_t size)
{
    struct descriptor *open = descriptor(fd);
    if (open == NULL || open->kind != A_FILE)
        return -EBADF;
    if (is_set(INTERRUPTED) && ++kernel.reads % 3 == 0)
        return -EINTR;
    const struct section *section = open->section;
    bool endless = is_set(ENDLESS_FILES) && section->length;
    size_t left = endless ? size : section->length - open->at, count = left < size ? left : size;
    if (is_set(SHORT_READS) && count > 7 && open->at < 1024)
        count = 1 + open->at % 7;
    for (size_t used = 0; used < count; used++)
        buffer[used] = section->bytes[(open->at + used) % section->length];
    open->at += count;
    return (long)count;
}

static long read_at(long fd, char *buffer, size_t size, uint64_t at)
{
    const struct descriptor *open = descriptor(fd);
    if (open == NULL || at >= open->section->length || open->section->length - at < size)
        return -EIO;
    memcpy(buffer, open->section->bytes + at, size);
    return (long)size;
}

static uint64_t inode_of(const struct section *section)
{
    return 1 + (uint64_t)(section - kernel.sections->list);
}

static long read_folder(long fd, char *buffer, size_t size)
{
    struct descriptor *open = descriptor(fd);
    size_t used = 0;
    if (open == NULL || open->kind != A_FOLDER)
        return -ENOTDIR;
    while (open->at < open->section->length) {
        const char *name = open->section->bytes + open->at;
        size_t left = open->section->length - open->at, length = 0;
        while (length < left && name[length] != '\n' && name[length] != '\0' && name[length] != '/')
            length++;
        if (length && length < 256) {
            char path[720];
            struct raw_entry entry = {.type = ENTRY_DIRECTORY};
            size_t need = (offsetof(struct raw_entry, name) + length + 1 + 7) / 8 * 8;
            if (need > size - used)
                return used ? (long)used : -EINVAL;
            snprintf(path, sizeof path, "%s/%.*s", open->path, (int)length, name);
            const struct section *below = folder_at(path);
            entry.inode = below ? inode_of(below) : 1000 + open->at;
            entry.length = (uint16_t)need;
            memset(buffer + used, 0, need);
            memcpy(buffer + used, &entry, offsetof(struct raw_entry, name));
            memcpy(buffer + used + offsetof(struct raw_entry, name), name, length);
            used += need;
        }
        open->at += length + (length < left);
    }
    return (long)used;
}

static long read_link(long directory, const char *name, char *buffer, size_t size)
{
    static const char own[] = "/proc/self/fd/";
    char path[800];
    const struct descriptor *folder = descriptor(directory);
    snprintf(path, sizeof path, "%s%s%s", folder ? folder->path : "", folder ? "/" : "", name);
    const struct descriptor *open =
        strncmp(path, own, sizeof own - 1) == 0 ? descriptor(atol(path + sizeof own - 1)) : NULL;
    const struct section *section = open ? NULL : sections_for_path(kernel.sections, path);
    const char *target = open ? open->path : section ? section->bytes : NULL;
    size_t length = open ? strlen(open->path) : section ? section->length : 0;
    if (target == NULL)
        return -ENOENT;
    length -= length && target[length - 1] == '\n'; /* a section ends in one */
    size_t count = length < size ? length : size;
    memcpy(buffer, target, count);
    return (long)count;
}

/* A file that begins with '=' is what the next letter says. */
static mode_t type_of(const struct section *section)
{
    bool special = section->length > 1 && section->bytes[0] == '=';
    switch (special ? section->bytes[1] : 'r') {
    case 's':
        return S_IFSOCK;
    case 'l':
        return S_IFLNK;
    case 'p':
        return S_IFIFO;
    case 'c':
        return S_IFCHR;
    default:
        return S_IFREG;
    }
}

static long identify(const char *path, struct stat *status)
{
    const struct section *folder = folder_at(path);
    const struct section *section = folder ? folder : sections_for_path(kernel.sections, path);
    if (section == NULL)
        return -ENOENT;
    memset(status, 0, sizeof *status);
    status->st_ino = inode_of(section);
    status->st_mode = folder ? S_IFDIR : type_of(section);
    status->st_size = (off_t)section->length;
    return 0;
}

static long identify_descriptor(long fd, struct stat *status)
{
    const struct descriptor *open = descriptor(fd);
    memset(status, 0, sizeof *status);
    status->st_mode = open == NULL || open->section == NULL ? S_IFSOCK : type_of(open->section);
    status->st_ino = open && open->section ? inode_of(open->section) : knob(5);
    return 0;
}

static long type_of_filesystem(const char *path, struct statfs *status)
{
    memset(status, 0, sizeof *status);
    status->f_type = CGROUP2;
    return folder_at(path) ? 0 : -ENOENT;
}

static long open_group(const char *handle)
{
    uint64_t id;
    memcpy(&id, handle + 2 * sizeof(int), sizeof id);
    if (id == 0 || id > kernel.sections->count)
        return -ESTALE;
    const struct section *section = &kernel.sections->list[id - 1];
    char path[400];
    snprintf(path, sizeof path, "%.*s", (int)section->name_length, section->name);
    return new_descriptor(A_FOLDER, section, path);
}

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

/* ---- sockets ------------------------------------------------------------------------------------ */

static long make_socket(long domain)
{
    if ((int)domain == AF_NETLINK && is_set(NO_NETLINK))
        return -EPROTONOSUPPORT;
    return new_descriptor((int)domain == AF_NETLINK ? A_NETLINK : A_SOCKET, NULL, "socket");
}

static long receive(char *buffer, size_t size)
{
    struct section *datagram = sections_next(kernel.sections, "netlink");
    if (datagram)
        kernel.last_datagram = datagram;
    else if (is_set(ENDLESS_NETLINK))
        datagram = kernel.last_datagram;
    if (datagram == NULL)
        return -EAGAIN;
    size_t count = datagram->length < size ? datagram->length : size;
    memcpy(buffer, datagram->bytes, count);
    return (long)count;
}

static uint8_t next_option(void)
{
    return sections_byte(kernel.sections, "options", kernel.option++);
}

static long get_option(int name, char *value, socklen_t *length)
{
    enum { BINDTODEVICE = 25, NETNS_COOKIE = 71 };
    socklen_t size = name == BINDTODEVICE ? IF_NAMESIZE : name == NETNS_COOKIE ? 8 : 4;
    if (next_option() & 0x80)
        return -ENOPROTOOPT;
    memset(value, 0, *length);
    for (socklen_t i = 0; i < size && i < *length; i++)
        value[i] = (char)next_option();
    if (name == BINDTODEVICE && *length)
        value[*length - 1] = '\0';
    *length = size < *length ? size : *length;
    return 0;
}

static long get_name(char *address, socklen_t *length)
{
    const socklen_t size = sizeof(struct sockaddr_in6) + 4; /* as much as any address that is asked for */
    for (socklen_t i = 0; i < size && i < *length; i++)
        address[i] = (char)sections_byte(kernel.sections, "name", i);
    *length = size;
    return 0;
}

/* What the kernel itself promises: whole entries, names with an end, and addresses of IPv4 without a port. */
static long list_interfaces(struct ifconf *list)
{
    int count = list->ifc_len / (int)sizeof(struct ifreq), found = 0;
    const struct section *section;
    while (found < count && (section = sections_next(kernel.sections, "interface")) != NULL) {
        struct ifreq entry;
        memset(&entry, 0, sizeof entry);
        memcpy(&entry, section->bytes, section->length < sizeof entry ? section->length : sizeof entry);
        entry.ifr_name[IF_NAMESIZE - 1] = '\0';
        entry.ifr_addr.sa_family = AF_INET;
        memset(entry.ifr_addr.sa_data, 0, sizeof(in_port_t));
        memcpy(list->ifc_buf + (size_t)found++ * sizeof entry, &entry, sizeof entry);
    }
    list->ifc_len = found * (int)sizeof(struct ifreq);
    return 0;
}

static long control(unsigned long request, void *argument)
{
    struct ifreq *interface = argument;
    switch (request) {
    case SIOCGIFCONF:
        return list_interfaces(argument);
    case SIOCGIFFLAGS:
        interface->ifr_flags = knob(2);
        return knob(2) == 0xff ? -ENODEV : 0;
    case SIOCGIFINDEX:
        interface->ifr_ifindex = knob(2);
        return 0;
    case SIOCGIFNAME:
        for (int i = 0; i < IF_NAMESIZE - 1; i++)
            interface->ifr_name[i] = (char)sections_byte(kernel.sections, "device", (size_t)i);
        return interface->ifr_name[0] ? 0 : -ENODEV;
    default:
        return -ENOTTY;
    }
}

/* ---- time, and the rest ------------------------------------------------------------------------- */

static long tell_time(struct timespec *time, int clock)
{
    enum { REALTIME_AHEAD = 1795000000 };
    kernel.now += LOOK_AT_CLOCK_NS + (int64_t)knob(4) * 1000000;
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
        return open_path(pointers[1], (int)a[2]);
    case SYS_close:
        return close_descriptor(a[0]);
    case SYS_read:
        return read_file(a[0], pointers[1], (size_t)a[2]);
    case SYS_pread64:
        return read_at(a[0], pointers[1], (size_t)a[2], (uint64_t)a[3]);
    case SYS_getdents64:
        return read_folder(a[0], pointers[1], (size_t)a[2]);
    case SYS_readlinkat:
        return read_link((int)a[0] == AT_FDCWD ? -1 : a[0], pointers[1], pointers[2], (size_t)a[3]);
    case SYS_newfstatat:
        return identify(pointers[1], (struct stat *)a[2]);
    case SYS_fstat:
        return identify_descriptor(a[0], (struct stat *)a[1]);
    case SYS_statfs:
        return type_of_filesystem(pointers[0], (struct statfs *)a[1]);
    case SYS_open_by_handle_at:
        return open_group(pointers[1]);
    case PIDFD_OPEN:
    case PIDFD_GETFD:
        return is_set(NO_PIDFD) ? -EPERM : new_descriptor(A_SOCKET, NULL, "stolen");
    case SYS_mmap:
        return map((size_t)a[1]);
    case SYS_munmap:
        return unmap(pointers[0]);
    case SYS_socket:
        return make_socket(a[0]);
    case SYS_sendto:
        return knob(3) ? -(long)(knob(3) & 127) : a[2];
    case SYS_recvfrom:
        return receive(pointers[1], (size_t)a[2]);
    case SYS_bind:
    case SYS_listen:
        return -(long)(knob(6) == 255 ? ENOTSUPP : knob(6) & 127);
    case SYS_connect:
        return -(long)(knob(1) & 127);
    case SYS_getsockopt:
        return get_option((int)a[2], pointers[3], (socklen_t *)a[4]);
    case SYS_getsockname:
    case SYS_getpeername:
        return get_name(pointers[1], (socklen_t *)a[2]);
    case SYS_ioctl:
        return control((unsigned long)a[1], pointers[2]);
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
