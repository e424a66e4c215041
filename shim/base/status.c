/* SPDX-License-Identifier: MIT
 *
 * The calling thread's own status. Contract in status.h.
 */
#include "reuseshim/status.h"

#include "reuseshim/proc.h"

#include <errno.h>
#include <string.h>

static void read_name(struct thread_status *status, const char *text)
{
    static const char label[] = "Name:\t";
    status->name[0] = '\0';
    if (strncmp(text, label, sizeof label - 1) != 0)
        return;
    text += sizeof label - 1;
    size_t length = strcspn(text, "\n");
    if (length >= sizeof status->name)
        length = sizeof status->name - 1;
    memcpy(status->name, text, length);
    status->name[length] = '\0';
}

void thread_status_read(struct thread_status *status, char *buffer, size_t size)
{
    uint64_t pid, tid, uid, seccomp;
    ssize_t length = proc_read("/proc/thread-self/status", buffer, size);
    status->no_descriptor = length == -EMFILE || length == -ENFILE;
    if (length <= 0 && !status->no_descriptor)
        /* Before 3.17: the main thread's, whose filter is nearly always the same. */
        length = proc_read("/proc/self/status", buffer, size);
    status->no_proc = length == -ENOENT;
    read_name(status, buffer);
    status->filtered = !proc_number(buffer, "\nSeccomp:\t", UINT32_MAX, &seccomp) || seccomp != 0;
    if (proc_number(buffer, "\nTgid:\t", UINT32_MAX, &pid) &&
        proc_number(buffer, "\nPid:\t", UINT32_MAX, &tid) &&
        proc_number(buffer, "\nUid:\t", UINT32_MAX, &uid)) {
        status->pid = (pid_t)pid;
        status->tid = (pid_t)tid;
        status->uid = (uid_t)uid;
        return;
    }
    status->pid = raw_pid();
    status->tid = raw_tid();
    status->uid = raw_uid();
}
