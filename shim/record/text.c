/* SPDX-License-Identifier: MIT
 *
 * A record for a person: a line that says it all, then details under the same prefix. Contract in record.h.
 */
#include "reuseshim/errno_name.h"
#include "reuseshim/record.h"

#include <string.h>

/* Shown of a command line; JSON has more of it. */
enum { COMMAND_SHOWN = 80 };

static void write_address(struct text *text, const struct newcomer *newcomer)
{
    const struct endpoint *local = &newcomer->local;
    protocol_write(text, newcomer->family, newcomer->type, newcomer->protocol);
    if (local->family != AF_UNSPEC) {
        text_char(text, ' ');
        if (local->family == AF_UNIX)
            unix_path_write(text, &newcomer->path);
        else
            endpoint_write(text, local);
    }
    if (newcomer->remote.family != AF_UNSPEC) {
        text_string(text, " -> ");
        endpoint_write(text, &newcomer->remote);
    }
    if (newcomer->device_name[0]) {
        text_char(text, '%');
        text_escaped(text, newcomer->device_name, strlen(newcomer->device_name));
    }
}

static void write_tenths(struct text *text, int64_t milliseconds)
{
    text_signed(text, milliseconds / 1000);
    text_char(text, '.');
    text_signed(text, milliseconds / 100 % 10);
    text_string(text, " s");
}

/* " succeeded after 1.5 s", " after 1.5 s", "; 3 leftovers removed" */
static void write_outcome(struct text *text, const struct record *record)
{
    if (record->event == EVENT_RESOLVED)
        text_string(text, " succeeded");
    if (record->waited_ms) {
        text_string(text, " after ");
        write_tenths(text, record->waited_ms);
    }
    if (record->evicted) {
        text_string(text, "; ");
        text_unsigned(text, record->evicted);
        text_string(text, record->evicted == 1 ? " leftover removed" : " leftovers removed");
    }
}

static void write_head(struct text *text, const struct record *record)
{
    text_string(text, "reuseshim[");
    text_signed(text, record->pid);
    text_string(text, "] ");
    text_escaped(text, record->program[0] ? record->program : "?",
                 record->program[0] ? strlen(record->program) : 1);
    text_string(text, ": ");
    const struct newcomer *newcomer = record->newcomer;
    if (newcomer) {
        text_strings(text, call_word(newcomer->call), "(");
        text_signed(text, newcomer->fd);
        text_string(text, ", ");
        write_address(text, newcomer);
        text_char(text, ')');
        if (newcomer->error) {
            text_string(text, " failed: ");
            errno_name_write(text, newcomer->error);
        }
        if (record->event == EVENT_SHARED)
            text_string(text, " shares its port");
        write_outcome(text, record);
        if (record->message)
            text_string(text, ": ");
    }
    if (record->message)
        text_string(text, record->message);
    text_char(text, '\n');
}

/* The workers of one server: what tells them apart is the pid alone. */
static bool are_alike(const struct process *one, const struct process *other)
{
    return one->relation != RELATION_SELF && other->relation != RELATION_SELF &&
           one->uid_known == other->uid_known && one->uid == other->uid &&
           strcmp(one->program, other->program) == 0 && one->command_length == other->command_length &&
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

static void write_process(struct text *text, const struct owners *owners, uint32_t at)
{
    const struct process *process = &owners->processes[at];
    size_t shown = process->command_length < COMMAND_SHOWN ? process->command_length : COMMAND_SHOWN;
    if (process->relation == RELATION_SELF)
        text_string(text, "this process");
    else {
        write_pids(text, owners, at);
        text_string(text, " (");
        text_escaped(text, process->program, strlen(process->program));
        text_char(text, ')');
    }
    if (process->uid_known) {
        text_string(text, " of uid ");
        text_unsigned(text, process->uid);
    }
    if (shown && process->relation != RELATION_SELF) {
        text_string(text, ": ");
        text_escaped(text, process->command, shown);
        text_string(text, shown < process->command_length ? "..." : "");
    }
}

static bool is_told(const struct owners *owners, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (are_alike(&owners->processes[i], &owners->processes[at]))
            return true;
    return false;
}

static void write_owner(struct text *text, const struct conflict *conflict, const struct holder *holder)
{
    const struct owners *owners = &conflict->owners[holder->owners];
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++) {
        if (is_told(owners, i))
            continue;
        text_string(text, i ? "; " : ", ");
        write_process(text, owners, i);
    }
    if (owners->count > PROCESSES_MAX) {
        text_string(text, "; and more processes");
    }
    static const char *const others[] = {[OWNER_NOT_SEARCHED] = ", not all owners found in the time allowed",
                                         [OWNER_KNOWN] = "",
                                         [OWNER_NONE] = ", no process",
                                         [OWNER_HIDDEN] = ", owner hidden"};
    text_string(text, others[holder->owner]);
    if (owners->count == 0 && holder->uid_known) {
        text_string(text, " (uid ");
        text_unsigned(text, holder->uid);
        text_char(text, ')');
    }
}

