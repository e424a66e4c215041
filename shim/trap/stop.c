/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. ptrace(2), PTRACE_SEIZE: the thread traps on its way back to user mode, before any
 * signal's handler runs, and stands still there. With SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV the request does
 * not end its wait.
 */
#include "trap.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#if defined __x86_64__ && !defined __ILP32__

bool stop_works_here(void)
{
    return true;
}

bool stop_ask(pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
        return false;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
        return true;
    (void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
    return false;
}

int stop_result(pid_t tid)
{
    struct user_regs_struct registers;
    int status;
    pid_t found;
    do
        found = waitpid(tid, &status, __WALL);
    while (found < 0 && errno == EINTR);
    if (found != tid || !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0)
        return STOP_LOST;
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
    (void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
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

#endif
