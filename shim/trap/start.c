/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. The program keeps its pid. The supervisor is a child without exit signal, which wait(2)
 * does not see, in a session of its own, and holds nothing of the caller's.
 */
#include "trap.h"

#include "reuseshim/command.h"
#include "reuseshim/errno_name.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
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

/* Only the listener, and the way to the parent, stay open; and the low numbers hold nothing (an eventfd), so
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
    int nothing = eventfd(0, EFD_CLOEXEC);
    trap->nothing = trap_move_up(nothing);
    if (files.rlim_cur < ROOMY)
        close(nothing);
    for (int number = 0; number < LOW_NUMBERS && files.rlim_cur >= ROOMY; number++)
        if (number != high && number != way && number != trap->nothing)
            (void)dup2(trap->nothing, number);
}

/* Of the two that start together this one holds the other end of the socket; what it does then is for ever.
 */
static void take_over(struct trap *trap, int socket)
{
    char byte = 0;
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

static int start_below(struct trap *trap, const struct trapped_calls *calls, const int pair[2])
{
    if (obstacle_hides_forks())
        command_error("run: --trap: kernel.yama.ptrace_scope is set: what the program forks is not reached; "
                      "--trap=parent reaches it",
                      (char *)NULL);
    pid_t supervisor = trap_fork_unseen();
    if (supervisor == 0) {
        close(pair[0]);
        supervise(trap, pair[1]);
    }
    close(pair[1]);
    if (supervisor < 0)
        return complain("no process", errno);
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
