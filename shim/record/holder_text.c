/* SPDX-License-Identifier: MIT
 *
 * The lines of a text record that say who is in the way. Contract in record.h and sinks.h.
 */
#include "sinks.h"

#include <string.h>

/* Shown of a command line; JSON has more of it. */
enum { COMMAND_SHOWN = 160 };

static void write_name(struct text *text, const char *name)
{
    text_escaped(text, name, strlen(name));
}

void record_write_tenths(struct text *text, int64_t milliseconds)
{
    text_signed(text, milliseconds / 1000);
    text_char(text, '.');
    text_signed(text, milliseconds / 100 % 10);
    text_string(text, " s");
}

/* "tcp 127.0.0.1:8080 <-> 127.0.0.1:53038  TIME_WAIT" */
void record_write_socket(struct text *text, const struct holder *holder)
{
    protocol_write(text, holder->local.family, -1, holder->protocol);
    text_char(text, ' ');
    if (holder->local.family == AF_UNIX)
        unix_path_write(text, &holder->path);
    else
        endpoint_write_on(text, &holder->local, holder->device_name);
    if (holder->remote.family != AF_UNSPEC) {
        text_string(text, " <-> ");
        endpoint_write(text, &holder->remote);
    }
    text_strings(text, "  ", state_word(holder));
}

/* The workers of one server: what tells them apart is the pid alone. */
static bool are_alike(const struct process *one, const struct process *other)
{
    return one->relation != RELATION_SELF && other->relation != RELATION_SELF &&
           one->uid_known == other->uid_known && one->uid == other->uid &&
           strcmp(one->names.program, other->names.program) == 0 &&
           one->command_length == other->command_length &&
           memcmp(one->command, other->command, one->command_length) == 0;
}

static void write_pids(struct text *text, const struct owners *owners, uint32_t first)
{
    uint32_t shown = 0;
    for (uint32_t i = first; i < owners->count && i < PROCESSES_MAX; i++) {
        if (i > first && !are_alike(&owners->processes[first], &owners->processes[i]))
            continue;
        text_string(text, shown++ ? ", " : "pid ");
        text_signed(text, owners->processes[i].pid);
    }
}

/* Where it could be taken for the next process of the list, it is in quotes. */
static void write_bytes(struct text *text, const char *bytes, size_t count, bool quoted)
{
    if (quoted)
        text_quoted(text, bytes, count);
    else
        text_escaped(text, bytes, count);
}

/* Of a long command line the beginning and the end. */
static void write_command(struct text *text, const struct process *process)
{
    size_t length = process->command_length, half = COMMAND_SHOWN / 2;
    bool quoted = memchr(process->command, ';', length) || memchr(process->command, '"', length);
    if (length <= COMMAND_SHOWN) {
        write_bytes(text, process->command, length, quoted);
        return;
    }
    write_bytes(text, process->command, half, quoted);
    text_string(text, " ... ");
    write_bytes(text, process->command + length - half, half, quoted);
}

static void write_process(struct text *text, const struct owners *owners, uint32_t at)
{
    const struct process *process = &owners->processes[at];
    if (process->relation == RELATION_SELF) {
        text_string(text, "this process");
    } else {
        write_pids(text, owners, at);
        text_string(text, " (");
        text_name(text, process->names.program);
        text_char(text, ')');
    }
    if (process->uid_known) {
        text_string(text, " of uid ");
        text_unsigned(text, process->uid);
    }
    if (process->state == 'T' || process->state == 't')
        text_string(text, ", stopped");
    if (process->command_length && process->relation != RELATION_SELF) {
        text_string(text, ": ");
        write_command(text, process);
    }
}

static bool is_told(const struct owners *owners, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (are_alike(&owners->processes[i], &owners->processes[at]))
            return true;
    return false;
}

static const char *owner_phrase(const struct conflict *conflict, enum owner owner)
{
    switch (owner) {
    case OWNER_NOT_SEARCHED:
        return ", owner not found within REUSESHIM_BUDGET_MS";
    case OWNER_NONE:
        return ", no process";
    case OWNER_HIDDEN:
        return conflict->hidden == HIDDEN_IN_KERNEL ? ", no process has it open" : ", owner hidden";
    case OWNER_KNOWN:
    case OWNER_LIKELY:
    case OWNER_COUNT:
        break;
    }
    return "";
}

static void write_owner(struct text *text, const struct conflict *conflict, const struct holder *holder)
{
    const struct owners *owners = &conflict->owners[holder->owners];
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++) {
        if (is_told(owners, i))
            continue;
        text_string(text, i ? "; " : holder->owner == OWNER_LIKELY ? ", likely " : ", ");
        write_process(text, owners, i);
    }
    text_string(text, owners->count > PROCESSES_MAX ? "; and more processes" : "");
    text_string(text, owner_phrase(conflict, holder->owner));
    if (owners->count == 0 && holder->uid_known) {
        text_string(text, " (uid ");
        text_unsigned(text, holder->uid);
        text_char(text, ')');
    }
}

