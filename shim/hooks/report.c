/* SPDX-License-Identifier: MIT
 *
 * From a failed call to a record. All working memory is one mapping that goes away again. Contract in
 * doors.h.
 */
#include "doors.h"

#include "reuseshim/file.h"
#include "reuseshim/record.h"
#include "reuseshim/status.h"

#include "reuseshim/linux.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

struct workspace {
    struct newcomer newcomer;
    struct record record;
    struct conflict conflict;
    char program[PROGRAM_GLOB_MAX + 1];
    char input[BUFFER_SIZE] __attribute__((aligned(16)));
    char output[RECORD_BUFFER_SIZE];
};

/* Is this error of this call about an address or port that is taken? */
static bool is_refusal(const struct passage *passage, int error)
{
    if (passage->call != CALL_CONNECT)
        return error == EADDRINUSE;
    /* AF_UNIX says EAGAIN for a full backlog, which is another matter. */
    if (error == EAGAIN)
        return endpoint_is_internet(&passage->argument);
    return error == EADDRINUSE || error == EADDRNOTAVAIL;
}

static void fill_in_thread(struct workspace *work, struct thread_status *status)
{
    struct record *record = &work->record;
    thread_status_read(status, work->input, sizeof work->input);
    record->pid = status->pid;
    record->tid = status->tid;
    record->uid = status->uid;
    record->usual_calls_only = status->filtered;
    record->program = work->program;
    if (status->filtered || file_executable_name("/proc/self/exe", work->program, sizeof work->program) == 0)
        memcpy(work->program, status->name, sizeof status->name);
}

/* Unless told otherwise, nothing unusual under a seccomp filter, which may kill for it. */
static bool may_diagnose(const struct shim *shim, const struct thread_status *status)
{
    return shim->settings.diagnose == DIAGNOSE_ALWAYS ||
           (shim->settings.diagnose == DIAGNOSE_AUTO && !status->filtered);
}

static void report_in(struct workspace *work, const struct passage *passage, int error)
{
    const struct shim *shim = passage->shim;
    struct thread_status status;
    fill_in_thread(work, &status);
    bool diagnose = may_diagnose(shim, &status);
    const struct endpoint *argument = passage->argument.family == AF_UNSPEC ? NULL : &passage->argument;
    newcomer_ask(&work->newcomer, passage->call, passage->fd, error, argument, diagnose);
    if (passage->argument.family == AF_UNIX && passage->address)
        work->newcomer.path = unix_path_from_sockaddr(passage->address, passage->length);
    if (diagnose) {
        work->conflict.deadline = raw_clock(CLOCK_MONOTONIC) + (int64_t)shim->settings.budget_ms * 1000000;
        if (!conflict_explain(&work->conflict, &work->newcomer, work->input))
            return;
        work->record.conflict = &work->conflict;
    } else if (passage->call == CALL_CONNECT && error == EADDRNOTAVAIL) {
        /* Most often this is a peer that no local address reaches (::1 without IPv6), and without a look at
         * the sockets nothing tells that from a port that is taken. */
        return;
    }
    work->record.event = EVENT_CONFLICT;
    work->record.newcomer = &work->newcomer;
    work->record.rule = passage->rule;
    record_emit(shim, &work->record, work->output);
}

/* Datagrams come from bind on, connections from listen on. */
static bool receives_now(const struct newcomer *newcomer)
{
    bool datagrams = newcomer->protocol == IPPROTO_UDP || newcomer->protocol == IPPROTO_UDPLITE;
    return newcomer->call == CALL_LISTEN ? !datagrams : datagrams;
}

static void share_in(struct workspace *work, const struct passage *passage)
{
    const struct shim *shim = passage->shim;
    struct thread_status status;
    fill_in_thread(work, &status);
    if (!may_diagnose(shim, &status))
        return;
    /* Without the argument: port 0 has become a port by now. */
    newcomer_ask(&work->newcomer, passage->call, passage->fd, 0, NULL, true);
    work->conflict.deadline = raw_clock(CLOCK_MONOTONIC) + (int64_t)shim->settings.budget_ms * 1000000;
    if (!receives_now(&work->newcomer) || !conflict_sharing(&work->conflict, &work->newcomer, work->input))
        return;
    work->record.event = EVENT_SHARED;
    work->record.newcomer = &work->newcomer;
    work->record.conflict = &work->conflict;
    work->record.rule = passage->rule;
    record_emit(shim, &work->record, work->output);
}

void report_sharing(const struct passage *passage)
{
    if (!record_wanted(passage->shim, LEVEL_CONFLICT))
        return;
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL)
        return;
    share_in(work, passage);
    raw_unmap(work, sizeof *work);
}

void report_refusal(const struct passage *passage, int error)
{
    if (!is_refusal(passage, error) || !record_wanted(passage->shim, LEVEL_CONFLICT))
        return;
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL) {
        record_lost();
        return;
    }
    report_in(work, passage, error);
    raw_unmap(work, sizeof *work);
}

void report_message(const struct shim *shim, const struct passage *passage, enum level level,
                    const char *message)
{
    if (!record_wanted(shim, level))
        return;
    struct workspace *work = raw_map(sizeof *work);
    if (work == NULL) {
        record_lost();
        return;
    }
    struct thread_status status;
    fill_in_thread(work, &status);
    work->record.event = level == LEVEL_ERROR    ? EVENT_ERROR
                         : level == LEVEL_CHANGE ? EVENT_CHANGE
                                                 : EVENT_TRACE;
    work->record.message = message;
    if (passage) {
        const struct endpoint *argument = passage->argument.family == AF_UNSPEC ? NULL : &passage->argument;
        newcomer_ask(&work->newcomer, passage->call, passage->fd, 0, argument, may_diagnose(shim, &status));
        work->record.newcomer = &work->newcomer;
        work->record.rule = passage->rule;
    }
    record_emit(shim, &work->record, work->output);
    raw_unmap(work, sizeof *work);
}
