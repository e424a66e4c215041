/* SPDX-License-Identifier: MIT
 *
 * Contract in trapped.h.
 */
#include "trapped.h"

#include "exec_start.h"
#include "reach.h"
#include "reuseshim/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the supervisor calls that systemd does not allow every service (@default): to come into being, for
 * each call of the program, and for a record. tests/systemd.bats runs it under @system-service and what is
 * missing there. */
static const char *const calls[] = {"capget",
                                    "chdir",
                                    "clone",
                                    "clone3",
                                    "close",
                                    "close_range",
                                    "connect",
                                    "dup2",
                                    "fcntl",
                                    "fstat",
                                    "getdents64",
                                    "getpeername",
                                    "getsockname",
                                    "getsockopt",
                                    "ioctl",
                                    "kill",
                                    "mmap",
                                    "munmap",
                                    "newfstatat",
                                    "openat",
                                    "pidfd_open",
                                    "pipe",
                                    "pipe2",
                                    "poll",
                                    "ppoll",
                                    "prctl",
                                    "process_vm_readv",
                                    "pwritev2",
                                    "read",
                                    "readlinkat",
                                    "recvfrom",
                                    "recvmsg",
                                    "rt_sigpending",
                                    "rt_sigprocmask",
                                    "rt_sigtimedwait",
                                    "sched_setscheduler",
                                    "sendmsg",
                                    "sendto",
                                    "setpriority",
                                    "setsid",
                                    "setsockopt",
                                    "socket",
                                    "socketpair",
                                    "statfs",
                                    "uname",
                                    "wait4",
                                    "write"};

/* As a word of ExecStart=, where '%' is a specifier. */
static bool write_word(struct text *text, const char *path)
{
    bool plain = text_is_shell_word(path, strlen(path));
    text_string(text, plain ? "" : "\"");
    for (; *path; path++) {
        text_string(text, strchr("\"\\", *path) ? "\\" : *path == '%' ? "%" : *path == '$' ? "$" : "");
        text_char(text, *path);
    }
    text_string(text, plain ? "" : "\"");
    return !text->full;
}

static int refuse(const struct plan *plan, const char *reason)
{
    command_error("unit: ", plan->unit, ": a trap has to be put before its program, and ", reason,
                  (char *)NULL);
    return EXIT_NOT_RUN;
}

int trapped_prepare(struct trapped_lines *lines, const struct plan *plan)
{
    char before[2 * sizeof lines->command + 32];
    struct text text = text_in(before, sizeof before),
                output = text_in(lines->exec_start, sizeof lines->exec_start);
    ssize_t length = readlink("/proc/self/exe", lines->command, sizeof lines->command - 1);
    if (length <= 0)
        return refuse(plan, "the path of this command is not known without /proc");
    lines->command[length] = '\0';
    int result = reach_check(plan, lines->command);
    if (result == 0)
        result = reach_check_writers(plan, lines->command);
    if (result)
        return result;
    if (!write_word(&text, lines->command))
        return refuse(plan, "the path of this command is too long");
    text_string(&text, " run --trap --");
    char *files = unit_files(plan->unit);
    const char *reason =
        files ? exec_start_write(&output, files, text_end(&text)) : "systemctl does not tell it";
    free(files);
    (void)text_end(&output);
    return reason ? refuse(plan, reason) : 0;
}

/* Three always, as this drop-in may be in force already and have brought them. */
static void print_calls(const struct plan *plan)
{
    const char *filter = plan->facts.values[UNIT_SYSTEM_CALLS];
    if (filter[0] == '\0' || strcmp(filter, "~") == 0)
        return;
    printf(
        "# The supervisor runs in the service, under its SystemCallFilter=, and needs these. Take the line out if\n"
        "# the unit has no SystemCallFilter= of its own any more: nothing else would be allowed.\n"
        "SystemCallFilter=pidfd_getfd ptrace seccomp");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!unit_allows(filter, calls[i]))
            printf(" %s", calls[i]);
    puts("");
}

/* systemd calls what a service prints by the name of what it executes, which would be ours. */
static void print_identifier(const struct plan *plan, const struct target *target)
{
    const char *slash = strrchr(target->path, '/'), *name = slash ? slash + 1 : target->path;
    const char *now = plan->facts.values[UNIT_IDENTIFIER];
    if ((now[0] == '\0' || strcmp(now, name) == 0) && text_is_shell_word(name, strlen(name)))
        printf("SyslogIdentifier=%s\n", name);
}

void trapped_print(const struct trapped_lines *lines, const struct plan *plan, const struct target *target)
{
    bool forks = strcmp(plan->facts.values[UNIT_TYPE], "forking") == 0;
    printf(
        "# %s is %s, which no library gets into: 'reuseshim run' has a\n"
        "# supervisor asked about its calls. Where that cannot work the service does not start; with --trap=try\n"
        "# it starts without.\n%s",
        target->program, target->elf.is_go ? "a Go program" : "statically linked", lines->exec_start);
    print_identifier(plan, target);
    print_calls(plan);
    if (forks && plan->facts.values[UNIT_PID_FILE][0] == '\0')
        puts(
            "# Type=forking without PIDFile=: beside the supervisor systemd does not guess the main process. Name "
            "its\n# file, if it writes one:\n#PIDFile=");
}
