/* SPDX-License-Identifier: MIT
 *
 * Which processes hold the sockets: a walk over /proc/PID/fd. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

struct search {
    struct conflict *conflict;
    struct self self;
    const struct newcomer *newcomer;
    bool late;
    bool unreadable; /* at least one process would not show its descriptors */
    char *buffer;
};

/* What getdents64(2) returns; glibc's struct dirent64 is the same, musl's has another name. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* The two levels of directories share the working memory. */
enum { PROCESS_PART = BUFFER_SIZE / 2 };

static bool is_late(struct search *search)
{
    if (!search->late && raw_clock(CLOCK_MONOTONIC) >= search->conflict->deadline)
        search->late = true;
    return search->late;
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

static void read_flags(struct search *search, struct holder *holder, pid_t pid, int number)
{
    bool own = pid == search->self.pid;
    /* Nothing hangs on the flags of a holder that blocks whatever they are. */
    if (holder->reuseport != UNKNOWN ||
        (holder->blocks == YES && search->newcomer->options[OPTION_REUSEPORT] != YES))
        return;
    int fd = own ? number : raw_steal_fd(pid, number);
    struct raw_identity identity;
    if (fd >= 0 && raw_identify(fd, &identity) && identity.inode == holder->inode) {
        int reuseaddr = raw_option(fd, SOL_SOCKET, SO_REUSEADDR);
        int reuseport = raw_option(fd, SOL_SOCKET, SO_REUSEPORT);
        holder->reuseaddr = reuseaddr < 0 ? UNKNOWN : reuseaddr != 0;
        holder->reuseport = reuseport < 0 ? UNKNOWN : reuseport != 0;
    }
    if (!own && fd >= 0)
        raw_close(fd);
}

static void note_owner(struct search *search, size_t index, pid_t pid)
{
    struct owners *owners = &search->conflict->owners[index];
    for (size_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].pid == pid)
            return;
    if (owners->count < PROCESSES_MAX)
        process_describe(&owners->processes[owners->count], pid, &search->self);
    owners->count++;
}

static void look_at_descriptor(struct search *search, int directory, const char *name, pid_t pid)
{
    uint64_t inode = socket_inode(directory, name);
    for (size_t i = 0; inode && i < search->conflict->holder_count; i++)
        if (search->conflict->holders[i].inode == inode) {
            uint64_t number;
            if (text_to_number(name, strlen(name), INT32_MAX, &number))
                read_flags(search, &search->conflict->holders[i], pid, (int)number);
            note_owner(search, i, pid);
        }
}

static void look_at_process(struct search *search, pid_t pid)
{
    char path[40];
    struct text text = text_in(path, sizeof path);
    text_string(&text, "/proc/");
    text_signed(&text, pid);
    text_string(&text, "/fd");
    int directory = raw_open(text_end(&text), O_RDONLY | O_DIRECTORY, 0);
    if (directory == -EACCES || directory == -EPERM)
        search->unreadable = true;
    if (directory < 0)
        return;
    char *entries = search->buffer + PROCESS_PART;
    ssize_t length;
    while (!search->late && (length = raw_getdents(directory, entries, BUFFER_SIZE - PROCESS_PART)) > 0) {
        for (ssize_t at = 0; at < length;) {
            const struct entry *entry = (const struct entry *)(const void *)(entries + at);
            if (entry->name[0] != '.')
                look_at_descriptor(search, directory, entry->name, pid);
            at += entry->length;
        }
        is_late(search);
    }
    raw_close(directory);
}

static bool seen_before(const struct search *search, pid_t pid)
{
    for (unsigned i = 0; i < search->self.ancestor_count; i++)
        if (search->self.ancestors[i] == pid)
            return true;
    return pid == search->self.pid;
}

static void look_at_all(struct search *search)
{
    int directory = raw_open("/proc", O_RDONLY | O_DIRECTORY, 0);
    search->unreadable |= directory < 0;
    if (directory < 0)
        return;
    ssize_t length;
    while (!search->late && (length = raw_getdents(directory, search->buffer, PROCESS_PART)) > 0) {
        for (ssize_t at = 0; at < length && !search->late;) {
            const struct entry *entry = (const struct entry *)(const void *)(search->buffer + at);
            uint64_t pid;
            if (text_to_number(entry->name, strlen(entry->name), INT32_MAX, &pid) &&
                !seen_before(search, (pid_t)pid))
                look_at_process(search, (pid_t)pid);
            at += entry->length;
        }
    }
    raw_close(directory);
}

static bool all_found(const struct conflict *conflict)
{
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && conflict->owners[i].count == 0)
            return false;
    return true;
}

bool owners_find(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    struct search search = {.conflict = conflict, .newcomer = newcomer, .buffer = buffer};
    if (!all_found(conflict)) {
        /* The likeliest first: the program itself, then those it was started by, then everybody. Once every
         * socket has an owner the rest is not asked whether it has it too. */
        process_self(&search.self);
        look_at_process(&search, search.self.pid);
        for (unsigned i = 0; i < search.self.ancestor_count && !all_found(conflict); i++)
            look_at_process(&search, search.self.ancestors[i]);
        if (!all_found(conflict)) {
            look_at_all(&search);
            conflict->all_processes = !search.late && !search.unreadable;
        }
    }
    for (size_t i = 0; i < conflict->holder_count; i++) {
        struct holder *holder = &conflict->holders[i];
        holder->owners = (uint8_t)i;
        if (holder->inode == 0)
            holder->owner = OWNER_NONE;
        else if (search.late)
            holder->owner = OWNER_NOT_SEARCHED;
        else if (conflict->owners[i].count)
            holder->owner = OWNER_KNOWN;
        else /* it has a descriptor somewhere: another user's, the kernel's, or in flight */
            holder->owner = OWNER_HIDDEN;
    }
    return !search.late;
}
