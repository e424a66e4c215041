/* SPDX-License-Identifier: MIT
 *
 * A record as one line of JSON. The order of the keys is part of the contract. Contract in record.h.
 */
#include "reuseshim/errno_name.h"
#include "reuseshim/record.h"

#include <string.h>

static const char events[][12] = {
    [EVENT_CONFLICT] = "conflict", [EVENT_RESOLVED] = "resolved",       [EVENT_CHANGE] = "change",
    [EVENT_SHARED] = "shared",     [EVENT_PORTABILITY] = "portability", [EVENT_ERROR] = "error",
    [EVENT_TRACE] = "trace"};

const char *event_word(enum event event)
{
    return events[event];
}

static void key(struct text *text, const char *name)
{
    char last = text->used ? text->start[text->used - 1] : '{';
    text_strings(text, last == '{' || last == '[' ? "\"" : ",\"", name, "\":");
}

static void string_value(struct text *text, const char *value)
{
    text_json(text, value, value ? strlen(value) : 0);
}

static void string_key(struct text *text, const char *name, const char *value)
{
    key(text, name);
    string_value(text, value);
}

static void number_key(struct text *text, const char *name, bool known, int64_t value)
{
    key(text, name);
    if (known)
        text_signed(text, value);
    else
        text_string(text, "null");
}

static void tristate_key(struct text *text, const char *name, tristate value)
{
    key(text, name);
    text_string(text, value == YES ? "true" : value == NO ? "false" : "null");
}

/* A value that another function writes as plain text, in quotes; it needs no escaping. */
static void errno_key(struct text *text, int error)
{
    key(text, "errno");
    if (error == 0) {
        text_string(text, "null");
        return;
    }
    text_char(text, '"');
    errno_name_write(text, error);
    text_char(text, '"');
}

static void protocol_key(struct text *text, int family, int type, int protocol)
{
    key(text, "protocol");
    if (family < 0) {
        text_string(text, "null");
        return;
    }
    text_char(text, '"');
    protocol_write(text, family, type, protocol);
    text_char(text, '"');
}

static void endpoint_key(struct text *text, const char *name, const struct endpoint *endpoint,
                         const char *device)
{
    key(text, name);
    if (!endpoint_is_internet(endpoint)) {
        text_string(text, "null");
        return;
    }
    text_string(text, "{\"address\":\"");
    address_write(text, endpoint);
    text_string(text, "\",\"port\":");
    text_unsigned(text, endpoint->port);
    string_key(text, "device", device[0] ? device : NULL);
    text_char(text, '}');
}

/* An abstract name begins with '@', as ss(8) and /proc/net/unix show it. */
static void path_key(struct text *text, const char *name, struct unix_path path)
{
    key(text, name);
    if (path.length && path.bytes[0] == '\0')
        path.bytes[0] = '@';
    text_string(text, "{\"path\":");
    text_json(text, path.length ? path.bytes : NULL, path.length);
    text_char(text, '}');
}

static void options_key(struct text *text, const struct newcomer *newcomer)
{
    key(text, "options");
    text_char(text, '{');
    for (int i = 0; i < OPTION_COUNT; i++)
        tristate_key(text, option_table[i].word, newcomer ? newcomer->options[i] : UNKNOWN);
    text_char(text, '}');
}

/* A policy is a name or a path; of a long path the end tells more than the beginning. */
static const char *short_policy(const char *policy)
{
    enum { SHOWN = 255 };
    size_t length = policy ? strlen(policy) : 0;
    return length > SHOWN ? policy + length - SHOWN : policy;
}

static void rule_key(struct text *text, const struct record *record)
{
    key(text, "rule");
    if (record->rule == NULL) {
        text_string(text, "null");
        return;
    }
    const char *place =
        record->rule->from_variable ? variable_names[VARIABLE_RULES] : short_policy(record->policy);
    char number[24];
    struct text line = text_in(number, sizeof number);
    text_char(&line, ':');
    text_unsigned(&line, record->rule->line);
    string_value(text, place);
    if (!text->full)
        text->used--; /* put the line inside the quotes */
    text_strings(text, text_end(&line), "\"");
}

