/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. The program keeps its pid. The supervisor is a grandchild whose parent has ended, in a
 * session of its own, and holds nothing of the caller's.
 */
#include "trap.h"

#include "reuseshim/command.h"
#include "reuseshim/errno_name.h"
#include "reuseshim/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* High up, since a record may have to be written to a descriptor by the number that the program gave it. */
enum { FIRST_FREE = 3, HIGH = 500, MANY = 1048576 };

int trap_move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    return high >= 0 ? high : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
}

static void close_from_to(int first, int last)
{
    enum { CLOSE_RANGE = 436 /* Linux 5.9, on every processor */ };
    if (first > last || syscall(CLOSE_RANGE, first, last, 0) == 0)
        return;
    for (int fd = first; fd <= last; fd++)
        close(fd);
}

/* Only the listener, and the way to the parent, stay open; and the low numbers hold nothing (a pipe), so
 * that they are free when a record goes to a descriptor that the program calls by one of them. */
static void hold_nothing(struct trap *trap, int *socket)
{
    int high = trap_move_up(trap->listener);
    int way = trap_move_up(*socket);
    int low = high < way ? high : way, top = high < way ? way : high;
    close_from_to(0, low - 1);
    close_from_to(low + 1, top - 1);
    close_from_to(top + 1, MANY);
    trap->listener = high;
    *socket = way;
    /* A program with few descriptors has started us with as few: then an explanation needs all of them. */
    enum { ROOMY = 64 };
    struct rlimit files = {0, 0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    int nothing[2] = {-1, -1};
    if (pipe(nothing) == 0)
        close(nothing[1]);
    trap->nothing = trap_move_up(nothing[0]);
    if (files.rlim_cur < ROOMY)
        close(nothing[0]);
    for (int number = 0; number < LOW_NUMBERS && files.rlim_cur >= ROOMY; number++)
        if (number != high && number != way && number != trap->nothing)
            (void)dup2(trap->nothing, number);
}

/* Of the two that start together this one holds the other end of the socket; what it does then is for ever.
 */
static void take_over(struct trap *trap, int socket)
{
    char byte = 0;
    const struct rlimit no_core = {0, 0}; /* nothing of ours in the program's folder */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGCHLD, SIG_DFL); /* which is waited for (stop.c) */
    trap->listener = listener_take(socket, &trap->reach);
    if (trap->listener < 0)
        return;
    hold_nothing(trap, &socket);
    if (chdir("/") != 0 || write(socket, &byte, 1) != 1)
        _exit(1);
    close(socket);
}

static _Noreturn void supervise(struct trap *trap, int socket)
{
    struct raw_mask before;
    raw_mask_hold(&before); /* whoever signals a whole service means the program */
    (void)setsid();
    (void)prctl(PR_SET_NAME, "reuseshim-trap", 0, 0, 0);
    take_over(trap, socket);
    if (trap->listener < 0)
        _exit(1);
    trap_mind(trap);
}

pid_t trap_fork_unseen(void)
{
    return (pid_t)syscall(SYS_clone, 0UL, NULL, NULL, NULL, 0UL);
}

static int complain(const char *what, int error)
{
    char name[32];
    struct text text = text_in(name, sizeof name);
    errno_name_write(&text, error);
    command_error("run: --trap: ", what, " (", text_end(&text), ")", (char *)NULL);
    return EXIT_NOT_RUN;
}

static int go_under(const struct trapped_calls *calls, int socket)
{
    enum needs_privileges privileges;
    enum reach reach;
    char byte;
    int listener = listener_open(calls, &privileges, &reach);
    if (listener < 0)
        return complain("the filter was not accepted", -listener);
    int error = listener_send(socket, listener, reach);
    close(listener);
    if (error == 0 && read(socket, &byte, 1) != 1)
        error = -EPIPE;
    if (privileges == WITH_NO_NEW_PRIVS)
        command_error(
            "run: --trap: without CAP_SYS_ADMIN what is started cannot gain rights by set-user-ID or file "
            "capabilities (no_new_privs)",
            (char *)NULL);
    return error ? complain("the supervisor did not start", -error) : 0;
}

/* Not where a closed standard error was, into which somebody writes. */
static bool make_pair(int pair[2])
{
    int low[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        pair[i] = fcntl(low[i], F_DUPFD_CLOEXEC, FIRST_FREE);
        close(low[i]);
    }
    return pair[0] >= 0 && pair[1] >= 0;
}

