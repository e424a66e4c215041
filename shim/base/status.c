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
    ssize_t length = file_read("/proc/thread-self/status", buffer, size - 1);
    if (length <= 0) /* before 3.17: the main thread's, whose filter is nearly always the same */
        length = file_read("/proc/self/status", buffer, size - 1);
    buffer[length > 0 ? length : 0] = '\0';
    read_name(status, buffer);
    status->filtered = !field(buffer, "\nSeccomp:\t", &seccomp) || seccomp != 0;
    if (field(buffer, "\nTgid:\t", &pid) && field(buffer, "\nPid:\t", &tid) &&
        field(buffer, "\nUid:\t", &uid)) {
        status->pid = (pid_t)pid;
        status->tid = (pid_t)tid;
        status->uid = (uid_t)uid;
        return;
    }
    status->pid = raw_pid();
    status->tid = raw_tid();
    status->uid = raw_uid();
}
