/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. The supervisor as the program's parent: where only a process above it may look into it
 * and what it forks (Yama). What a shell would see of the program it has to see of us.
 */
#include "trap.h"

#include "reuseshim/proc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t standing_by;

/* What somebody sends to us is meant for the program. What a terminal sends has reached it as well. */
int parent_wake(void)
{
    static const int our_own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGTTIN, SIGTTOU};
    sigset_t signals;
    sigfillset(&signals);
    for (size_t i = 0; i < sizeof our_own / sizeof *our_own; i++)
        sigdelset(&signals, our_own[i]);
    int low = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), high = trap_move_up(low);
    close(low);
    return high;
}

static void pass_signals_on(const struct trap *trap)
{
    struct signalfd_siginfo signal;
    while (read(trap->wake, &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo != SIGCHLD && signal.ssi_code <= 0 && (pid_t)signal.ssi_pid != trap->program &&
            (pid_t)signal.ssi_pid != standing_by)
            (void)kill(trap->program, (int)signal.ssi_signo);
}

/* As the program ended; what is left under the filter is the stand-by's. */
static _Noreturn void end_as(int status)
{
    const struct rlimit no_core = {0, 0};
    if (WIFSIGNALED(status)) {
        sigset_t all;
        (void)setrlimit(RLIMIT_CORE, &no_core);
        sigfillset(&all);
        (void)signal(WTERMSIG(status), SIG_DFL); /* not of SIGKILL, which needs none */
        (void)raise(WTERMSIG(status));
        (void)pthread_sigmask(SIG_UNBLOCK, &all, NULL);
    }
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Those that the program has left behind are ours. */
static void reap_orphans(const struct trap *trap)
{
    siginfo_t ended = {.si_pid = 0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid &&
           ended.si_pid != trap->program) {
        (void)waitpid(ended.si_pid, NULL, WNOHANG);
        ended.si_pid = 0;
    }
}

void parent_look(const struct trap *trap)
{
    int status;
    pass_signals_on(trap);
    if (stop_has_end(&status))
        end_as(status);
    pid_t found = waitpid(trap->program, &status, WNOHANG | WUNTRACED);
    if (found == trap->program && WIFSTOPPED(status) && status >> 16 == 0) {
        atomic_store(trap->stopped, 1);
        (void)raise(SIGSTOP); /* so that the shell sees it; its fg continues the whole group */
        atomic_store(trap->stopped, 0);
    } else if (found == trap->program && !WIFSTOPPED(status))
        end_as(status);
    reap_orphans(trap);
}

/* Nobody is left under the filter, so the program has ended or is about to. */
_Noreturn void parent_wait(const struct trap *trap)
{
    int status = 0;
    if (!stop_has_end(&status))
        while (waitpid(trap->program, &status, 0) < 0 && errno == EINTR)
            continue;
    end_as(status);
}

static bool is_stopped(pid_t pid)
{
    char path[PROC_PATH_MAX], stat[512];
    const char *end =
        proc_read(proc_path(path, pid, "stat"), stat, sizeof stat) > 0 ? strrchr(stat, ')') : NULL;
    return end && (end[2] == 'T' || end[2] == 't');
}

/* Whoever continued the program alone, by its number, has left the parent stopped. */
static void continue_parent(const struct trap *trap, pid_t parent)
{
    if (atomic_load(trap->stopped) && is_stopped(parent) && !is_stopped(trap->program))
        (void)kill(parent, SIGCONT);
}

/* Holds the listener, too, and takes over when the parent has ended, with the program or before it. */
static _Noreturn void stand_by(struct trap *trap, pid_t parent)
{
    enum { PIDFD_OPEN = 434, LOOK_AGAIN_MS = 100 };
    struct pollfd waiting = {.fd = (int)syscall(PIDFD_OPEN, parent, 0), .events = POLLIN};
    while (waiting.fd >= 0 && getppid() == parent && poll(&waiting, 1, LOOK_AGAIN_MS) <= 0)
        continue_parent(trap, parent);
    if (waiting.fd >= 0)
        close(waiting.fd);
    trap->program = 0;
    trap->wake = -1;
    trap_let_all_go(trap);
    trap_mind(trap);
}

_Noreturn void parent_supervise(struct trap *trap, pid_t program)
{
    trap->program = program;
    pid_t parent = getpid();
    standing_by = trap_fork_unseen();
    if (standing_by == 0) {
        (void)setsid();
        (void)prctl(PR_SET_NAME, "reuseshim-trap", 0, 0, 0);
        stand_by(trap, parent);
    }
    trap->wake = parent_wake();
    stop_keep_end_of(program);
    trap_supervise(trap);
}
