/* SPDX-License-Identifier: MIT
 *
 * A walk over /proc/PID/fd, of one process, of a family, of a cgroup, of everybody. Contract in processes.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/proc.h"
#include "reuseshim/processes.h"
#include "reuseshim/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The levels of folders share the scratch memory. */
enum {
    OUTER_PART = SCRATCH_SIZE / 2,
    THREADS_PART = 1024,
    INNER_PART = SCRATCH_SIZE - OUTER_PART - THREADS_PART
};

static bool is_late(struct search *search)
{
    if (!search->late && deadline_has_passed(search->deadline))
        search->late = true;
    return search->late;
}

static bool has_enough(const struct search *search)
{
    return search->enough && search->enough(search->context);
}

/* The inode of "socket:[123]", 0 for anything else, -errno where the link does not show. */
static int64_t socket_inode(int directory, const char *name)
{
    static const char prefix[] = "socket:[";
    char link[40];
    uint64_t inode;
    ssize_t length = raw_readlinkat(directory, name, link, sizeof link);
    if (length < 0)
        return length;
    if (length < (ssize_t)sizeof prefix || memcmp(link, prefix, sizeof prefix - 1) != 0)
        return 0;
    size_t digits = (size_t)length - sizeof prefix; /* without prefix and ']' */
    return text_to_number(link + sizeof prefix - 1, digits, INT64_MAX / 16, &inode) ? (int64_t)inode : 0;
}

/* A folder may show and its links not (Landlock, AppArmor). The kernel says the same of a process that has
 * just ended, which is not there any more when it is asked for anew. */
static bool is_forbidden(pid_t pid, int number, int64_t found)
{
    char path[PROC_PATH_MAX];
    return found == -EACCES && socket_inode(AT_FDCWD, proc_fd_path(path, pid, "fd", number)) == -EACCES;
}

/* How many descriptors the folder showed, or -errno. */
static int walk(struct search *search, const char *path, pid_t pid)
{
    struct folder folder = folder_open(path, search->scratch->bytes + OUTER_PART, INNER_PART);
    const struct raw_entry *entry;
    int seen = 0, number;
    if (folder.fd < 0)
        return folder.fd;
    while (!search->late && (entry = folder_next_number(&folder, &number)) != NULL) {
        int64_t inode = socket_inode(folder.fd, entry->name);
        if (inode > 0)
            search->found(search->context, pid, number, (uint64_t)inode);
        else if (is_forbidden(pid, number, inode))
            *(pid == 1 ? &search->init_hides : &search->unreadable) = true;
        if (++seen % 256 == 0)
            (void)is_late(search);
    }
    (void)is_late(search);
    folder_close(&folder);
    return seen;
}

/* If the first thread has exited, /proc/PID/fd is empty; the other threads still show the descriptors. */
static void walk_threads(struct search *search, pid_t pid)
{
    char path[PROC_PATH_MAX], *entries = search->scratch->bytes + SCRATCH_SIZE - THREADS_PART;
    struct folder threads = folder_open(proc_path(path, pid, "task"), entries, THREADS_PART);
    const struct raw_entry *thread;
    int seen = 0, number;
    while (seen == 0 && !search->late && (thread = folder_next_number(&threads, &number)) != NULL)
        if ((pid_t)number != pid)
            seen = walk(search, proc_thread_path(path, pid, thread->name, "fd"), pid);
    folder_close(&threads);
}

void search_process(struct search *search, pid_t pid)
{
    char path[PROC_PATH_MAX];
    int seen = walk(search, proc_path(path, pid, "fd"), pid);
    if (seen == -EACCES || seen == -EPERM)
        search->unreadable = true;
    if (seen == 0)
        walk_threads(search, pid);
}

