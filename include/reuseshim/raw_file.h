/* SPDX-License-Identifier: MIT
 *
 * More of raw.h: questions about a file that do not wait for its file system. The same rules hold.
 */
#ifndef REUSESHIM_RAW_FILE_H
#define REUSESHIM_RAW_FILE_H

#include "reuseshim/raw.h"

/* A path without its file (O_PATH), if the kernel knows the way by heart: -EAGAIN where it would have to ask
 * a file system, which may not answer; -ENOSYS before Linux 5.12. */
int raw_open_cached(const char *path, int flags);
/* The device of the file system that an open file is in, without asking that file system. */
bool raw_device(int fd, uint32_t *major, uint32_t *minor);

/* Has this process a record lock (fcntl(2), F_SETLK) on the open file, or may it share one with others, of
 * whom the kernel names only one? It loses it when it closes any descriptor of that file. */
bool raw_is_locked_by(int fd, pid_t pid);

#endif
