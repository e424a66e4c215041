/* SPDX-License-Identifier: MIT
 *
 * More of raw.h: a process of our own for a moment, and questions that do not wait for a file system. The
 * same rules hold.
 */
#ifndef REUSESHIM_RAW_PROCESS_H
#define REUSESHIM_RAW_PROCESS_H

#include "reuseshim/raw.h"

/* A path without its file (O_PATH), if the kernel knows the way by heart: -EAGAIN where it would have to ask
 * a file system, which may not answer; -ENOSYS before Linux 5.12. */
int raw_open_cached(const char *path);
/* The device of the file system that an open file is in, without asking that file system. */
bool raw_device(int fd, uint32_t *major, uint32_t *minor);

/* Has this process a record lock (fcntl(2), F_SETLK) on the open file? It loses it when it closes any
 * descriptor of that file. */
bool raw_is_locked_by(int fd, pid_t pid);

/* A copy of this process with this thread alone, which has no descriptors, ends with its parent, and of whose
 * end neither SIGCHLD nor wait(2) tells (Linux 5.9). 0 in it; in the parent its pid, and in *process a
 * descriptor for it; or -errno. */
pid_t raw_child_begin(int *process);
_Noreturn void raw_child_end(int result); /* 0, or -errno */
/* Waits for its end, at most so long, then kills it: false. */
bool raw_child_wait(int process, int milliseconds);
/* What it ended with; 1 if it has not ended yet, -ECHILD if it is not ours. */
int raw_child_result(pid_t child);

#endif