/* " in nginx.service", " in docker container 0123456789ab"; of other groups the path. */
static void write_place(struct text *text, const struct conflict *conflict, const struct holder *holder)
{
    enum { FULL_ID = 64, SHORT_ID = 12 };
    struct manager manager = conflict_manager(conflict, holder);
    const char *group = holder->cgroup ? conflict->cgroups[holder->cgroup - 1].path : "";
    if (manager.unit.length) {
        text_string(text, " in ");
        text_escaped(text, manager.unit.start, manager.unit.length);
    }
    if (manager.container.length) {
        size_t shown = manager.container.length == FULL_ID ? SHORT_ID : manager.container.length;
        text_strings(text, " in ", engine_word(manager.engine), " container ");
        text_escaped(text, manager.container.start, shown);
    }
    if (manager.unit.length + manager.container.length == 0 && group[0] && strcmp(group, "/") != 0) {
        text_string(text, " in ");
        write_name(text, group);
    }
}

void record_write_holder(struct text *text, const struct conflict *conflict, const struct holder *holder)
{
    record_write_socket(text, holder);
    if (holder->timer_ms >= 0) {
        /* When the peer closes as well, FIN_WAIT2 becomes a TIME_WAIT of full length. */
        bool last = holder->state == STATE_TIME_WAIT;
        text_string(text, ", gone in ");
        record_write_tenths(text, holder->timer_ms);
        text_string(text, last ? "" : " unless it becomes TIME_WAIT");
    }
    write_owner(text, conflict, holder);
    write_place(text, conflict, holder);
}

static enum label label_of(const struct record *record, const struct holder *holder)
{
    if (record->event == EVENT_SHARED || record->event == EVENT_PORTABILITY)
        return LABEL_WITH;
    if (record->event == EVENT_RESOLVED)
        return LABEL_WAS_HELD;
    return holder->blocks == YES ? LABEL_HELD_BY : holder->blocks == UNKNOWN ? LABEL_PERHAPS : LABEL_BESIDE;
}

void record_write_omitted(struct text *text, const struct conflict *conflict, const char *line_break,
                          uint32_t shown)
{
    uint32_t omitted = conflict->holders_omitted + conflict->holder_count - shown;
    if (omitted == 0)
        return;
    text_strings(text, line_break, label_word(LABEL_AND));
    text_unsigned(text, omitted);
    text_string(text, " more");
}

/* One process, or workers of one server: by one another, or by one and the same parent that is not init. A
 * name alone is anybody's. */
static bool are_of_one_server(const struct process *one, const struct process *other)
{
    bool family = one->parent == other->pid || other->parent == one->pid ||
                  (one->parent > 1 && one->parent == other->parent);
    return one->pid == other->pid || (family && one->uid_known && are_alike(one, other));
}

/* Sockets of one server, which differ by worker alone; of one process on many addresses by these, too. */
static bool is_one_more(const struct conflict *conflict, const struct holder *one, const struct holder *other)
{
    enum { MANY = 8 };
    const struct owners *owners = &conflict->owners[one->owners], *others = &conflict->owners[other->owners];
    bool anywhere = conflict->holder_count > MANY && owners->count && others->count &&
                    owners->processes[0].pid == others->processes[0].pid;
    return owners->count && others->count &&
           are_of_one_server(&owners->processes[0], &others->processes[0]) && one->uid == other->uid &&
           one->remote.family == AF_UNSPEC && other->remote.family == AF_UNSPEC &&
           one->protocol == other->protocol && one->state == other->state && one->blocks == other->blocks &&
           one->local.port == other->local.port &&
           (anywhere || endpoint_same_address(&one->local, &other->local));
}

static uint32_t count_alike(const struct conflict *conflict, uint32_t at, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t i = from; i < to; i++)
        count += is_one_more(conflict, &conflict->holders[i], &conflict->holders[at]);
    return count;
}

/* "; and 3 more sockets like this, of pids 12, 13, 14" */
static void write_more(struct text *text, const struct conflict *conflict, uint32_t at, uint32_t listed,
                       uint32_t more)
{
    enum { SHOWN = 8 };
    pid_t last = conflict->owners[conflict->holders[at].owners].processes[0].pid;
    uint32_t shown = 0, elsewhere = 0;
    for (uint32_t i = at + 1; i < listed; i++)
        elsewhere += is_one_more(conflict, &conflict->holders[at], &conflict->holders[i]) &&
                     !endpoint_same_address(&conflict->holders[at].local, &conflict->holders[i].local);
    text_string(text, "; and ");
    text_unsigned(text, more);
    text_string(text, elsewhere   ? " more sockets of this process, on other addresses"
                      : more == 1 ? " more socket like this"
                                  : " more sockets like this");
    for (uint32_t i = at + 1; i < listed && shown < SHOWN; i++) {
        pid_t pid = conflict->owners[conflict->holders[i].owners].processes[0].pid;
        if (!is_one_more(conflict, &conflict->holders[at], &conflict->holders[i]) || pid == last)
            continue;
        text_string(text, shown++ ? ", " : more == 1 ? ", of pid " : ", of pids ");
        text_signed(text, pid);
        last = pid;
    }
    text_string(text, shown == SHOWN ? " ..." : "");
}

void record_write_holders(struct text *text, const struct record *record, const char *line_break,
                          uint32_t shown)
{
    const struct conflict *conflict = record->conflict;
    uint32_t listed = conflict->holder_count < shown ? conflict->holder_count : shown;
    for (uint32_t i = 0; i < listed; i++) {
        if (count_alike(conflict, i, 0, i))
            continue;
        uint32_t more = count_alike(conflict, i, i + 1, listed);
        text_strings(text, line_break, label_word(label_of(record, &conflict->holders[i])));
        record_write_holder(text, conflict, &conflict->holders[i]);
        if (more)
            write_more(text, conflict, i, listed, more);
    }
    record_write_omitted(text, conflict, line_break, listed);
}
