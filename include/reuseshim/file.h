/* SPDX-License-Identifier: MIT
 *
 * Whole files, read with system calls alone. Async-signal-safe.
 */
#ifndef REUSESHIM_FILE_H
#define REUSESHIM_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads up to size bytes of a file; the number read, or -errno. Only for files of /proc and /sys
 * whose lines are shorter than half a page. */
ssize_t file_read(const char *path, char *buffer, size_t size);

struct file_text {
    char *start; /* raw_map memory of `mapped` bytes, NULL if there is none */
    size_t length;
    size_t mapped;
};
enum { FILE_TEXT_MAX = 1 << 20 };

/* Reads a regular file of at most FILE_TEXT_MAX bytes. 0, or -errno: -EISDIR, -EFBIG, -EINVAL for what is
 * neither file nor directory (never blocks on a FIFO). */
int file_map(struct file_text *text, const char *path);

/* The file name behind a link such as /proc/self/exe, without its directory and without the " (deleted)" of
 * a file that was replaced. The length, 0 if it cannot be read; NUL-terminated either way. */
size_t file_executable_name(const char *link, char *buffer, size_t size);

#endif
