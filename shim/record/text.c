/* SPDX-License-Identifier: MIT
 *
 * A record for a person: a line that says it all, then details under the same prefix. Contract in record.h
 * and sinks.h.
 */
#include "reuseshim/errno_name.h"
#include "sinks.h"

#include <string.h>

/* Shown of a command line; JSON has more of it. */
enum { COMMAND_SHOWN = 80 };

static void write_name(struct text *text, const char *name)
{
    text_escaped(text, name, strlen(name));
}

static void write_device(struct text *text, const char *device)
{
    if (device[0] == '\0')
        return;
    text_char(text, '%');
    write_name(text, device);
}

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
    write_device(text, newcomer->device_name);
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

static void write_program(struct text *text, const struct record *record)
{
    write_name(text, record->program[0] ? record->program : "?");
    text_string(text, ": ");
}

static void write_head(struct text *text, const struct record *record)
{
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
    if (process->relation == RELATION_SELF) {
        text_string(text, "this process");
    } else {
        write_pids(text, owners, at);
        text_string(text, " (");
        write_name(text, process->program);
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

static const char *owner_phrase(enum owner owner)
{
    switch (owner) {
    case OWNER_NOT_SEARCHED:
        return ", owner not found within REUSESHIM_BUDGET_MS";
    case OWNER_NONE:
        return ", no process";
    case OWNER_HIDDEN:
        return ", owner hidden";
    case OWNER_KNOWN:
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
        text_string(text, i ? "; " : ", ");
        write_process(text, owners, i);
    }
    text_string(text, owners->count > PROCESSES_MAX ? "; and more processes" : "");
    text_string(text, owner_phrase(holder->owner));
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
    write_device(text, holder->device_name);
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
        write_name(text, group);
    }
}

static enum label label_of(const struct record *record, const struct holder *holder)
{
    if (record->event == EVENT_SHARED)
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

static void write_holders(struct text *text, const struct record *record, const char *line_break,
                          uint32_t shown)
{
    const struct conflict *conflict = record->conflict;
    uint32_t listed = conflict->holder_count < shown ? conflict->holder_count : shown;
    for (uint32_t i = 0; i < listed; i++) {
        text_strings(text, line_break, label_word(label_of(record, &conflict->holders[i])));
        record_write_holder(text, conflict, &conflict->holders[i]);
    }
    record_write_omitted(text, conflict, line_break, listed);
}

/* REUSESHIM_RULES takes any policy's rule; a policy is the shorter thing to say where one does it. */
static void write_cure(struct text *text, const struct cure *cure)
{
    const char *side = cure->apply_to == APPLY_TO_BOTH     ? " for both"
                       : cure->apply_to == APPLY_TO_HOLDER ? " for the holder"
                                                           : "";
    text_string(text, cure->text);
    if (cure->policy)
        text_strings(text, " (REUSESHIM_POLICY=", cure->policy, side, ")");
    else if (cure->rules[0])
        text_strings(text, " (REUSESHIM_RULES='", cure->rules, "'", side, ")");
}

void record_write_details(struct text *text, const struct record *record, const char *line_break,
                          uint32_t shown)
{
    const struct conflict *conflict = record->conflict;
    if (conflict == NULL)
        return;
    write_holders(text, record, line_break, shown);
    if (conflict->because[0])
        text_strings(text, line_break, label_word(record->event == EVENT_SHARED ? LABEL_SO : LABEL_BECAUSE),
                     conflict->because);
    for (uint32_t i = 0; record->event == EVENT_CONFLICT && i < conflict->cure_count; i++) {
        text_strings(text, line_break, label_word(LABEL_CURE));
        write_cure(text, &conflict->cures[i]);
    }
}

static void write_lines(struct text *text, const struct record *record, const char *line_break,
                        uint32_t shown)
{
    write_head(text, record);
    record_write_details(text, record, line_break, shown);
    if (record->lost == 0)
        return;
    text_strings(text, line_break, label_word(LABEL_LOST));
    text_unsigned(text, record->lost);
    text_string(text, record->lost == 1 ? " record before this one could not be written"
                                        : " records before this one could not be written");
}

/* Each line begins with the same words, so that grep keeps a record together. */
void record_write_text(struct text *text, const struct record *record, uint32_t shown)
{
    char start[40];
    struct text line_break = text_in(start, sizeof start);
    text_string(&line_break, "\nreuseshim[");
    text_signed(&line_break, record->pid);
    text_string(&line_break, "]   ");
    text_string(text, "reuseshim[");
    text_signed(text, record->pid);
    text_string(text, "] ");
    write_program(text, record);
    write_lines(text, record, text_end(&line_break), shown);
    text_char(text, '\n');
}

void record_write_message(struct text *text, const struct record *record, uint32_t shown)
{
    write_program(text, record);
    write_lines(text, record, "\n  ", shown);
    text_char(text, '\n');
}

void record_write_one_line(struct text *text, const struct record *record, uint32_t shown)
{
    text_string(text, "reuseshim: ");
    write_lines(text, record, "; ", shown);
}
