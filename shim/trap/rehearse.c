/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. Under a filter of somebody else's a call that the supervisor needs may be forbidden, or
 * kill it, and then the program would be told ENOSYS. So two children play it through: one under the trap,
 * and a child of it that supervises.
 */
#include "trap.h"

#include "reuseshim/errno_name.h"
#include "reuseshim/status.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(int pipe, enum step step)
{
    char byte = (char)step;
    (void)!write(pipe, &byte, 1);
}

static _Noreturn void play_supervisor(int socket, int pipe)
{
    static struct trap trap = {.wake = -1};
    struct thread_status status;
    char buffer[8192];
    thread_status_read(&status, buffer, sizeof buffer);
    trap.filtered = status.filtered;
    struct seccomp_notif received;
    struct caller caller = {.fd = -1};
    trap.listener = listener_take(socket, &trap.reach);
    if (trap.listener < 0 || !trap_share_memory(&trap))
        _exit(1);
    tell(pipe, HANDED_OVER);
    (void)receiver_start(&trap);
    if (!receiver_next(&trap, &received, -1) || received.id == 0)
        _exit(1);
    tell(pipe, RECEIVED);
    bool read = caller_read(&caller, &received);
    if (read)
        tell(pipe, BORROWED);
    bool stops = read && trap.reach == IN_FULL && stop_ask(caller.tid);
    bool is_ready = stops || (read && trap.reach == OPTIONS_ONLY);
    if (is_ready)
        tell(pipe, STOPPED);
    if (listener_continue(trap.listener, received.id) == 0 && is_ready)
        tell(pipe, trap.reach == OPTIONS_ONLY ? ALL_DONE : ANSWERED);
    if (stops && stop_result(caller.tid) == -EAFNOSUPPORT)
        tell(pipe, ALL_DONE);
    if (stops)
        stop_end(caller.tid, false);
    _exit(0);
}

/* As the supervisor does, which waits for SIGCHLD. It ends with the program, which an alarm ends if nothing
 * happens. */
static void hold_signals(void)
{
    struct raw_mask before;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)signal(SIGCHLD, SIG_DFL);
    raw_mask_hold(&before);
}

static _Noreturn void end_without(enum step what, int pipe)
{
    int error = errno;
    tell(pipe, what);
    _exit(error);
}

static _Noreturn void play_program(int pipe)
{
    const struct trapped_calls calls = {.connect = false};
    /* Another family's address: the call fails, whatever ports and addresses are there, and takes none. */
    const struct sockaddr_in other = {.sin_family = AF_INET6};
    enum { PATIENCE = 20 };
    enum needs_privileges privileges;
    enum reach reach;
    int pair[2];
    alarm(PATIENCE);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        end_without(WITHOUT_SOCKET, pipe);
    pid_t supervisor = trap_fork_unseen();
    if (supervisor < 0)
        end_without(WITHOUT_PROCESS, pipe);
    if (supervisor == 0) {
        hold_signals();
        close(pair[0]);
        play_supervisor(pair[1], pipe);
    }
    close(pair[1]);
    (void)prctl(PR_SET_PTRACER, supervisor, 0, 0, 0);
    int listener = listener_open(&calls, &privileges, &reach);
    if (listener < 0)
        _exit(-listener);
    tell(pipe, FILTERED);
    if (listener_send(pair[0], listener, reach) == 0) {
        close(listener);
        close(pair[0]);
        (void)!bind(fd, (const struct sockaddr *)&other, sizeof other);
    }
    (void)waitpid(supervisor, NULL, __WALL);
    _exit(0);
}

bool trap_rehearse(struct text *reason, enum reach *reach)
{
    enum step done = NOTHING_DONE;
    char byte;
    int ends[2], status = 0;
    if (!stop_works_here()) {
        text_string(reason, "the trap of this version is for x86-64 only");
        return false;
    }
    if (obstacle_in_descriptors(reason))
        return false;
    if (pipe(ends) != 0) {
        text_string(reason, "no pipe (");
        errno_name_write(reason, errno);
        text_string(reason, ")");
        return false;
    }
    pid_t program = trap_fork_unseen();
    int error = errno;
    if (program == 0) {
        close(ends[0]);
        (void)signal(SIGALRM, SIG_DFL);
        play_program(ends[1]);
    }
    close(ends[1]);
    *reach = OPTIONS_ONLY;
    while (read(ends[0], &byte, 1) == 1) {
        done = (enum step)byte > done ? (enum step)byte : done;
        *reach = (enum step)byte == ANSWERED ? IN_FULL : *reach;
    }
    close(ends[0]);
    if (program > 0)
        (void)waitpid(program, &status, __WALL);
    if (program < 0)
        obstacle_write(reason, WITHOUT_PROCESS, error);
    else if (done != ALL_DONE)
        obstacle_write(reason, done, WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    return done == ALL_DONE;
}