void search_descriptor(struct search *search, pid_t pid, int fd)
{
    char path[PROC_PATH_MAX];
    int64_t inode = socket_inode(AT_FDCWD, proc_fd_path(path, pid, "fd", fd));
    if (inode > 0)
        search->found(search->context, pid, fd, (uint64_t)inode);
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
    enum { PART = 4096 };
    char path[PROC_PATH_MAX], *entries = search->scratch->bytes + OUTER_PART, *text = entries + PART;
    struct folder threads = folder_open(proc_path(path, pid, "task"), entries, PART);
    const struct raw_entry *thread;
    while (!is_late(search) && (thread = folder_next(&threads)) != NULL) {
        (void)proc_read(proc_thread_path(path, pid, thread->name, "children"), text, PART);
        count = add_numbers(row, count, text);
    }
    folder_close(&threads);
    return count;
}

void search_descendants(struct search *search, pid_t pid, int fd)
{
    pid_t *row = (pid_t *)(void *)search->scratch->bytes; /* fits in OUTER_PART */
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
    pid_t *row = (pid_t *)(void *)search->scratch->bytes;
    char *text = search->scratch->bytes + OUTER_PART;
    if (name.full || proc_read(text_end(&name), text, OUTER_PART) < 0)
        return;
    unsigned count = add_numbers(row, 0, text);
    for (unsigned i = 0; i < count && !is_late(search); i++)
        search_process(search, row[i]);
}

/* ---- everybody -------------------------------------------------------------------------------- */

enum {
    EVERYBODY_MAX = 1 << 16,
    LOOK_AT_ALL = 256, /* so few are looked at even when enough has been found */
    FEW_FILES = 3,     /* standard input, output and error */
    RANKS = 4,
};

struct everybody {
    pid_t pids[EVERYBODY_MAX];
    uint8_t ranks[EVERYBODY_MAX]; /* which are looked at first */
    unsigned count;
    bool all; /* there were not more than that */
};

static void gather(struct search *search, struct everybody *everybody)
{
    struct folder folder = folder_open("/proc", search->scratch->bytes, OUTER_PART);
    int pid;
    everybody->all = folder.fd >= 0;
    while (folder_next_number(&folder, &pid) != NULL) {
        if (everybody->count == EVERYBODY_MAX)
            everybody->all = false;
        else
            everybody->pids[everybody->count++] = (pid_t)pid;
    }
    folder_close(&folder);
}

/* 0 to 3: the lower the likelier. The size of /proc/PID/fd is the number of open files since Linux 6.2; where
 * it says 0, all count as having many. */
static uint8_t rank_of(pid_t pid, uint32_t uid)
{
    char path[PROC_PATH_MAX];
    struct raw_identity folder;
    if (!raw_identify_path(proc_path(path, pid, "fd"), &folder))
        return RANKS - 1;
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

static bool is_done(const struct search *search, pid_t pid)
{
    const struct self *done = search->done;
    bool found = done && done->pid == pid;
    for (unsigned i = 0; done && i < done->ancestor_count && !found; i++)
        found = done->ancestors[i] == pid;
    return found;
}

/* True if none was left out. */
static bool look_at_ranks(struct search *search, const struct everybody *everybody)
{
    for (int rank = 0; rank < RANKS; rank++)
        for (unsigned i = 0; i < everybody->count; i++) {
            unsigned at = from_both_ends(i, everybody->count);
            if (everybody->ranks[at] != rank || is_done(search, everybody->pids[at]))
                continue;
            if (is_late(search) || (everybody->count > LOOK_AT_ALL && has_enough(search)))
                return false;
            search_process(search, everybody->pids[at]);
        }
    return true;
}

bool search_everybody(struct search *search, uint32_t uid)
{
    struct raw_identity first;
    struct everybody *everybody = raw_map(sizeof *everybody);
    if (everybody == NULL)
        return false;
    gather(search, everybody);
    /* Mounted with hidepid, /proc leaves out whole processes, and the first of all is one of them. */
    search->unreadable |= !everybody->all || !raw_identify_path("/proc/1", &first);
    for (unsigned i = 0; i < everybody->count && !is_late(search); i++)
        everybody->ranks[i] = rank_of(everybody->pids[i], uid);
    bool complete = look_at_ranks(search, everybody) && everybody->all;
    raw_unmap(everybody, sizeof *everybody);
    return complete && !search->unreadable && search_sees_the_machine();
}
