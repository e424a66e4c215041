/* SPDX-License-Identifier: MIT
 *
 * From the id that sock_diag gives of a cgroup to its folder. Contract in processes.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/proc.h"
#include "reuseshim/processes.h"
#include "reuseshim/text.h"

#include <fcntl.h>
#include <string.h>

enum {
    CGROUP2_MAGIC = 0x63677270, /* linux/magic.h */
    LEVELS_MAX = 9,             /* each takes stack; deeper groups are found by their id or nearby */
    LEVEL_PART = SCRATCH_SIZE / LEVELS_MAX / 8 * 8,
    NAME_MAX_HERE = 255,
};

/* Where systemd and everybody else mount cgroup v2: alone, or beside v1 (hybrid). */
static const char *find_mount(void)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (raw_filesystem_type(places[i]) == CGROUP2_MAGIC)
            return places[i];
    return NULL;
}

static bool is_group(const char *folder, uint64_t id)
{
    struct raw_identity identity;
    return raw_identify_path(folder, &identity) && identity.inode == id;
}

/* By the id itself; root only. */
static bool find_by_handle(uint64_t id, const char *mount, char *folder, size_t size)
{
    char link[40];
    int mount_fd = raw_open(mount, O_RDONLY | O_DIRECTORY, 0);
    int fd = mount_fd < 0 ? mount_fd : raw_open_cgroup(mount_fd, id);
    if (mount_fd >= 0)
        raw_close(mount_fd);
    if (fd < 0)
        return false;
    struct text text = text_in(link, sizeof link);
    text_string(&text, "/proc/self/fd/");
    text_signed(&text, fd);
    ssize_t length = raw_readlinkat(AT_FDCWD, text_end(&text), folder, size - 1);
    raw_close(fd);
    folder[length > 0 ? length : 0] = '\0';
    return length > 0 && (size_t)length < size - 1 && is_group(folder, id);
}

/* Our own group and those above it: most often the holder is a neighbour. */
static bool find_nearby(uint64_t id, const char *mount, char *folder, size_t size, struct scratch *scratch)
{
    char *buffer = scratch->bytes;
    (void)proc_read("/proc/self/cgroup", buffer, sizeof scratch->bytes);
    char *line = strncmp(buffer, "0::", 3) == 0 ? buffer : strstr(buffer, "\n0::");
    if (line == NULL)
        return false;
    line += *line == '\n';
    struct text text = text_in(folder, size);
    text_string(&text, mount);
    text_bytes(&text, line + 3, strcspn(line + 3, "\n"));
    text_end(&text);
    for (size_t root = strlen(mount); !text.full && strlen(folder) > root; *strrchr(folder, '/') = '\0')
        if (is_group(folder, id))
            return true;
    return false;
}

/* All of them: the id is the inode number of the folder, which a directory shows without a look inside. */
static bool find_below(uint64_t id, char *path, size_t size, struct scratch *scratch, unsigned level,
                       int64_t deadline)
{
    size_t end = strlen(path);
    const struct raw_entry *entry;
    bool found = false;
    if (level == LEVELS_MAX || deadline_has_passed(deadline))
        return false;
    struct folder folder = folder_open(path, scratch->bytes + (size_t)level * LEVEL_PART, LEVEL_PART);
    while (!found && (entry = folder_next(&folder)) != NULL) {
        if (entry->type != ENTRY_DIRECTORY || end + strlen(entry->name) + 2 > size)
            continue;
        struct text text = text_in(path + end, size - end);
        text_strings(&text, "/", entry->name);
        text_end(&text);
        found = entry->inode == id || find_below(id, path, size, scratch, level + 1, deadline);
    }
    folder_close(&folder);
    if (!found)
        path[end] = '\0';
    return found;
}

const char *cgroup_find(uint64_t id, char *folder, size_t size, const struct search *search)
{
    const char *mount = find_mount();
    if (mount == NULL || size < NAME_MAX_HERE)
        return NULL;
    size_t root = strlen(mount);
    memcpy(folder, mount, root + 1);
    if (is_group(folder, id))
        return "/";
    if ((!search->usual_calls_only && find_by_handle(id, mount, folder, size)) ||
        find_nearby(id, mount, folder, size, search->scratch))
        return folder + root;
    memcpy(folder, mount, root + 1);
    return find_below(id, folder, size, search->scratch, 0, search->deadline) ? folder + root : NULL;
}
