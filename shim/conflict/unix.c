/* SPDX-License-Identifier: MIT
 *
 * An AF_UNIX name that is taken: by whom, or is it only a file that was left behind. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

enum { ATTRIBUTE_UID = 7 /* UNIX_DIAG_UID, Linux 5.3 */, SHOW_UID = 0x40 };

struct wanted {
    const struct newcomer *newcomer;
    struct raw_identity file; /* of the path; mode 0 for an abstract name */
};

struct seen {
    struct holder holder;
    uint64_t file_inode, file_device;
};

/* The kernel's own form of a device number, against the one that stat(2) gives. */
static bool same_device(uint64_t internal, uint64_t told)
{
    uint64_t major = (told >> 8 & 0xfff) | (told >> 32 & ~(uint64_t)0xfff);
    uint64_t minor = (told & 0xff) | (told >> 12 & ~(uint64_t)0xff);
    return internal >> 20 == major && (internal & 0xfffff) == minor;
}

static void read_attribute(struct seen *seen, unsigned type, const char *value, size_t length)
{
    struct unix_diag_vfs file;
    if (type == UNIX_DIAG_NAME && length <= sizeof seen->holder.path.bytes) {
        seen->holder.path.length = (uint8_t)length;
        memcpy(seen->holder.path.bytes, value, length);
        /* The kernel counts the NUL behind a path, which an abstract name does not have. */
        if (length > 1 && value[0] != '\0' && value[length - 1] == '\0')
            seen->holder.path.length--;
    } else if (type == UNIX_DIAG_VFS && length >= sizeof file) {
        memcpy(&file, value, sizeof file);
        seen->file_inode = file.udiag_vfs_ino;
        seen->file_device = file.udiag_vfs_dev;
    } else if (type == ATTRIBUTE_UID && length >= sizeof seen->holder.uid) {
        memcpy(&seen->holder.uid, value, sizeof seen->holder.uid);
        seen->holder.uid_known = true;
    }
}

static void read_message(struct seen *seen, const struct nlmsghdr *message)
{
    const struct unix_diag_msg *said = (const void *)((const char *)message + NLMSG_HDRLEN);
    const char *attribute = (const char *)(said + 1), *end = (const char *)message + message->nlmsg_len;
    memset(seen, 0, sizeof *seen);
    seen->holder = (struct holder){.type = said->udiag_type,
                                   .state = said->udiag_state,
                                   .local = {.family = AF_UNIX},
                                   .timer_ms = -1,
                                   .inode = said->udiag_ino,
                                   .v6only = UNKNOWN,
                                   .reuseaddr = UNKNOWN,
                                   .reuseport = UNKNOWN,
                                   .blocks = YES};
    while (end - attribute >= (ptrdiff_t)sizeof(struct nlattr)) {
        struct nlattr head;
        memcpy(&head, attribute, sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > end - attribute)
            break;
        read_attribute(seen, head.nla_type, attribute + sizeof head, head.nla_len - sizeof head);
        attribute += NLA_ALIGN(head.nla_len);
    }
}

static bool has_that_name(const struct seen *seen, const struct wanted *wanted)
{
    const struct unix_path *one = &seen->holder.path, *other = &wanted->newcomer->path;
    if (wanted->file.mode)
        return seen->file_inode && seen->file_inode == (uint32_t)wanted->file.inode &&
               same_device(seen->file_device, wanted->file.device);
    return one->length == other->length && memcmp(one->bytes, other->bytes, one->length) == 0;
}

/* An accepted connection bears the listener's name but is not what the name leads to; a client that was bound
 * to it and has connected looks the same. So a connection is taken only as long as nobody better is there. */
static void take_in(struct conflict *conflict, const struct seen *seen)
{
    const struct holder *one = &seen->holder;
    bool is_sure = one->type == SOCK_DGRAM || one->state == STATE_LISTEN || one->state == STATE_CLOSE;
    if (conflict->holder_count == 0 || is_sure)
        conflict->holders[0] = *one;
    conflict->holder_count = 1;
}

static int read_answers(struct conflict *conflict, const struct wanted *wanted, const char *buffer,
                        size_t length)
{
    for (size_t at = 0; length - at >= sizeof(struct nlmsghdr);) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(buffer + at);
        if (message->nlmsg_len < sizeof *message || message->nlmsg_len > length - at)
            return -EBADMSG;
        if (message->nlmsg_type == NLMSG_DONE)
            return 0;
        if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
            message->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
            return -EPROTO;
        struct seen seen;
        read_message(&seen, message);
        if (has_that_name(&seen, wanted))
            take_in(conflict, &seen);
        at += NLMSG_ALIGN(message->nlmsg_len);
    }
    return 1;
}

