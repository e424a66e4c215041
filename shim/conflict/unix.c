/* SPDX-License-Identifier: MIT
 *
 * An AF_UNIX name that is taken: by whom, or is it only a file that was left behind. Contract in steps.h.
 */
#define _GNU_SOURCE /* O_PATH */
#include "reuseshim/raw.h"
#include "reuseshim/text.h"
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Who has the name that `newcomer` asks for? */
struct name_search {
    const struct newcomer *newcomer;
    struct raw_identity file; /* of the path; mode 0 for an abstract name */
    bool found;
    struct holder holder;
};

/* The kernel's own form of a device number, against the one that stat(2) gives. */
static bool same_device(uint64_t internal, uint64_t told)
{
    uint64_t major = (told >> 8 & 0xfff) | (told >> 32 & ~(uint64_t)0xfff);
    uint64_t minor = (told & 0xff) | (told >> 12 & ~(uint64_t)0xff);
    return internal >> 20 == major && (internal & 0xfffff) == minor;
}

static bool has_that_name(const struct name_search *name, const struct holder *holder,
                          const struct unix_file *file)
{
    const struct unix_path *one = &holder->path, *other = &name->newcomer->path;
    if (name->file.mode)
        return file->inode && file->inode == (uint32_t)name->file.inode &&
               same_device(file->device, name->file.device);
    return one->length == other->length && memcmp(one->bytes, other->bytes, one->length) == 0;
}

/* An accepted connection carries the listener's name, too. So a connection is kept only until a listener or a
 * bound socket is found. */
static void take_in(void *context, const struct holder *holder, const struct unix_file *file)
{
    struct name_search *name = context;
    bool is_sure =
        holder->type == SOCK_DGRAM || holder->state == STATE_LISTEN || holder->state == STATE_CLOSE;
    if (!has_that_name(name, holder, file) || (name->found && !is_sure))
        return;
    name->holder = *holder;
    name->holder.blocks = YES;
    name->found = true;
}

static int find_name(struct name_search *name, int64_t deadline, struct scratch *scratch)
{
    struct unix_question question = {.deadline = deadline, .found = take_in, .context = name};
    return unix_diag_ask(&question, scratch);
}

/* Is a socket of any network namespace bound to that file? connect() of a datagram socket sends nothing and
 * tells: EPROTOTYPE = a stream socket, success = a datagram one, ECONNREFUSED = none (unix_find_bsd(),
 * net/unix/af_unix.c). */
static tristate is_live(const struct unix_path *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = raw_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return UNKNOWN;
    memcpy(address.sun_path, path->bytes, path->length);
    int result =
        raw_connect(fd, &address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path->length));
    raw_close(fd);
    if (result == -ECONNREFUSED)
        return NO;
    return result == 0 || result == -EPROTOTYPE || result == -EPERM ? YES : UNKNOWN;
}

/* The path as a string; a path of 108 bytes has no NUL of its own. */
static void write_path(char path[sizeof(struct unix_path) + 1], const struct newcomer *newcomer)
{
    size_t length = newcomer->path.length;
    memcpy(path, newcomer->path.bytes, length);
    path[length] = '\0';
}

/* Opens the folder that the path is in, and leaves its last part in *name. Others may put another folder, or
 * a link to one, in the place of this while it is looked at. */
static int open_folder_of(char *path, const char **name)
{
    char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "." : slash == path ? "/" : path;
    *name = slash ? slash + 1 : path;
    if (slash && slash != path)
        *slash = '\0';
    int fd = raw_open(folder, O_RDONLY | O_DIRECTORY, 0);
    return fd == -EACCES ? raw_open(folder, O_PATH | O_DIRECTORY, 0) : fd; /* may be searched, not read */
}

/* Two that start at the same time: the later one must not remove what the earlier one has bound since. Who
 * has the lock for long is none of us, and nobody waits for him. */
static void take_turns(int folder)
{
    enum { TRIES = 50 };
    for (int i = 0; i < TRIES && raw_lock(folder) == -EAGAIN; i++)
        (void)raw_wait_writable(-1, 1);
}

