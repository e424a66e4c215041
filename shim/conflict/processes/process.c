/* SPDX-License-Identifier: MIT
 *
 * What /proc says of one process. Contract in processes.h.
 */
#include "reuseshim/processes.h"

#include "command_line.h"
#include "reuseshim/deadline.h"
#include "reuseshim/file.h"
#include "reuseshim/proc.h"
#include "reuseshim/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>

#pragma weak getauxval

/* PF_FORKNOEXEC and PF_KTHREAD, include/linux/sched.h */
enum { FORK_NO_EXEC = 0x40, KERNEL_THREAD = 0x200000 };

struct stat_facts {
    pid_t parent, session;
    bool never_executed, is_kernel_thread;
    int64_t started; /* seconds since 1970, -1 */
    char state;
    char name[NAME_ROOM];
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
    if (name >= sizeof facts->name)
        name = sizeof facts->name - 1;
    memcpy(facts->name, open + 1, name);

    const char *at = close + 1;
    for (int field = 3; field <= 22; field++) {
        uint64_t value;
        at += *at == ' ';
        size_t width = strcspn(at, " \n");
        if (field == 3)
            facts->state = *at;
        if (field == 4 && text_to_number(at, width, INT32_MAX, &value))
            facts->parent = (pid_t)value;
        if (field == 6 && text_to_number(at, width, INT32_MAX, &value))
            facts->session = (pid_t)value;
        if (field == 9 && text_to_number(at, width, UINT32_MAX, &value)) {
            facts->never_executed = value & FORK_NO_EXEC;
            facts->is_kernel_thread = value & KERNEL_THREAD;
        }
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

static void find_ancestors(struct self *self)
{
    struct stat_facts facts;
    const unsigned places = sizeof self->ancestors / sizeof *self->ancestors;
    for (pid_t pid = self->pid; self->ancestor_count < places && read_stat(pid, &facts) && facts.parent > 0;)
        self->ancestors[self->ancestor_count++] = pid = facts.parent;
}

void process_self_of(struct self *self, pid_t pid, char room[ARGUMENTS_ROOM])
{
    static const struct self nobody;
    struct process process;
    memset(self, 0, sizeof *self);
    process_describe(&process, pid, &nobody, room);
    self->pid = pid;
    self->uid = process.uid_known ? process.uid : raw_uid();
    self->names = process.names;
    find_ancestors(self);
}

void process_self(struct self *self, char room[ARGUMENTS_ROOM])
{
    memset(self, 0, sizeof *self);
    /* In a PID namespace of our own under an outer /proc, getpid() is a number of somebody else there. */
    char link[16];
    uint64_t number;
    ssize_t length = raw_readlinkat(AT_FDCWD, "/proc/self", link, sizeof link);
    self->pid =
        length > 0 && text_to_number(link, (size_t)length, INT32_MAX, &number) ? (pid_t)number : raw_pid();
    self->uid = raw_uid();
    names_of_self(&self->names, room);
    find_ancestors(self);
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

/* Two scripts of one interpreter are two programs. Of another user's process the file does not show. */
static bool is_same_program(const struct names *one, const struct names *other)
{
    bool same_file = one->executable[0] == '\0' || strcmp(one->executable, other->executable) == 0;
    return same_file && one->program[0] && strcmp(one->program, other->program) == 0;
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
    if (is_same_program(&process->names, &self->names))
        return RELATION_SAME_PROGRAM;
    return process->uid_known && process->uid == self->uid ? RELATION_SAME_USER : RELATION_OTHER_USER;
}

bool process_may_stall(const struct process *process, const struct self *self)
{
    bool trusted = process->uid_known && (process->uid == self->uid || process->uid == 0);
    return self->careful && !trusted;
}

void process_describe(struct process *process, pid_t pid, const struct self *self, char room[ARGUMENTS_ROOM])
{
    char path[PROC_PATH_MAX];
    struct stat_facts facts;
    memset(&process->names, 0, sizeof process->names);
    process->pid = pid;
    process->uid_known = read_uid(pid, &process->uid);
    (void)read_stat(pid, &facts);
    process->started = facts.started;
    process->parent = facts.parent;
    process->session = facts.session;
    process->never_executed = facts.never_executed;
    process->state = facts.state;
    (void)file_executable_name(proc_path(path, pid, "exe"), process->names.executable, NAME_ROOM);
    ssize_t length = process_may_stall(process, self)
                         ? 0
                         : file_read(proc_path(path, pid, "cmdline"), room, ARGUMENTS_ROOM);
    size_t used = length > 0 ? (size_t)length : 0;
    names_choose(&process->names, facts.name, room, used);
    process->command_length = (uint16_t)command_line_write(process->command, COMMAND_ROOM, room, used);
    process->relation = relation_to(process, facts.parent, self);
    /* Whoever calls is not stopped, but by a supervisor that looks (shim/trap). */
    if (process->relation == RELATION_SELF && process->state == 't')
        process->state = 'R';
}

/* Where it begins and how long it is, of a line "ID:CONTROLLERS:PATH". */
static const char *path_of_group(const char *line, size_t *length)
{
    const char *end = line + strcspn(line, "\n"), *at = line;
    for (int colons = 0; at < end && colons < 2; at++)
        colons += *at == ':';
    *length = (size_t)(end - at);
    return at;
}

/* Version 2 has one line. Beside version 1 (a hybrid mount) it may be the root, and the others tell more. */
void process_cgroup(pid_t pid, char group[CGROUP_ROOM], char room[ARGUMENTS_ROOM])
{
    char path[PROC_PATH_MAX];
    group[0] = '\0';
    (void)proc_read(pid ? proc_path(path, pid, "cgroup") : "/proc/self/cgroup", room, ARGUMENTS_ROOM);
    for (const char *line = room; *line;) {
        size_t length;
        const char *found = path_of_group(line, &length);
        bool is_version_2 = strncmp(line, "0::", 3) == 0, is_root = length < 2;
        if (length < CGROUP_ROOM && !is_root && (group[0] == '\0' || is_version_2)) {
            memcpy(group, found, length);
            group[length] = '\0';
        }
        line = found + length + (found[length] == '\n');
    }
}

pid_t process_parent(pid_t pid)
{
    struct stat_facts facts;
    return read_stat(pid, &facts) ? facts.parent : 0;
}

bool process_may_hold(pid_t pid)
{
    struct stat_facts facts;
    return read_stat(pid, &facts) && !facts.is_kernel_thread && facts.state != 'Z' && facts.state != 'X';
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
