/* SPDX-License-Identifier: MIT
 *
 * A record for a person: a line that says it all, then details under the same prefix. Contract in record.h
 * and sinks.h.
 */
#include "reuseshim/errno_name.h"
#include "sinks.h"

#include <string.h>

static void write_address(struct text *text, const struct newcomer *newcomer)
{
    const struct endpoint *local = &newcomer->local;
    protocol_write(text, newcomer->family, newcomer->type, newcomer->protocol);
    if (local->family != AF_UNSPEC) {
        text_char(text, ' ');
        if (local->family == AF_UNIX)
            unix_path_write(text, &newcomer->path);
        else
            endpoint_write_on(text, local, newcomer->device_name);
    }
    if (newcomer->other.family) {
        text_string(text, newcomer->other.family == AF_PACKET ? " interface " : " ");
        text_unsigned(text, newcomer->other.first);
        text_string(text, newcomer->other.family == AF_VSOCK    ? ":"
                          : newcomer->other.family == AF_PACKET ? " protocol "
                                                                : " groups ");
        text_unsigned(text, newcomer->other.second);
    }
    if (newcomer->remote.family != AF_UNSPEC) {
        text_string(text, " -> ");
        endpoint_write(text, &newcomer->remote);
    }
}

/* " succeeded after 1.5 s", " after 1.5 s", "; 3 leftovers removed" */
static void write_outcome(struct text *text, const struct record *record)
{
    if (record->event == EVENT_RESOLVED)
        text_string(text, " succeeded");
    if (record->waited_ms) {
        text_string(text, " after ");
        record_write_tenths(text, record->waited_ms);
    }
    if (record->evicted) {
        text_string(text, "; ");
        text_unsigned(text, record->evicted);
        text_string(text, record->evicted == 1 ? " leftover removed" : " leftovers removed");
    }
}

/* " again (3 times before), held by ..., as found 1.2 s ago": what an earlier record said in full. */
static void write_repetition(struct text *text, const struct record *record)
{
    const struct conflict *conflict = record->conflict;
    if (record->repeated == 0)
        return;
    text_string(text, " again (");
    text_unsigned(text, record->repeated);
    text_string(text, " before)");
    if (conflict == NULL || conflict->source != SOURCE_EARLIER || conflict->holder_count == 0)
        return;
    const struct holder *holder = &conflict->holders[0];
    const struct owners *owners = &conflict->owners[holder->owners];
    text_string(text, "; held by ");
    record_write_socket(text, holder);
    if (owners->count) {
        text_string(text, ", pid ");
        text_signed(text, owners->processes[0].pid);
        text_string(text, " (");
        text_name(text, owners->processes[0].names.program);
        text_char(text, ')');
    }
    text_string(text, ", as found ");
    record_write_tenths(text, record->age_ms);
    text_string(text, " ago");
}

static void write_program(struct text *text, const struct record *record)
{
    text_name(text, record->program[0] ? record->program : "?");
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
            write_repetition(text, record);
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
    if (record->bare != BARE_NOT && record->repeated == 0)
        text_strings(text, line_break, label_word(LABEL_BECAUSE), bare_phrase(record->bare));
    if (conflict == NULL || conflict->source == SOURCE_EARLIER)
        return;
    record_write_holders(text, record, line_break, shown);
    if (conflict->because[0])
        text_strings(text, line_break, label_word(record->event == EVENT_SHARED ? LABEL_SO : LABEL_BECAUSE),
                     conflict->because);
    bool failed = record->event == EVENT_CONFLICT || record->event == EVENT_REFUSED;
    for (uint32_t i = 0; failed && i < conflict->cure_count; i++) {
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