void record_write_holder(struct text *text, const struct conflict *conflict, const struct holder *holder)
{
    protocol_write(text, holder->local.family, -1, holder->protocol);
    text_char(text, ' ');
    if (holder->local.family == AF_UNIX)
        unix_path_write(text, &holder->path);
    else
        endpoint_write(text, &holder->local);
    if (holder->device_name[0]) {
        text_char(text, '%');
        text_escaped(text, holder->device_name, strlen(holder->device_name));
    }
    if (holder->remote.family != AF_UNSPEC) {
        text_string(text, " <-> ");
        endpoint_write(text, &holder->remote);
    }
    text_strings(text, "  ", state_word(holder));
    if (holder->timer_ms >= 0) {
        /* When the peer closes as well, FIN_WAIT2 becomes a TIME_WAIT of full length. */
        bool last = holder->state == STATE_TIME_WAIT;
        text_string(text, ", gone in ");
        write_tenths(text, holder->timer_ms);
        text_string(text, last ? "" : " unless it becomes TIME_WAIT");
    }
    write_owner(text, conflict, holder);
    const char *group = holder->cgroup ? conflict->cgroups[holder->cgroup - 1].path : "";
    if (group[0] && strcmp(group, "/") != 0) {
        text_string(text, " in ");
        text_escaped(text, group, strlen(group));
    }
}

static void write_holders(struct text *text, const struct record *record, const char *prefix,
                          uint32_t holders)
{
    const struct conflict *conflict = record->conflict;
    uint32_t shown = 0;
    for (; shown < conflict->holder_count && shown < holders; shown++) {
        static const char labels[][10] = {"held by  ", "perhaps  ", "beside   ", "with     ", "was held "};
        const struct holder *holder = &conflict->holders[shown];
        int label = record->event == EVENT_SHARED     ? 3
                    : record->event == EVENT_RESOLVED ? 4
                    : holder->blocks == YES           ? 0
                    : holder->blocks == UNKNOWN       ? 1
                                                      : 2;
        text_strings(text, prefix, labels[label]);
        record_write_holder(text, conflict, holder);
        text_char(text, '\n');
    }
    uint32_t omitted = conflict->holders_omitted + conflict->holder_count - shown;
    if (omitted) {
        text_strings(text, prefix, "and      ");
        text_unsigned(text, omitted);
        text_string(text, " more\n");
    }
}

/* REUSESHIM_RULES takes any policy's rule; a policy is the shorter thing to say where one does it. */
static void write_cure(struct text *text, const struct cure *cure)
{
    static const char *const sides[] = {
        [APPLY_TO_THIS] = "", [APPLY_TO_BOTH] = " for both", [APPLY_TO_HOLDER] = " for the holder"};
    text_string(text, cure->text);
    if (cure->policy)
        text_strings(text, " (REUSESHIM_POLICY=", cure->policy, sides[cure->apply_to], ")");
    else if (cure->rules[0])
        text_strings(text, " (REUSESHIM_RULES='", cure->rules, "'", sides[cure->apply_to], ")");
}

void record_write_details(struct text *text, const struct record *record, const char *prefix,
                          uint32_t holders)
{
    const struct conflict *conflict = record->conflict;
    if (conflict == NULL)
        return;
    write_holders(text, record, prefix, holders);
    if (conflict->because[0]) {
        const char *label = record->event == EVENT_SHARED ? "so       " : "because  ";
        text_strings(text, prefix, label, conflict->because, "\n");
    }
    for (uint32_t i = 0; record->event == EVENT_CONFLICT && i < conflict->cure_count; i++) {
        text_strings(text, prefix, "cure     ");
        write_cure(text, &conflict->cures[i]);
        text_char(text, '\n');
    }
}

/* Each line begins with the same words, so that grep keeps a record together. */
void record_write_text(struct text *text, const struct record *record, uint32_t holders)
{
    char start[40];
    struct text prefix = text_in(start, sizeof start);
    text_string(&prefix, "reuseshim[");
    text_signed(&prefix, record->pid);
    text_string(&prefix, "]   ");
    text_end(&prefix);
    write_head(text, record);
    record_write_details(text, record, start, holders);
    if (record->lost) {
        text_strings(text, start, "lost     ");
        text_unsigned(text, record->lost);
        text_string(text, record->lost == 1 ? " record before this one could not be written\n"
                                            : " records before this one could not be written\n");
    }
}
