/* SPDX-License-Identifier: MIT */
#ifndef REUSESHIM_STATUS_H
#define REUSESHIM_STATUS_H

#include <stdbool.h>
#include <sys/types.h>

/* The calling thread as /proc/thread-self/status shows it: one open, read and close, which a seccomp filter
 * is likelier to allow than prctl(2) or gettid(2). */
struct thread_status {
    pid_t pid, tid;
    uid_t uid;
    bool filtered;      /* seccomp is on, or /proc did not say */
    bool no_proc;       /* there is none */
    bool no_descriptor; /* /proc did not say because none was left to read it with */
    char name[64];      /* of the thread: what ps calls it; "" where /proc did not say */
};

/* Where /proc is not to be had, pid, tid and uid are asked of the kernel. `buffer` must be large:
 * the Groups: line comes before the fields that are wanted. Async-signal-safe. */
void thread_status_read(struct thread_status *status, char *buffer, size_t size);

#endif
