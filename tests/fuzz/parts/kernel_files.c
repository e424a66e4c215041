/* SPDX-License-Identifier: MIT
 *
 * Its descriptors, files, folders and links. Contract in kernel_parts.h.
 */
#define _GNU_SOURCE
#include "kernel_parts.h"

#include "reuseshim/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CGROUP2 = 0x63677270 };

/* ---- descriptors -------------------------------------------------------------------------------- */

static struct descriptor *descriptor(long fd)
{
    int at = (int)fd - FIRST_FD;
    return at >= 0 && at < FDS && kernel.fds[at].kind != CLOSED ? &kernel.fds[at] : NULL;
}

long kernel_new_descriptor(enum kind kind, const struct section *section, const char *path)
{
    for (int i = 0; i < FDS; i++)
        if (kernel.fds[i].kind == CLOSED) {
            kernel.fds[i] = (struct descriptor){.kind = kind, .section = section};
            snprintf(kernel.fds[i].path, sizeof kernel.fds[i].path, "%s", path);
            return FIRST_FD + i;
        }
    return -EMFILE;
}

long kernel_close_descriptor(long fd)
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

long kernel_open_path(const char *path, int flags)
{
    bool folder = flags & O_DIRECTORY;
    const struct section *section = folder ? folder_at(path) : sections_for_path(kernel.sections, path);
    if (section == NULL)
        return -ENOENT;
    long error = trouble(section);
    return error ? error : kernel_new_descriptor(folder ? A_FOLDER : A_FILE, section, path);
}

long kernel_read_file(long fd, char *buffer, size_t size)
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

long kernel_read_at(long fd, char *buffer, size_t size, uint64_t at)
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

long kernel_read_folder(long fd, char *buffer, size_t size)
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

long kernel_read_link(long directory, const char *name, char *buffer, size_t size)
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

long kernel_identify(const char *path, struct stat *status)
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

long kernel_identify_descriptor(long fd, struct stat *status)
{
    const struct descriptor *open = descriptor(fd);
    memset(status, 0, sizeof *status);
    status->st_mode = open == NULL || open->section == NULL ? S_IFSOCK : type_of(open->section);
    status->st_ino = open && open->section ? inode_of(open->section) : knob(5);
    return 0;
}

long kernel_type_of_filesystem(const char *path, struct statfs *status)
{
    memset(status, 0, sizeof *status);
    status->f_type = CGROUP2;
    return folder_at(path) ? 0 : -ENOENT;
}

long kernel_open_group(const char *handle)
{
    uint64_t id;
    memcpy(&id, handle + 2 * sizeof(int), sizeof id);
    if (id == 0 || id > kernel.sections->count)
        return -ESTALE;
    const struct section *section = &kernel.sections->list[id - 1];
    char path[400];
    snprintf(path, sizeof path, "%.*s", (int)section->name_length, section->name);
    return kernel_new_descriptor(A_FOLDER, section, path);
}
