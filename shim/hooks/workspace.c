/* SPDX-License-Identifier: MIT
 *
 * From a failed call to what a record says of it. Contract in workspace.h.
 */
#include "workspace.h"

#include "reuseshim/file.h"

#include <errno.h>
#include <string.h>

void workspace_begin(struct workspace *work)
{
    struct record *record = &work->record;
    struct thread_status *status = &work->status;
    thread_status_read(status, work->scratch.bytes, sizeof work->scratch.bytes);
    record->pid = status->pid;
    record->tid = status->tid;
    record->uid = status->uid;
    record->usual_calls_only = status->filtered;
    record->program = work->program;
    if (status->filtered || file_executable_name("/proc/self/exe", work->program, sizeof work->program) == 0)
        memcpy(work->program, status->name, sizeof status->name);
}

/* Unless told otherwise, nothing unusual under a seccomp filter, which may kill for it. */
bool workspace_may_ask(const struct workspace *work, const struct shim *shim)
{
    return shim->settings.diagnose == DIAGNOSE_ALWAYS ||
           (shim->settings.diagnose == DIAGNOSE_AUTO && !work->status.filtered);
}

bool workspace_explain(struct workspace *work, const struct hooked_call *hooked, int error)
{
    const struct shim *shim = hooked->shim;
    bool may_ask = workspace_may_ask(work, shim);
    const struct endpoint *argument =
        hooked->argument.family == AF_UNSPEC || hooked->which == CALL_LISTEN ? NULL : &hooked->argument;
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, error, argument, may_ask);
    if (hooked->argument.family == AF_UNIX && hooked->address)
        work->newcomer.path = unix_path_from_sockaddr(hooked->address, hooked->length);
    work->record.newcomer = &work->newcomer;
    work->record.rule = hooked->rule;
    work->record.conflict = NULL;
    if (may_ask) {
        conflict_begin(&work->conflict, shim->settings.budget_ms, work->status.filtered);
        work->record.conflict = &work->conflict;
        bool explained = conflict_explain(&work->conflict, &work->newcomer, &work->scratch);
        if (shim->settings.names_only)
            conflict_forget_commands(&work->conflict);
        return explained;
    }
    /* Most often EADDRNOTAVAIL is a peer that no local address reaches (::1 without IPv6), and without a look
     * at the sockets nothing tells that from a port that is taken. */
    return hooked->which != CALL_CONNECT || error != EADDRNOTAVAIL;
}
