/* SPDX-License-Identifier: MIT
 *
 * What /proc says of one process. Contract in processes.h.
 */
#include "reuseshim/processes.h"

#include "reuseshim/deadline.h"
#include "reuseshim/file.h"
#include "reuseshim/proc.h"
#include "reuseshim/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>

#pragma weak getauxval

enum { FORK_NO_EXEC = 0x40 }; /* PF_FORKNOEXEC, include/linux/sched.h */

struct stat_facts {
    pid_t parent, session;
    bool never_executed;
    int64_t started; /* seconds since 1970, -1 */
    char program[64];
};

/* Clock ticks since boot, as in /proc/PID/stat, to the time of day. */
static int64_t time_of_start(uint64_t ticks)
{
    unsigned long per_second = getauxval ? getauxval(AT_CLKTCK) : 0;
    if (per_second == 0)
        per_second = 100;
    int64_t boot = raw_clock(CLOCK_REALTIME) - raw_clock(CLOCK_BOOTTIME);
    return (boot + (int64_t)(ticks * (1000000000 / per_second))) / 1000000000;
}

/* "pid (program) S ppid ... starttime ...": the program may contain blanks and ')', so the last ')' counts.
 */
static bool read_stat(pid_t pid, struct stat_facts *facts)
{
    char path[PROC_PATH_MAX], line[384]; /* the twenty-two fields that are wanted */
    *facts = (struct stat_facts){.parent = 0, .started = -1};
    if (proc_read(proc_path(path, pid, "stat"), line, sizeof line) <= 0)
        return false;
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    if (open == NULL || close == NULL || close < open)
        return false;
    size_t name = (size_t)(close - open - 1);
    if (name >= sizeof facts->program)
        name = sizeof facts->program - 1;
    memcpy(facts->program, open + 1, name);

    const char *at = close + 1;
    for (int field = 3; field <= 22; field++) {
        uint64_t value;
        at += *at == ' ';
        size_t width = strcspn(at, " \n");
        if (field == 4 && text_to_number(at, width, INT32_MAX, &value))
            facts->parent = (pid_t)value;
        if (field == 6 && text_to_number(at, width, INT32_MAX, &value))
            facts->session = (pid_t)value;
        if (field == 9 && text_to_number(at, width, UINT32_MAX, &value))
            facts->never_executed = value & FORK_NO_EXEC;
        if (field == 22 && text_to_number(at, width, UINT64_MAX / 1000000000, &value))
            facts->started = time_of_start(value);
        at += width;
    }
    return true;
}

/* The real uid: the first number behind "Uid:". */
static bool read_uid(pid_t pid, uint32_t *uid)
{
    char path[PROC_PATH_MAX], status[384]; /* Uid is the ninth line */
    uint64_t value;
    (void)proc_read(proc_path(path, pid, "status"), status, sizeof status);
    if (!proc_number(status, "\nUid:\t", UINT32_MAX, &value))
        return false;
    *uid = (uint32_t)value;
    return true;
}

/* Does an option, or the name before '=', promise a secret? */
static bool names_a_secret(const char *name, size_t length)
{
    static const char words[][12] = {"pass", "secret", "token", "credential", "key"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t at = 0, size = strlen(words[i]); at + size <= length; at++) {
            size_t same = 0;
            while (same < size && (name[at + same] | 0x20) == words[i][same])
                same++;
            if (same == size)
                return true;
        }
    return false;
}

/* Adds an argument: of "--password=x", "PGPASSWORD=x" and the "x" behind "--password" only stars. */
static void add_argument(struct text *text, const char *argument, size_t length, bool *secret)
{
    const char *equals = memchr(argument, '=', length);
    bool is_option = length && argument[0] == '-';
    bool hide_all = *secret && !is_option;
    size_t name = equals ? (size_t)(equals - argument) : length;
    bool named = names_a_secret(argument, name);
    text_string(text, text->used ? " " : "");
    if (hide_all)
        text_string(text, "***");
    else
        text_bytes(text, argument, equals && named ? name + 1 : length);
    if (!hide_all && equals && named)
        text_string(text, "***");
    *secret = is_option && named && !equals;
}

static void read_command(struct process *process)
{
    char path[PROC_PATH_MAX];
    char arguments[sizeof process->command];
    struct text text = text_in(process->command, sizeof process->command);
    ssize_t length = file_read(proc_path(path, process->pid, "cmdline"), arguments, sizeof arguments);
    bool secret = false;
    for (ssize_t at = 0; at < length;) {
        size_t size = strnlen(arguments + at, (size_t)(length - at));
        add_argument(&text, arguments + at, size, &secret);
        at += (ssize_t)size + 1;
    }
    process->command_length = (uint16_t)text.used;
}

void process_self(struct self *self)
{
    struct stat_facts facts;
    memset(self, 0, sizeof *self);
    /* In a PID namespace of our own under an outer /proc, getpid() is a number of somebody else there. */
    char link[16];
    uint64_t number;
    ssize_t length = raw_readlinkat(AT_FDCWD, "/proc/self", link, sizeof link);
    self->pid =
        length > 0 && text_to_number(link, (size_t)length, INT32_MAX, &number) ? (pid_t)number : raw_pid();
    self->uid = raw_uid();
    file_executable_name("/proc/self/exe", self->program, sizeof self->program);
    const unsigned room = sizeof self->ancestors / sizeof *self->ancestors;
    for (pid_t pid = self->pid; self->ancestor_count < room && read_stat(pid, &facts) && facts.parent > 0;)
        self->ancestors[self->ancestor_count++] = pid = facts.parent;
}

