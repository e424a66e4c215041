/* SPDX-License-Identifier: MIT
 *
 * The small files and folders of /proc and /sys. Contract in proc.h.
 */
#include "reuseshim/proc.h"

#include "reuseshim/file.h"
#include "reuseshim/text.h"

#include <fcntl.h>
#include <string.h>

const char *proc_path(char buffer[PROC_PATH_MAX], pid_t pid, const char *name)
{
    struct text text = text_in(buffer, PROC_PATH_MAX);
    text_string(&text, "/proc/");
    text_signed(&text, pid);
    text_strings(&text, "/", name);
    return text_end(&text);
}

const char *proc_thread_path(char buffer[PROC_PATH_MAX], pid_t pid, const char *thread, const char *name)
{
    struct text text = text_in(buffer, PROC_PATH_MAX);
    text_string(&text, "/proc/");
    text_signed(&text, pid);
    text_strings(&text, "/task/", thread, "/", name);
    return text_end(&text);
}

const char *proc_fd_path(char buffer[PROC_PATH_MAX], pid_t pid, const char *name, int number)
{
    struct text text = text_in(buffer, PROC_PATH_MAX);
    text_string(&text, "/proc/");
    text_signed(&text, pid);
    text_strings(&text, "/", name, "/");
    text_signed(&text, number);
    return text_end(&text);
}

ssize_t proc_read(const char *path, char *buffer, size_t size)
{
    ssize_t length = file_read(path, buffer, size - 1);
    buffer[length > 0 ? length : 0] = '\0';
    return length;
}

bool proc_number(const char *text, const char *label, uint64_t limit, uint64_t *value)
{
    const char *at = strstr(text, label);
    if (at == NULL)
        return false;
    at += strlen(label);
    return text_to_number(at, strspn(at, "0123456789"), limit, value);
}

struct folder folder_open(const char *path, char *entries, size_t size)
{
    return (struct folder){.fd = raw_open(path, O_RDONLY | O_DIRECTORY, 0), .entries = entries, .size = size};
}

static bool fill(struct folder *folder)
{
    folder->at = 0;
    folder->length = folder->fd < 0 ? 0 : raw_getdents(folder->fd, folder->entries, folder->size);
    return folder->length > 0;
}

const struct raw_entry *folder_next(struct folder *folder)
{
    while (folder->at < folder->length || fill(folder)) {
        const struct raw_entry *entry =
            (const struct raw_entry *)(const void *)(folder->entries + folder->at);
        folder->at += entry->length;
        if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
            return entry;
    }
    return NULL;
}

const struct raw_entry *folder_next_number(struct folder *folder, int *number)
{
    const struct raw_entry *entry;
    while ((entry = folder_next(folder)) != NULL) {
        uint64_t value;
        if (text_to_number(entry->name, strlen(entry->name), INT32_MAX, &value)) {
            *number = (int)value;
            return entry;
        }
    }
    return NULL;
}

void folder_close(struct folder *folder)
{
    if (folder->fd >= 0)
        raw_close(folder->fd);
}