static void warn_of_options_only(void)
{
    struct utsname name;
    command_error(
        "run: --trap: Linux ", uname(&name) == 0 ? name.release : "before 5.19",
        " lets it set options only: refusals are not explained, and wait, evict and watch do nothing "
        "(Linux 5.19 has what they need)",
        (char *)NULL);
}

/* Where orphans are given to this very process: process 1 of a container, and what asked for them. */
static bool gets_orphans(void)
{
    int subreaper = 0;
    (void)prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
    return getpid() == 1 || subreaper;
}

/* The supervisor is nobody's child, or a program that waits until it has no child (wait(2) with __WALL:
 * strace, gdb) would wait for it, and it for the program. Where it has to be one, it has no exit signal, and
 * other waits pass it by. */
static pid_t fork_supervisor(void)
{
    int ends[2];
    pid_t supervisor = -1;
    if (gets_orphans())
        return trap_fork_unseen();
    if (pipe(ends) != 0)
        return -1;
    pid_t between = trap_fork_unseen();
    if (between == 0) {
        pid_t orphan = trap_fork_unseen();
        if (orphan != 0)
            (void)!write(ends[1], &orphan, sizeof orphan);
        close(ends[0]);
        close(ends[1]);
        if (orphan == 0)
            return 0;
        _exit(0);
    }
    close(ends[1]);
    if (between > 0 &&
        (read(ends[0], &supervisor, sizeof supervisor) != sizeof supervisor || supervisor < 0)) {
        supervisor = -1;
        errno = EAGAIN;
    }
    close(ends[0]);
    while (between > 0 && waitpid(between, NULL, __WALL) < 0 && errno == EINTR)
        continue;
    return supervisor;
}

static bool has_proc(void)
{
    char stat[8];
    return proc_read("/proc/self/stat", stat, sizeof stat) > 0;
}

static int start_below(struct trap *trap, const struct trapped_calls *calls, const int pair[2])
{
    if (obstacle_hides_forks())
        command_error("run: --trap: kernel.yama.ptrace_scope is set: what the program forks is not reached; "
                      "--trap=parent reaches it",
                      (char *)NULL);
    pid_t supervisor = fork_supervisor();
    if (supervisor == 0) {
        close(pair[0]);
        supervise(trap, pair[1]);
    }
    int error = errno;
    close(pair[1]);
    if (supervisor < 0)
        return complain("no process", error);
    (void)prctl(PR_SET_PTRACER, supervisor, 0, 0, 0); /* where there is Yama */
    int result = go_under(calls, pair[0]);
    close(pair[0]);
    if (result) {
        (void)kill(supervisor, SIGKILL);
        (void)waitpid(supervisor, NULL, __WALL);
    }
    return result;
}

/* This process stays, above the program. */
static int start_above(struct trap *trap, const struct trapped_calls *calls, const int pair[2])
{
    struct raw_mask before;
    int status = 0;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    raw_mask_hold(&before);
    pid_t program = fork();
    if (program == 0) {
        raw_mask_release(&before);
        close(pair[1]);
        int result = go_under(calls, pair[0]);
        close(pair[0]);
        return result;
    }
    close(pair[0]);
    if (program < 0)
        return complain("no process", errno);
    take_over(trap, pair[1]);
    if (trap->listener >= 0)
        parent_supervise(trap, program);
    close(pair[1]);
    (void)waitpid(program, &status, 0); /* it has complained */
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_NOT_RUN);
}

int trap_start(const struct trap_choices *choices)
{
    static struct trap trap;
    int pair[2], result = trap_prepare(&trap);
    if (result)
        return result;
    if (choices->reach == OPTIONS_ONLY)
        warn_of_options_only();
    if (!has_proc())
        command_error("run: --trap: there is no /proc here: records name no program, and nothing waits",
                      (char *)NULL);
    const struct trapped_calls calls = {.connect = (trap.shim.policy.when & (WHEN_CONNECT | WHEN_SOCKET)) ||
                                                   trap.shim.settings.diagnose == DIAGNOSE_ALWAYS,
                                        .reuse = trap.shim.guard_on | trap.shim.guard_off,
                                        .no_io_uring = choices->no_io_uring};
    if (!trap_share_memory(&trap))
        return complain("no memory", errno);
    if (!make_pair(pair))
        return complain("no socket", errno);
    return choices->as_parent ? start_above(&trap, &calls, pair) : start_below(&trap, &calls, pair);
}