static void process_value(struct text *text, const struct process *process)
{
    text_char(text, '{');
    number_key(text, "pid", true, process->pid);
    string_key(text, "program", process->program[0] ? process->program : NULL);
    key(text, "command");
    text_json(text, process->command_length ? process->command : NULL, process->command_length);
    number_key(text, "uid", process->uid_known, process->uid);
    key(text, "started");
    if (process->started >= 0) {
        text_char(text, '"');
        time_write(text, process->started * 1000000000, false);
        text_char(text, '"');
    } else
        text_string(text, "null");
    string_key(text, "relation", relation_word(process->relation));
    text_char(text, '}');
}

static void needs_key(struct text *text, unsigned needs)
{
    static const struct {
        enum need need;
        const char *word;
    } words[] = {{NEED_NET_ADMIN, "CAP_NET_ADMIN"},
                 {NEED_SAME_USER, "same-user"},
                 {NEED_STOP_HOLDER, "stop-holder"},
                 {NEED_WAIT, "wait"}};
    bool first = true;
    key(text, "needs");
    text_char(text, '[');
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!(needs & words[i].need))
            continue;
        text_string(text, first ? "" : ",");
        string_value(text, words[i].word);
        first = false;
    }
    text_char(text, ']');
}

static void holder_value(struct text *text, const struct conflict *conflict, const struct holder *holder)
{
    static const char *const owner_words[] = {[OWNER_NOT_SEARCHED] = NULL,
                                              [OWNER_KNOWN] = "known",
                                              [OWNER_NONE] = "none",
                                              [OWNER_HIDDEN] = "hidden"};
    const struct owners *owners = &conflict->owners[holder->owners];
    const char *cgroup = holder->cgroup ? conflict->cgroups[holder->cgroup - 1].path : "";
    text_char(text, '{');
    protocol_key(text, holder->local.family, -1, holder->protocol);
    if (holder->local.family == AF_UNIX)
        path_key(text, "local", holder->path);
    else
        endpoint_key(text, "local", &holder->local, holder->device_name);
    endpoint_key(text, "remote", &holder->remote, holder->device_name);
    string_key(text, "state", state_word(holder));
    number_key(text, "timer_ms", holder->timer_ms >= 0, holder->timer_ms);
    number_key(text, "inode", holder->inode != 0, (int64_t)holder->inode);
    number_key(text, "uid", holder->uid_known, holder->uid);
    string_key(text, "device", holder->device_name[0] ? holder->device_name : NULL);
    tristate_key(text, "v6only", holder->v6only);
    tristate_key(text, "reuseaddr", holder->reuseaddr);
    tristate_key(text, "reuseport", holder->reuseport);
    tristate_key(text, "blocks", holder->blocks);
    string_key(text, "cgroup", cgroup[0] ? cgroup : NULL);
    string_key(text, "owner", owner_words[holder->owner]);
    key(text, "processes");
    text_char(text, '[');
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++) {
        if (i)
            text_char(text, ',');
        process_value(text, &owners->processes[i]);
    }
    text_string(text, "]}");
}

static void cure_value(struct text *text, const struct cure *cure)
{
    static const char *const sides[] = {
        [APPLY_TO_THIS] = "this", [APPLY_TO_BOTH] = "both", [APPLY_TO_HOLDER] = "holder"};
    text_char(text, '{');
    string_key(text, "text", cure->text);
    string_key(text, "rules", cure->rules[0] ? cure->rules : NULL);
    string_key(text, "policy", cure->policy);
    string_key(text, "apply_to", sides[cure->apply_to]);
    needs_key(text, cure->needs);
    text_char(text, '}');
}