static bool is_descendant(pid_t parent, const struct self *self)
{
    struct stat_facts facts;
    for (int depth = 0; depth < 24 && parent > 1; depth++) {
        if (parent == self->pid)
            return true;
        if (!read_stat(parent, &facts))
            return false;
        parent = facts.parent;
    }
    return false;
}

static enum relation relation_to(const struct process *process, pid_t parent, const struct self *self)
{
    if (process->pid == self->pid)
        return RELATION_SELF;
    for (unsigned i = 0; i < self->ancestor_count; i++)
        if (self->ancestors[i] == process->pid)
            return RELATION_ANCESTOR;
    if (is_descendant(parent, self))
        return RELATION_DESCENDANT;
    if (self->program[0] && strcmp(process->program, self->program) == 0)
        return RELATION_SAME_PROGRAM;
    return process->uid_known && process->uid == self->uid ? RELATION_SAME_USER : RELATION_OTHER_USER;
}

void process_describe(struct process *process, pid_t pid, const struct self *self)
{
    char path[PROC_PATH_MAX];
    struct stat_facts facts;
    process->pid = pid;
    process->uid_known = read_uid(pid, &process->uid);
    bool alive = read_stat(pid, &facts);
    process->started = facts.started;
    process->parent = facts.parent;
    process->session = facts.session;
    process->never_executed = facts.never_executed;
    if (file_executable_name(proc_path(path, pid, "exe"), process->program, sizeof process->program) == 0 &&
        alive)
        memcpy(process->program, facts.program, sizeof process->program);
    read_command(process);
    process->relation = relation_to(process, facts.parent, self);
}

pid_t process_parent(pid_t pid)
{
    struct stat_facts facts;
    return read_stat(pid, &facts) ? facts.parent : 0;
}

bool process_is_orphan(const struct process *process)
{
    struct stat_facts parent;
    if (process->parent == 1)
        return true;
    /* A subreaper (systemd --user, a container's init) is mostly in a session of its own, and a child is in
     * its parent's session unless it began one. */
    return process->parent > 1 && process->session != process->pid && read_stat(process->parent, &parent) &&
           parent.session != process->session;
}

static bool is_one_of(const char *function, const char (*list)[20], size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count && !found; i++)
        found = strcmp(function, list[i]) == 0;
    return found;
}

/* The kernel function that a thread sleeps in: does it have nothing to do with serving? */
static bool waits_idly(const char *function, bool *sleeps)
{
    static const char waits[][20] = {"do_wait",   "kernel_waitid",  "__do_sys_pause",
                                     "sys_pause", "sigsuspend",     "do_sigtimedwait",
                                     "pipe_read", "anon_pipe_read", "pipe_wait"};
    static const char naps[][20] = {"hrtimer_nanosleep", "do_nanosleep", "common_nsleep"};
    bool nap = is_one_of(function, naps, sizeof naps / sizeof *naps);
    *sleeps |= nap;
    return nap || is_one_of(function, waits, sizeof waits / sizeof *waits);
}

/* A server may sleep between looks at its socket; it has gone to sleep many times by now. */
static bool sleeps_often(pid_t pid, struct scratch *scratch)
{
    enum { OFTEN = 20 };
    char path[PROC_PATH_MAX];
    uint64_t times;
    (void)proc_read(proc_path(path, pid, "status"), scratch->bytes, sizeof scratch->bytes);
    return !proc_number(scratch->bytes, "\nvoluntary_ctxt_switches:\t", UINT32_MAX, &times) || times > OFTEN;
}

tristate process_is_idle(pid_t pid, int64_t deadline, struct scratch *scratch)
{
    char path[PROC_PATH_MAX], function[64];
    _Alignas(struct raw_entry) char entries[512];
    struct folder threads = folder_open(proc_path(path, pid, "task"), entries, sizeof entries);
    const struct raw_entry *thread;
    bool sleeps = false, idle = false, going = true;
    while (going && (thread = folder_next(&threads)) != NULL) {
        (void)proc_read(proc_thread_path(path, pid, thread->name, "wchan"), function, sizeof function);
        idle = waits_idly(function, &sleeps);
        going = idle && !deadline_has_passed(deadline);
    }
    folder_close(&threads);
    return idle && going && !(sleeps && sleeps_often(pid, scratch)) ? YES : UNKNOWN;
}

tristate process_closes_on_exec(pid_t pid, int fd)
{
    char path[PROC_PATH_MAX], info[256];
    (void)proc_read(proc_fd_path(path, pid, "fdinfo", fd), info, sizeof info);
    const char *at = strstr(info, "flags:");
    if (at == NULL)
        return UNKNOWN;
    at += strlen("flags:");
    at += strspn(at, " \t");
    uint32_t flags = 0;
    for (; *at >= '0' && *at <= '7'; at++)
        flags = flags << 3 | (uint32_t)(*at - '0');
    return (flags & O_CLOEXEC) != 0;
}
