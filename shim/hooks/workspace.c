/* SPDX-License-Identifier: MIT
 *
 * From a failed call to what a record says of it. Contract in workspace.h.
 */
#include "workspace.h"

#include <errno.h>
#include <string.h>

enum event refusal_event(const struct newcomer *newcomer)
{
    bool by_bind = newcomer->call == CALL_BIND || newcomer->call == CALL_BINDRESVPORT;
    return by_bind && newcomer->error != EADDRINUSE ? EVENT_REFUSED : EVENT_CONFLICT;
}

void workspace_identify(struct workspace *work)
{
    struct record *record = &work->record;
    struct thread_status *status = &work->status;
    thread_status_read(status, work->scratch.bytes, sizeof work->scratch.bytes);
    record->pid = status->pid;
    record->tid = status->tid;
    record->uid = status->uid;
    record->usual_calls_only = status->filtered;
}

void workspace_begin(struct workspace *work)
{
    workspace_identify(work);
    /* Without files to ask, what the program was started by has to do. */
    if (work->status.filtered)
        names_started_by(&work->names);
    else
        names_of_self(&work->names, work->scratch.bytes);
    work->record.program = work->names.program[0] ? work->names.program : work->status.name;
}

/* Unless told otherwise, nothing unusual under a seccomp filter, which may kill for it. */
bool workspace_may_ask(const struct workspace *work, const struct shim *shim)
{
    return shim->settings.diagnose == DIAGNOSE_ALWAYS ||
           (shim->settings.diagnose == DIAGNOSE_AUTO && !work->status.filtered);
}

enum bare workspace_why_bare(const struct workspace *work, const struct shim *shim)
{
    if (shim->facts->secure)
        return BARE_PRIVILEGES;
    if (shim->settings.diagnose == DIAGNOSE_NEVER)
        return BARE_NEVER;
    return work->status.no_descriptor ? BARE_NO_DESCRIPTOR
           : work->status.no_proc     ? BARE_NO_PROC
                                      : BARE_SECCOMP;
}

/* Nothing was found: was there a descriptor to look with? */
static enum bare why_bare_after(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (newcomer->family != AF_UNSPEC && newcomer->family != AF_INET && newcomer->family != AF_INET6 &&
        newcomer->family != AF_UNIX)
        return BARE_FAMILY;
    if (conflict->source != SOURCE_NONE || conflict->cause != CAUSE_UNKNOWN)
        return BARE_NOT;
    int fd = raw_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        raw_close(fd);
    return fd == -EMFILE || fd == -ENFILE ? BARE_NO_DESCRIPTOR : BARE_NOT;
}

bool workspace_explain(struct workspace *work, const struct hooked_call *hooked, int error)
{
    const struct shim *shim = hooked->shim;
    bool may_ask = workspace_may_ask(work, shim);
    const struct endpoint *argument =
        hooked->argument.family == AF_UNSPEC || hooked->which == CALL_LISTEN ? NULL : &hooked->argument;
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, error, argument, may_ask);
    /* An address of the wrong family for the socket is no refusal. */
    if (may_ask && error == EINVAL && argument && work->newcomer.family != argument->family)
        return false;
    if (hooked->argument.family == AF_UNIX && hooked->address)
        work->newcomer.path = unix_path_from_sockaddr(hooked->address, hooked->length);
    else if (hooked->argument.family == AF_UNSPEC && hooked->address && hooked->which == CALL_BIND)
        work->newcomer.other = other_address_of(hooked->address, hooked->length);
    work->record.newcomer = &work->newcomer;
    work->record.rule = hooked->rule;
    work->record.conflict = NULL;
    if (may_ask) {
        conflict_begin(&work->conflict, shim->settings.budget_ms, work->status.filtered);
        work->conflict.rule = hooked->rule;
        work->record.conflict = &work->conflict;
        bool explained = conflict_explain(&work->conflict, &work->newcomer, &work->scratch);
        if (shim->settings.names_only)
            conflict_forget_commands(&work->conflict);
        if (hooked->rule && hooked->rule->emulate)
            conflict_forget_policies(&work->conflict);
        work->record.event = work->conflict.refusal.found ? EVENT_REFUSED : refusal_event(&work->newcomer);
        work->record.bare = why_bare_after(&work->conflict, &work->newcomer);
        return explained;
    }
    work->record.event = refusal_event(&work->newcomer);
    work->record.bare = workspace_why_bare(work, shim);
    /* Most often EADDRNOTAVAIL is a peer that no local address reaches (::1 without IPv6), and without a look
     * at the sockets nothing tells that from a port that is taken. EINVAL is said to many things. */
    return (hooked->which != CALL_CONNECT || error != EADDRNOTAVAIL) && error != EINVAL;
}

void workspace_be_brief(struct workspace *work, const struct hooked_call *hooked, int error)
{
    const struct endpoint *argument = hooked->argument.family == AF_UNSPEC ? NULL : &hooked->argument;
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, error, argument, false);
    work->newcomer.protocol = raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL);
    work->record.newcomer = &work->newcomer;
    work->record.rule = hooked->rule;
    work->record.event = refusal_event(&work->newcomer);
    work->record.bare = BARE_BUSY;
}
