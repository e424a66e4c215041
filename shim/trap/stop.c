/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. ptrace(2), PTRACE_SEIZE: the thread traps on its way back to user mode, before any
 * signal's handler runs, and stands still there. With SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV the request does
 * not end its wait.
 */
#include "trap.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#if defined __x86_64__ && !defined __ILP32__

bool stop_works_here(void)
{
    return true;
}

/* ---- whose end somebody else asks for ---------------------------------------------------------------- */

static pid_t kept_pid;
static int kept_status;
static bool kept;

void stop_keep_end_of(pid_t pid)
{
    kept_pid = pid;
}

bool stop_has_end(int *status)
{
    if (kept)
        *status = kept_status;
    return kept;
}

static pid_t wait_for_tracee(pid_t tid, int *status, int options)
{
    pid_t found = waitpid(tid, status, __WALL | options);
    if (found > 0 && found == kept_pid && !WIFSTOPPED(*status)) {
        kept_status = *status;
        kept = true;
    }
    return found;
}

/* ---- stops ------------------------------------------------------------------------------------------ */

/* A thread that was killed while we had it stays a zombie, and its parent and an exec wait for it, until its
 * tracer has seen its end. */
static void let_run(pid_t tid)
{
    if (ptrace(PTRACE_DETACH, tid, NULL, NULL) == 0)
        return;
    int status;
    pid_t found;
    do
        found = wait_for_tracee(tid, &status, 0);
    while ((found < 0 && errno == EINTR) ||
           (found == tid && WIFSTOPPED(status) && ptrace(PTRACE_DETACH, tid, NULL, NULL) != 0));
}

bool stop_ask(pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
        return false;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
        return true;
    let_run(tid);
    return false;
}

/* Those whose call took too long (a path of AF_UNIX on a file system that does not answer): they are let go
 * when they stop. */
enum { STRAGGLERS_MAX = 64, LONGEST_MS = 100 };
static pid_t stragglers[STRAGGLERS_MAX];

static void leave_behind(pid_t tid)
{
    for (int i = 0; i < STRAGGLERS_MAX; i++)
        if (stragglers[i] == 0) {
            stragglers[i] = tid;
            return;
        }
}

bool stop_look_after_stragglers(void)
{
    bool any = false;
    for (int i = 0; i < STRAGGLERS_MAX; i++) {
        int status;
        pid_t found = stragglers[i] ? wait_for_tracee(stragglers[i], &status, WNOHANG) : 0;
        if (found == stragglers[i] && found && WIFSTOPPED(status))
            let_run(found);
        if (found)
            stragglers[i] = 0;
        any |= stragglers[i] != 0;
    }
    return any;
}

/* SIGCHLD is blocked, and comes with each stop. */
static pid_t wait_a_little(pid_t tid, int *status)
{
    const struct timespec longest = {0, LONGEST_MS * 1000000L};
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGCHLD);
    for (int tries = 0; tries < 2; tries++) {
        pid_t found = wait_for_tracee(tid, status, WNOHANG);
        if (found)
            return found;
        while (sigtimedwait(&stops, NULL, &longest) > 0 &&
               (found = wait_for_tracee(tid, status, WNOHANG)) == 0)
            continue;
        if (found)
            return found;
    }
    return 0;
}

int stop_result(pid_t tid)
{
    struct user_regs_struct registers;
    int status;
    pid_t found = wait_a_little(tid, &status);
    if (found == 0)
        leave_behind(tid);
    if (found != tid || !WIFSTOPPED(status))
        return STOP_LOST;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0) {
        let_run(tid);
        return STOP_LOST;
    }
    return (int)registers.rax; /* of a 32-bit call as well: it is sign-extended, or cut to an int here */
}

/* The instruction has two bytes, be it syscall or int $0x80. No call is under way any more (orig_rax). */
static void repeat(pid_t tid)
{
    enum { INSTRUCTION = 2 };
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0)
        return;
    registers.rax = registers.orig_rax;
    registers.rip -= INSTRUCTION;
    registers.orig_rax = (unsigned long long)-1;
    (void)ptrace(PTRACE_SETREGS, tid, NULL, &registers);
}

void stop_end(pid_t tid, bool again)
{
    if (again)
        repeat(tid);
    let_run(tid);
}

#else /* registers are another matter on each processor */

bool stop_works_here(void)
{
    return false;
}

bool stop_ask(pid_t tid)
{
    (void)tid;
    return false;
}

int stop_result(pid_t tid)
{
    (void)tid;
    return STOP_LOST;
}

void stop_end(pid_t tid, bool again)
{
    (void)tid;
    (void)again;
}

bool stop_look_after_stragglers(void)
{
    return false;
}

void stop_keep_end_of(pid_t pid)
{
    (void)pid;
}

bool stop_has_end(int *status)
{
    (void)status;
    return false;
}

#endif
