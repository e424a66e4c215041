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
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FREE = 3, MANY = 1048576 };

static void close_from_to(int first, int last)
{
    enum { CLOSE_RANGE = 436 /* Linux 5.9, on every processor */ };
    if (first > last || syscall(CLOSE_RANGE, first, last, 0) == 0)
        return;
    for (int fd = first; fd <= last; fd++)
        close(fd);
}

/* Only the listener, and the way to the parent, stay open. */
static void hold_nothing(int *listener, int *socket)
{
    int high = fcntl(*listener, F_DUPFD_CLOEXEC, FIRST_FREE);
    int way = fcntl(*socket, F_DUPFD_CLOEXEC, FIRST_FREE);
    int low = high < way ? high : way, top = high < way ? way : high;
    close_from_to(0, low - 1);
    close_from_to(low + 1, top - 1);
    close_from_to(top + 1, MANY);
    *listener = high;
    *socket = way;
}

static _Noreturn void supervise(struct trap *trap, int socket)
{
    char byte = 0;
    struct raw_mask before;
    /* Whoever signals a whole service means the program; SIGCHLD is waited for (stop.c). */
    raw_mask_hold(&before);
    (void)signal(SIGCHLD, SIG_DFL);
    trap->listener = listener_take(socket);
    if (trap->listener < 0)
        _exit(1);
    (void)setsid();
    (void)prctl(PR_SET_NAME, "reuseshim-trap", 0, 0, 0);
    hold_nothing(&trap->listener, &socket);
    if (chdir("/") != 0 || write(socket, &byte, 1) != 1)
        _exit(1);
    close(socket);
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
    char byte;
    int listener = listener_open(calls, &privileges);
    if (listener < 0)
        return complain("the filter was not accepted", -listener);
    int error = listener_send(socket, listener);
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

int trap_start(bool no_io_uring)
{
    static struct trap trap;
    int pair[2], result = trap_prepare(&trap);
    if (result)
        return result;
    const struct trapped_calls calls = {.connect = (trap.shim.policy.when & WHEN_CONNECT) ||
                                                   trap.shim.settings.diagnose == DIAGNOSE_ALWAYS,
                                        .reuse = trap.shim.guard_on | trap.shim.guard_off,
                                        .no_io_uring = no_io_uring};
    if (!trap_share_memory(&trap))
        return complain("no memory", errno);
    if (!make_pair(pair))
        return complain("no socket", errno);
    pid_t supervisor = trap_fork_unseen();
    if (supervisor == 0) {
        close(pair[0]);
        supervise(&trap, pair[1]);
    }
    close(pair[1]);
    if (supervisor < 0)
        return complain("no process", errno);
    (void)prctl(PR_SET_PTRACER, supervisor, 0, 0, 0); /* where there is Yama */
    result = go_under(&calls, pair[0]);
    close(pair[0]);
    if (result) {
        (void)kill(supervisor, SIGKILL);
        (void)waitpid(supervisor, NULL, __WALL);
    }
    return result;
}