static void conflict_keys(struct text *text, const struct conflict *conflict, uint32_t holders)
{
    uint32_t shown = 0;
    string_key(text, "cause", conflict ? cause_word(conflict->cause) : NULL);
    key(text, "holders");
    text_char(text, '[');
    for (; conflict && shown < conflict->holder_count && shown < holders; shown++) {
        if (shown)
            text_char(text, ',');
        holder_value(text, conflict, &conflict->holders[shown]);
    }
    text_char(text, ']');
    number_key(text, "holders_omitted", true,
               conflict ? (int64_t)conflict->holders_omitted + conflict->holder_count - shown : 0);
}

static void cures_keys(struct text *text, const struct conflict *conflict)
{
    static const char *const sources[] = {
        [SOURCE_NONE] = "none", [SOURCE_SOCK_DIAG] = "sock_diag", [SOURCE_PROC] = "proc"};
    key(text, "cures");
    text_char(text, '[');
    for (uint32_t i = 0; conflict && i < conflict->cure_count; i++) {
        if (i)
            text_char(text, ',');
        cure_value(text, &conflict->cures[i]);
    }
    text_char(text, ']');
    key(text, "diagnosis");
    text_char(text, '{');
    string_key(text, "source", sources[conflict ? conflict->source : SOURCE_NONE]);
    tristate_key(text, "complete", conflict && conflict->complete ? YES : NO);
    number_key(text, "elapsed_us", conflict != NULL, conflict ? conflict->elapsed_us : 0);
    text_char(text, '}');
}

void record_write_json(struct text *text, const struct record *record, uint32_t holders)
{
    static const struct endpoint nowhere = {.family = AF_UNSPEC};
    const struct newcomer *newcomer = record->newcomer;
    const struct conflict *conflict = record->conflict;
    text_char(text, '{');
    key(text, "time");
    text_char(text, '"');
    time_write(text, record->time_ns, true);
    text_char(text, '"');
    string_key(text, "event", event_word(record->event));
    string_key(text, "call", newcomer ? call_word(newcomer->call) : NULL);
    errno_key(text, newcomer ? newcomer->error : 0);
    number_key(text, "pid", true, record->pid);
    number_key(text, "tid", true, record->tid);
    string_key(text, "program", record->program[0] ? record->program : NULL);
    number_key(text, "uid", true, record->uid);
    number_key(text, "fd", newcomer != NULL, newcomer ? newcomer->fd : 0);
    protocol_key(text, newcomer ? newcomer->family : -1, newcomer ? newcomer->type : -1,
                 newcomer ? newcomer->protocol : -1);
    const char *device = newcomer ? newcomer->device_name : "";
    if (newcomer && newcomer->local.family == AF_UNIX)
        path_key(text, "local", newcomer->path);
    else
        endpoint_key(text, "local", newcomer ? &newcomer->local : &nowhere, device);
    endpoint_key(text, "remote", newcomer ? &newcomer->remote : &nowhere, device);
    options_key(text, newcomer);
    string_key(text, "policy", short_policy(record->policy));
    rule_key(text, record);
    conflict_keys(text, conflict, holders);
    bool is_outcome = record->event == EVENT_CONFLICT || record->event == EVENT_RESOLVED;
    const char *resolved = record->evicted ? "evicted" : "waited";
    string_key(text, "outcome",
               record->event == EVENT_RESOLVED   ? resolved
               : record->event == EVENT_CONFLICT ? "failed"
                                                 : NULL);
    number_key(text, "waited_ms", is_outcome, record->waited_ms);
    number_key(text, "evicted", is_outcome, (int64_t)record->evicted);
    cures_keys(text, conflict);
    number_key(text, "lost", true, (int64_t)record->lost);
    string_key(text, "message",
               record->message                    ? record->message
               : conflict && conflict->because[0] ? conflict->because
                                                  : NULL);
    text_string(text, "}\n");
}
