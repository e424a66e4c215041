/* SPDX-License-Identifier: MIT
 *
 * Work that may wait for ever, done by a child of this process in the time that one has for it. System calls;
 * async-signal-safe.
 */
#ifndef REUSESHIM_CHILD_H
#define REUSESHIM_CHILD_H

#include <stdatomic.h>
#include <sys/types.h>

/* The child that could not be killed, since it waits inside the kernel; 0 for none. As long as there is one,
 * no other is made for the same kind of work. */
struct child_slot {
    _Atomic pid_t unfinished;
};

/* Calls work(context) in a copy of this process that has this thread alone and no descriptors, that ends with
 * its parent, and of whose end neither SIGCHLD nor wait(2) tells. What memory it writes is its own, unless
 * the memory is shared; what raw_map_forgotten_by_children gave is empty in it. Returns what `work` did: 0 or
 * -errno; -ETIMEDOUT if it took longer; -ENOSYS where there can be no such child (before Linux 5.9). */
int child_run(struct child_slot *slot, int (*work)(void *context), void *context, int milliseconds);

#endif