/* All AF_UNIX sockets of this network namespace: 0, or -errno. */
static int ask(struct conflict *conflict, const struct wanted *wanted, char *buffer)
{
    struct {
        struct nlmsghdr header;
        struct unix_diag_req request;
    } ask = {.header = {.nlmsg_len = sizeof ask,
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             .request = {.sdiag_family = AF_UNIX,
                         .udiag_states = ~0U,
                         .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | SHOW_UID}};
    int fd = raw_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return fd;
    int result = (int)raw_send(fd, &ask, sizeof ask, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (result > 0) {
        ssize_t got = raw_receive(fd, buffer, BUFFER_SIZE, MSG_DONTWAIT);
        result = got < 0 ? (int)got : read_answers(conflict, wanted, buffer, (size_t)got);
        if (result > 0 && raw_clock(CLOCK_MONOTONIC) >= conflict->deadline)
            result = -ETIME;
    }
    raw_close(fd);
    return result;
}

/* Is any socket, of whatever network namespace, bound to that file? A datagram socket that connects to it
 * sends nothing, and is told: EPROTOTYPE by a stream socket, success by a datagram one, ECONNREFUSED by
 * nobody (unix_find_bsd(), net/unix/af_unix.c). */
static tristate is_live(const struct newcomer *newcomer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = raw_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return UNKNOWN;
    memcpy(address.sun_path, newcomer->path.bytes, newcomer->path.length);
    int result = raw_connect(fd, &address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + newcomer->path.length));
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

static void identify(struct wanted *wanted)
{
    char path[sizeof(struct unix_path) + 1];
    write_path(path, wanted->newcomer);
    if (!raw_identify_path(path, &wanted->file))
        wanted->file.mode = 0;
}

int unix_evict(const struct newcomer *newcomer, int64_t deadline, void *buffer)
{
    struct wanted wanted = {.newcomer = newcomer};
    struct raw_identity again;
    char path[sizeof(struct unix_path) + 1];
    if (newcomer->path.length == 0 || newcomer->path.bytes[0] == '\0')
        return 0;
    /* The file itself: a link to a stale socket is no socket. */
    write_path(path, newcomer);
    if (!raw_identify_link(path, &wanted.file) || !S_ISSOCK(wanted.file.mode))
        return 0;
    /* Twice: the kernel answers for all network namespaces, sock_diag names the socket of this very file. */
    struct conflict *conflict = raw_map(sizeof *conflict);
    if (conflict == NULL)
        return -ENOMEM;
    conflict->deadline = deadline;
    bool is_free = is_live(newcomer) == NO && ask(conflict, &wanted, buffer) == 0 &&
                   (conflict->holder_count == 0 || conflict->holders[0].state == STATE_ESTABLISHED);
    raw_unmap(conflict, sizeof *conflict);
    if (!is_free || !raw_identify_link(path, &again) || again.inode != wanted.file.inode ||
        again.device != wanted.file.device)
        return 0;
    int result = raw_unlink(path);
    return result < 0 ? result : 1;
}

void unix_explain(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    struct wanted wanted = {.newcomer = newcomer};
    bool abstract = newcomer->path.length && newcomer->path.bytes[0] == '\0';
    if (newcomer->path.length == 0)
        return;
    if (!abstract) {
        identify(&wanted);
        if (wanted.file.mode == 0) {
            conflict->path_trouble = "something has that path, and it cannot be looked at from here";
            return;
        }
        if (!S_ISSOCK(wanted.file.mode)) {
            conflict->path_trouble = "that path is a file which is no socket; nothing here will remove it";
            return;
        }
    }
    conflict->all_sockets = ask(conflict, &wanted, buffer) == 0;
    conflict->source = conflict->all_sockets ? SOURCE_SOCK_DIAG : SOURCE_NONE;
    bool sure = conflict->holder_count &&
                (conflict->holders[0].type == SOCK_DGRAM || conflict->holders[0].state != STATE_ESTABLISHED);
    tristate live = sure || abstract ? YES : is_live(newcomer);
    if (live != YES)
        conflict->holder_count = 0; /* connections of a listener that is gone */
    conflict->cause = live == YES ? CAUSE_UNIX_LIVE : live == NO ? CAUSE_UNIX_STALE : CAUSE_UNKNOWN;
    if (live == UNKNOWN)
        conflict->path_trouble = "a socket file has that path; whether anybody listens there does not show";
    conflict->complete = owners_find(conflict, newcomer, buffer) && conflict->all_sockets;
}
