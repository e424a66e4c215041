/* SPDX-License-Identifier: MIT
 *
 * The calling thread's own status. Contract in status.h.
 */
#include "reuseshim/status.h"

#include "reuseshim/file.h"
#include "reuseshim/raw.h"
#include "reuseshim/text.h"

#include <string.h>

static bool field(const char *status, const char *label, uint64_t *value)
{
    const char *at = strstr(status, label);
    if (at == NULL)
        return false;
    at += strlen(label);
    return text_to_number(at, strspn(at, "0123456789"), UINT32_MAX, value);
}

void thread_status_read(struct thread_status *status)
{
    char text[1792];
    uint64_t pid, tid, uid, seccomp;
    ssize_t length = file_read("/proc/thread-self/status", text, sizeof text - 1);
    if (length <= 0) /* before 3.17: the main thread's, whose filter is nearly always the same */
        length = file_read("/proc/self/status", text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    status->filtered = !field(text, "\nSeccomp:\t", &seccomp) || seccomp != 0;
    if (field(text, "\nTgid:\t", &pid) && field(text, "\nPid:\t", &tid) && field(text, "\nUid:\t", &uid)) {
        status->pid = (pid_t)pid;
        status->tid = (pid_t)tid;
        status->uid = (uid_t)uid;
        return;
    }
    status->pid = raw_pid();
    status->tid = raw_tid();
    status->uid = raw_uid();
}
