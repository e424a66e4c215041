/* SPDX-License-Identifier: MIT
 *
 * The small files and folders of /proc and /sys. System calls; async-signal-safe.
 */
#ifndef REUSESHIM_PROC_H
#define REUSESHIM_PROC_H

#include "reuseshim/raw.h"

/* "/proc/PID/NAME" and "/proc/PID/task/THREAD/NAME", into `buffer`. */
enum { PROC_PATH_MAX = 64 };
const char *proc_path(char buffer[PROC_PATH_MAX], pid_t pid, const char *name);
const char *proc_thread_path(char buffer[PROC_PATH_MAX], pid_t pid, const char *thread, const char *name);
/* "/proc/PID/NAME/NUMBER": a descriptor. */
const char *proc_fd_path(char buffer[PROC_PATH_MAX], pid_t pid, const char *name, int number);

/* Reads a file up to size - 1 bytes and puts a NUL behind them, also if it cannot be read: the length, or
 * -errno. */
ssize_t proc_read(const char *path, char *buffer, size_t size);

/* The decimal number that begins right behind `label` in `text`; false if there is none of at most `limit`.
 */
bool proc_number(const char *text, const char *label, uint64_t limit, uint64_t *value);

/* ---- folders ---------------------------------------------------------------------------------- */

struct folder {
    int fd; /* -errno where it could not be opened: it then has no entries */
    char *entries;
    size_t size;
    ssize_t length, at;
};

/* `entries` is working memory, aligned for struct raw_entry, of at least 512 bytes. */
struct folder folder_open(const char *path, char *entries, size_t size);
/* The next entry but "." and "..", which is good until the next call; NULL at the end. */
const struct raw_entry *folder_next(struct folder *folder);
/* The same, of entries whose names are numbers. */
const struct raw_entry *folder_next_number(struct folder *folder, int *number);
void folder_close(struct folder *folder);

#endif
