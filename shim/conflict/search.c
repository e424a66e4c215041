/* SPDX-License-Identifier: MIT
 *
 * A walk over /proc/PID/fd, of one process, of a family, of a cgroup, of everybody. Contract in owners.h.
 */
#include "reuseshim/file.h"
#include "reuseshim/owners.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

/* The levels of directories share the working memory. */
enum {
    OUTER_PART = BUFFER_SIZE / 2,
    THREADS_PART = 1024,
    INNER_PART = BUFFER_SIZE - OUTER_PART - THREADS_PART
};

static bool is_late(struct search *search)
{
    if (!search->late && raw_clock(CLOCK_MONOTONIC) >= search->deadline)
        search->late = true;
    return search->late;
}

static bool has_enough(const struct search *search)
{
    return search->enough && search->enough(search->context);
}

/* The inode of "socket:[123]", 0 for anything else. */
static uint64_t socket_inode(int directory, const char *name)
{
    static const char prefix[] = "socket:[";
    char link[40];
    uint64_t inode;
    ssize_t length = raw_readlinkat(directory, name, link, sizeof link);
    if (length < (ssize_t)sizeof prefix || memcmp(link, prefix, sizeof prefix - 1) != 0)
        return 0;
    size_t digits = (size_t)length - sizeof prefix; /* without prefix and ']' */
    return text_to_number(link + sizeof prefix - 1, digits, UINT64_MAX / 16, &inode) ? inode : 0;
}

/* How many descriptors the folder showed, or -errno. */
static int walk(struct search *search, const char *path, pid_t pid)
{
    int directory = raw_open(path, O_RDONLY | O_DIRECTORY, 0), seen = 0;
    if (directory < 0)
        return directory;
    char *entries = search->buffer + OUTER_PART;
    ssize_t length;
    while (!search->late && (length = raw_getdents(directory, entries, INNER_PART)) > 0) {
        for (ssize_t at = 0; at < length;) {
            const struct raw_entry *entry = (const struct raw_entry *)(const void *)(entries + at);
            uint64_t number, inode;
            at += entry->length;
            if (!text_to_number(entry->name, strlen(entry->name), INT32_MAX, &number))
                continue;
            seen++;
            if ((inode = socket_inode(directory, entry->name)) != 0)
                search->found(search->context, pid, (int)number, inode);
        }
        is_late(search);
    }
    raw_close(directory);
    return seen;
}

/* A process whose first thread has ended shows its descriptors at the others only. */
static void walk_threads(struct search *search, pid_t pid)
{
    char path[64], *entries = search->buffer + BUFFER_SIZE - THREADS_PART;
    int directory = raw_open(process_path(path, sizeof path, pid, "task"), O_RDONLY | O_DIRECTORY, 0);
    ssize_t length = directory < 0 ? 0 : raw_getdents(directory, entries, THREADS_PART);
    int seen = 0;
    for (ssize_t at = 0; at < length && seen == 0;) {
        const struct raw_entry *entry = (const struct raw_entry *)(const void *)(entries + at);
        uint64_t thread;
        at += entry->length;
        if (!text_to_number(entry->name, strlen(entry->name), INT32_MAX, &thread) || (pid_t)thread == pid)
            continue;
        struct text text = text_in(path, sizeof path);
        text_string(&text, "/proc/");
        text_signed(&text, pid);
        text_strings(&text, "/task/", entry->name, "/fd");
        seen = walk(search, text_end(&text), pid);
    }
    if (directory >= 0)
        raw_close(directory);
}

void search_process(struct search *search, pid_t pid)
{
    char path[40];
    int seen = walk(search, process_path(path, sizeof path, pid, "fd"), pid);
    if (seen == -EACCES || seen == -EPERM)
        search->unreadable = true;
    if (seen == 0)
        walk_threads(search, pid);
}

void search_descriptor(struct search *search, pid_t pid, int fd)
{
    char path[48];
    struct text text = text_in(path, sizeof path);
    text_string(&text, "/proc/");
    text_signed(&text, pid);
    text_string(&text, "/fd/");
    text_signed(&text, fd);
    uint64_t inode = socket_inode(AT_FDCWD, text_end(&text));
    if (inode)
        search->found(search->context, pid, fd, inode);
}

/* ---- a family --------------------------------------------------------------------------------- */

enum { FAMILY_MAX = 256 };

/* Adds the numbers in a text to the end of a row. */
static unsigned add_numbers(pid_t *row, unsigned count, const char *text)
{
    uint64_t number;
    while (*text && count < FAMILY_MAX) {
        size_t digits = strspn(text, "0123456789");
        if (text_to_number(text, digits, INT32_MAX, &number))
            row[count++] = (pid_t)number;
        text += digits;
        text += *text != '\0';
    }
    return count;
}

