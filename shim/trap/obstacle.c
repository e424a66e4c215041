/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. What the person who reads it can do something about: a filter, Yama, the kernel.
 */
#include "trap.h"

#include "reuseshim/errno_name.h"
#include "reuseshim/proc.h"
#include "reuseshim/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* The services' managers and the containers' engines that have such filters, and what each is told. */
static const char allow_it[] =
    " by a seccomp filter; allow it: in a unit SystemCallFilter=seccomp pidfd_getfd ptrace, in Docker --cap-add "
    "SYS_PTRACE, in systemd-nspawn --system-call-filter=pidfd_getfd";

static bool has_capability(int number)
{
    static const char label[] = "\nCapEff:\t";
    char status[8192];
    const char *found =
        proc_read("/proc/self/status", status, sizeof status) > 0 ? strstr(status, label) : NULL;
    return found && strtoull(found + sizeof label - 1, NULL, 16) >> number & 1;
}

/* The right that Yama wants of everybody but a process above the program. */
static bool may_trace_anybody(void)
{
    enum { SYS_PTRACE = 19 };
    return has_capability(SYS_PTRACE);
}

bool trap_takes_rights(void)
{
    enum { SYS_ADMIN = 21 };
    return !has_capability(SYS_ADMIN) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

bool obstacle_hides_forks(void)
{
    char scope[16];
    return proc_read("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope) > 0 && atoi(scope) >= 1 &&
           !may_trace_anybody();
}

/* security/yama: 2 wants CAP_SYS_PTRACE, 3 allows nobody; below, the supervisor is named by PR_SET_PTRACER.
 */
static bool yama_forbids(char *scope, size_t size)
{
    return proc_read("/proc/sys/kernel/yama/ptrace_scope", scope, size) > 0 && atoi(scope) >= 2;
}

static bool is_traced(void)
{
    char status[4096];
    uint64_t tracer = 0;
    return proc_read("/proc/self/status", status, sizeof status) > 0 &&
           proc_number(status, "\nTracerPid:\t", INT32_MAX, &tracer) && tracer;
}

static void write_who_forbids(struct text *reason)
{
    char buffer[8192], scope[16];
    struct thread_status status;
    thread_status_read(&status, buffer, sizeof buffer);
    if (status.no_proc)
        text_string(reason, "; it is done by /proc, which is not here");
    else if (yama_forbids(scope, sizeof scope))
        text_strings(reason, ": kernel.yama.ptrace_scope is ", (char[]){scope[0], '\0'},
                     scope[0] == '2' ? ", which wants CAP_SYS_PTRACE" : ", which allows nobody");
    else if (status.filtered)
        text_string(reason, allow_it);
}

static void write_no_filter(struct text *reason, int error)
{
    struct utsname name;
    if (error == EBUSY) {
        text_string(reason, "another supervisor has the calls already (a trap, or a container engine's), and "
                            "there can be one only");
    } else if (error == EINVAL && uname(&name) == 0) {
        text_strings(reason, "it takes Linux 5.19, and this is ", name.release);
    } else {
        text_string(reason, "seccomp(2) is forbidden");
        write_who_forbids(reason);
    }
}

/* So many are open at once, three of the caller's among them, while it is played through and begun. */
bool obstacle_in_descriptors(struct text *reason)
{
    enum { NEEDED = 12 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= NEEDED)
        return false;
    text_string(reason, "it takes 12 file descriptors, and the limit (RLIMIT_NOFILE, ulimit -n) is ");
    text_unsigned(reason, files.rlim_cur);
    return true;
}

void obstacle_write(struct text *reason, enum step done, int error)
{
    static const char *const missing[] = {[FILTERED] = "the listener of the filter cannot be handed over",
                                          [HANDED_OVER] = "no notification came",
                                          [RECEIVED] = "pidfd_getfd(2) or process_vm_readv(2) is forbidden",
                                          [BORROWED] = "ptrace(2) is forbidden",
                                          [STOPPED] = "the notification cannot be answered",
                                          [ANSWERED] = "the result of the call does not show"};
    static const char *const absent[] = {
        [WITHOUT_SOCKET] = "no socket can be made", [WITHOUT_PROCESS] = "no process can be started"};
    if (done >= WITHOUT_SOCKET) {
        char name[32];
        struct text word = text_in(name, sizeof name);
        errno_name_write(&word, error);
        text_strings(reason, absent[done], " (", text_end(&word), ")");
        return;
    }
    if (done == NOTHING_DONE) {
        write_no_filter(reason, error);
        return;
    }
    if (done == BORROWED && is_traced()) {
        text_string(reason, "it is traced already (strace -f, a debugger), and there can be one tracer only");
        return;
    }
    text_string(reason, missing[done]);
    write_who_forbids(reason);
}