/* The same name by way of that folder; none if it is too long. */
static struct unix_path path_in(int folder, const char *name)
{
    struct unix_path path = {.length = 0};
    struct text text = text_in(path.bytes, sizeof path.bytes);
    text_string(&text, "/proc/self/fd/");
    text_signed(&text, folder);
    text_strings(&text, "/", name);
    text_end(&text);
    path.length = text.full ? 0 : (uint8_t)text.used;
    return path;
}

static bool is_left_behind(const struct newcomer *newcomer, int folder, const char *name, int64_t deadline,
                           struct scratch *scratch)
{
    struct name_search search = {.newcomer = newcomer};
    struct raw_identity again;
    struct unix_path path = path_in(folder, name);
    /* The file itself: a link to a stale socket is no socket. */
    if (path.length == 0 || !raw_identify_in(folder, name, &search.file) || !S_ISSOCK(search.file.mode))
        return false;
    /* Twice: the kernel answers for all network namespaces, sock_diag names the socket of this very file. */
    return is_live(&path) == NO && find_name(&search, deadline, scratch) == 0 &&
           (!search.found || search.holder.state == STATE_ESTABLISHED) &&
           raw_identify_in(folder, name, &again) && again.inode == search.file.inode &&
           again.device == search.file.device;
}

int unix_evict(const struct newcomer *newcomer, int64_t deadline, struct scratch *scratch)
{
    char path[sizeof(struct unix_path) + 1];
    const char *name;
    if (newcomer->path.length == 0 || newcomer->path.bytes[0] == '\0')
        return 0;
    write_path(path, newcomer);
    int folder = open_folder_of(path, &name);
    if (folder < 0)
        return 0;
    int result = 0;
    take_turns(folder);
    if (is_left_behind(newcomer, folder, name, deadline, scratch)) {
        result = raw_unlink_in(folder, name);
        result = result < 0 ? result : 1;
    }
    raw_close(folder);
    return result;
}

/* Why the path is taken, if not by a socket; NULL if it leads to one. */
static const char *find_trouble(struct name_search *name)
{
    char path[sizeof(struct unix_path) + 1];
    write_path(path, name->newcomer);
    if (!raw_identify_link(path, &name->file)) {
        name->file.mode = 0;
        return "the path exists but cannot be examined";
    }
    /* Nor do we: it may lead to a file system that does not answer. */
    if (S_ISLNK(name->file.mode))
        return "that path is a symbolic link; bind does not follow it, remove the link";
    if (S_ISSOCK(name->file.mode))
        return NULL;
    static const struct {
        unsigned type;
        const char *trouble;
    } kinds[] = {{S_IFDIR, "that path is a directory; a socket needs a name of its own in it"},
                 {S_IFIFO, "that path is a FIFO and no socket; the library will not remove it"},
                 {S_IFCHR, "that path is a device and no socket; the library will not remove it"},
                 {S_IFBLK, "that path is a device and no socket; the library will not remove it"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((name->file.mode & S_IFMT) == kinds[i].type)
            return kinds[i].trouble;
    return "that path is a file and no socket; the library will not remove it";
}

void unix_explain(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct name_search name = {.newcomer = newcomer};
    bool abstract = newcomer->path.length && newcomer->path.bytes[0] == '\0';
    if (newcomer->path.length == 0)
        return;
    conflict->path_trouble = abstract ? NULL : find_trouble(&name);
    if (conflict->path_trouble)
        return;
    conflict->all_sockets = find_name(&name, conflict->deadline, scratch) == 0;
    conflict->source = conflict->all_sockets ? SOURCE_SOCK_DIAG : SOURCE_NONE;
    bool sure = name.found && (name.holder.type == SOCK_DGRAM || name.holder.state != STATE_ESTABLISHED);
    tristate live = sure || abstract ? YES : is_live(&newcomer->path);
    if (live == YES && name.found) /* else connections of a listener that is gone */
        conflict->holders[conflict->holder_count++] = name.holder;
    conflict->cause = live == YES ? CAUSE_UNIX_LIVE : live == NO ? CAUSE_UNIX_STALE : CAUSE_UNKNOWN;
    if (live == UNKNOWN)
        conflict->path_trouble = "a socket file has that path; whether anybody listens there cannot be seen";
    conflict->complete = conflict_find_owners(conflict, newcomer, scratch) && conflict->all_sockets;
}
