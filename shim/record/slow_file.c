/* SPDX-License-Identifier: MIT
 *
 * A log in a file that had better be opened by another process: where the file system may never answer, and
 * where the program has locked it. Contract in sinks.h.
 */
#include "sinks.h"

#include "reuseshim/child.h"
#include "reuseshim/file.h"
#include "reuseshim/raw_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

/* Found out at the first record of a process. */
enum { NOT_KNOWN, QUICK, SLOW };
static _Atomic int verdict;

/* ---- which are slow ------------------------------------------------------------------------------ */

/* Answered from elsewhere, or by a process; the beginnings of their names (fuse.sshfs, nfs4). */
static bool is_slow_type(const char *type)
{
    static const char names[][9] = {"fuse", "virtiofs", "nfs", "cifs", "smb3", "9p", "ceph", "afs"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(type, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* "36 35 98:0 /root /mount/point options ... - TYPE source options" (proc_pid_mountinfo(5)), with the device
 * as the third word. */
static const char *type_of_device(const char *mounts, const char *device)
{
    const char *at = strstr(mounts, device);
    const char *end = at ? strchr(at, '\n') : NULL;
    const char *type = at ? strstr(at, " - ") : NULL;
    return end && type && type < end ? type + 3 : NULL;
}

static bool is_slow_device(uint32_t major, uint32_t minor)
{
    struct file_text mounts;
    char device[32];
    struct text text = text_in(device, sizeof device);
    text_string(&text, " ");
    text_unsigned(&text, major);
    text_string(&text, ":");
    text_unsigned(&text, minor);
    text_string(&text, " /");
    /* What lies on a disk has a major number of its own. */
    if (major != 0 || file_map(&mounts, "/proc/self/mountinfo") < 0)
        return false;
    const char *type = type_of_device(mounts.start, text_end(&text));
    bool is_slow = type && is_slow_type(type);
    raw_unmap(mounts.start, mounts.mapped);
    return is_slow;
}

/* -EAGAIN: it is not in memory yet, so one has to wait for whoever has it. Of a file that was never there
 * that says nothing, but of its folder. */
static bool is_slow_path(const char *path)
{
    char folder[512];
    uint32_t major, minor;
    const char *slash = strrchr(path, '/');
    int fd = raw_open_cached(path, O_NOFOLLOW);
    if ((fd == -ENOENT || fd == -EAGAIN) && slash && (size_t)(slash - path) < sizeof folder) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        fd = raw_open_cached(slash == path ? "/" : folder, O_DIRECTORY);
    }
    if (fd < 0)
        return fd == -EAGAIN;
    bool is_slow = raw_device(fd, &major, &minor) && is_slow_device(major, minor);
    raw_close(fd);
    return is_slow;
}

bool record_log_is_slow(const char *path)
{
    int known = atomic_load_explicit(&verdict, memory_order_relaxed);
    if (known == NOT_KNOWN) {
        known = is_slow_path(path) ? SLOW : QUICK;
        atomic_store_explicit(&verdict, known, memory_order_relaxed);
    }
    return known == SLOW;
}

void slow_file_from_now_on(void)
{
    atomic_store_explicit(&verdict, SLOW, memory_order_relaxed);
}

/* ---- by a child ---------------------------------------------------------------------------------- */

struct appended {
    const char *path, *bytes;
    size_t size;
};

static int append(const char *path, const char *bytes, size_t size)
{
    struct raw_identity identity;
    int fd = raw_open(path, LOG_FILE_FLAGS, LOG_FILE_MODE);
    if (fd < 0)
        return fd;
    ssize_t written = -EMLINK;
    if (!raw_identify(fd, &identity) || !S_ISREG(identity.mode) || identity.links <= 1)
        written = raw_write(fd, bytes, size, false);
    raw_close(fd);
    return written < 0 ? (int)written : (size_t)written == size ? 0 : -ENOSPC;
}

static int append_in_child(void *context)
{
    const struct appended *appended = context;
    return append(appended->path, appended->bytes, appended->size);
}

int slow_file_append(const char *path, const char *bytes, size_t size, int budget_ms)
{
    static struct child_slot slot;
    /* The record may lie in memory that a child finds empty (hooks/repetition.h). */
    char *copy = raw_map(size);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, bytes, size);
    struct appended appended = {path, copy, size};
    int result = child_run(&slot, append_in_child, &appended, budget_ms);
    raw_unmap(copy, size);
    return result == -ENOSYS ? append(path, bytes, size) : result;
}