/* The children of each thread (CONFIG_PROC_CHILDREN, which the usual kernels have). */
static unsigned add_children(struct search *search, pid_t pid, pid_t *row, unsigned count)
{
    char path[64];
    char *entries = search->buffer + OUTER_PART, *text = entries + 4096;
    int directory = raw_open(process_path(path, sizeof path, pid, "task"), O_RDONLY | O_DIRECTORY, 0);
    ssize_t length;
    while (directory >= 0 && (length = raw_getdents(directory, entries, 4096)) > 0)
        for (ssize_t at = 0; at < length && !is_late(search);) {
            const struct raw_entry *entry = (const struct raw_entry *)(const void *)(entries + at);
            at += entry->length;
            if (entry->name[0] == '.')
                continue;
            struct text name = text_in(path, sizeof path);
            text_string(&name, "/proc/");
            text_signed(&name, pid);
            text_strings(&name, "/task/", entry->name, "/children");
            ssize_t got = file_read(text_end(&name), text, 4096 - 1);
            text[got > 0 ? got : 0] = '\0';
            count = add_numbers(row, count, text);
        }
    if (directory >= 0)
        raw_close(directory);
    return count;
}

void search_descendants(struct search *search, pid_t pid, int fd)
{
    pid_t *row = (pid_t *)(void *)search->buffer; /* fits in OUTER_PART */
    unsigned count = add_children(search, pid, row, 0);
    for (unsigned i = 0; i < count && !is_late(search) && !has_enough(search); i++) {
        if (fd < 0)
            search_process(search, row[i]);
        else
            search_descriptor(search, row[i], fd);
        count = add_children(search, row[i], row, count);
    }
}

/* ---- a cgroup --------------------------------------------------------------------------------- */

void search_cgroup(struct search *search, const char *folder)
{
    char path[352]; /* a folder as cgroup_find gives it, and the name */
    struct text name = text_in(path, sizeof path);
    text_strings(&name, folder, "/cgroup.procs");
    pid_t *row = (pid_t *)(void *)search->buffer;
    char *text = search->buffer + OUTER_PART;
    ssize_t got = name.full ? -1 : file_read(text_end(&name), text, OUTER_PART - 1);
    text[got > 0 ? got : 0] = '\0';
    unsigned count = add_numbers(row, 0, text);
    for (unsigned i = 0; i < count && !is_late(search); i++)
        search_process(search, row[i]);
}

/* ---- everybody -------------------------------------------------------------------------------- */

enum {
    EVERYBODY_MAX = 1 << 16,
    LOOK_AT_ALL = 256, /* so few are looked at even when enough has been found */
    FEW_FILES = 3,     /* standard input, output and error */
};

struct crowd {
    pid_t pids[EVERYBODY_MAX];
    uint8_t classes[EVERYBODY_MAX];
    unsigned count;
    bool all; /* there were not more than that */
};

static void gather(struct search *search, struct crowd *crowd)
{
    int directory = raw_open("/proc", O_RDONLY | O_DIRECTORY, 0);
    ssize_t length;
    crowd->all = directory >= 0;
    if (directory < 0)
        return;
    while ((length = raw_getdents(directory, search->buffer, OUTER_PART)) > 0)
        for (ssize_t at = 0; at < length;) {
            const struct raw_entry *entry = (const struct raw_entry *)(const void *)(search->buffer + at);
            uint64_t pid;
            at += entry->length;
            if (!text_to_number(entry->name, strlen(entry->name), INT32_MAX, &pid))
                continue;
            if (crowd->count == EVERYBODY_MAX)
                crowd->all = false;
            else
                crowd->pids[crowd->count++] = (pid_t)pid;
        }
    raw_close(directory);
}

/* 0 to 3: the lower the likelier. The size of /proc/PID/fd is the number of open files since Linux 6.2; where
 * it says 0, all count as having many. */
static uint8_t class_of(pid_t pid, uint32_t uid)
{
    char path[40];
    struct raw_identity folder;
    if (!raw_identify_path(process_path(path, sizeof path, pid, "fd"), &folder))
        return 3;
    bool few = folder.size > 0 && folder.size <= FEW_FILES;
    return (uint8_t)((folder.uid == uid ? 0 : 2) + few);
}

/* The first, the last, the second, the last but one ... */
static unsigned from_both_ends(unsigned i, unsigned count)
{
    return i & 1 ? count - 1 - i / 2 : i / 2;
}

bool search_sees_the_machine(void)
{
    static const char initial[] = "pid:[4026531836]"; /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
    char link[32];
    ssize_t length = raw_readlinkat(AT_FDCWD, "/proc/self/ns/pid", link, sizeof link);
    return length == (ssize_t)sizeof initial - 1 && memcmp(link, initial, sizeof initial - 1) == 0;
}

bool search_everybody(struct search *search, uint32_t uid)
{
    struct raw_identity first;
    struct crowd *crowd = raw_map(sizeof *crowd);
    if (crowd == NULL)
        return false;
    gather(search, crowd);
    bool complete = crowd->all;
    /* Mounted with hidepid, /proc leaves out whole processes, and the first of all is one of them. */
    search->unreadable |= !complete || !raw_identify_path("/proc/1", &first);
    for (unsigned i = 0; i < crowd->count && !is_late(search); i++)
        crowd->classes[i] = class_of(crowd->pids[i], uid);
    for (uint8_t class = 0; class < 4; class ++)
        for (unsigned i = 0; i < crowd->count && complete; i++) {
            unsigned at = from_both_ends(i, crowd->count);
            if (crowd->classes[at] != class)
                continue;
            if (is_late(search) || (crowd->count > LOOK_AT_ALL && has_enough(search)))
                complete = false;
            else
                search_process(search, crowd->pids[at]);
        }
    raw_unmap(crowd, sizeof *crowd);
    return complete && !search->unreadable && search_sees_the_machine();
}
