/* SPDX-License-Identifier: MIT
 *
 * A record as a list of names and values, for logs that keep them apart. Contract in sinks.h.
 */
#include "sinks.h"

#include "reuseshim/errno_name.h"

#include <string.h>

static void write_name(struct text *text, const char *name)
{
    text_escaped(text, name, strlen(name));
}

/* The holder that stands first is the surest blocker. */
static const struct holder *first_holder(const struct record *record)
{
    const struct conflict *conflict = record->conflict;
    return conflict && conflict->holder_count ? &conflict->holders[0] : NULL;
}

static const struct process *first_process(const struct record *record)
{
    const struct holder *holder = first_holder(record);
    const struct owners *owners = holder ? &record->conflict->owners[holder->owners] : NULL;
    return owners && owners->count ? &owners->processes[0] : NULL;
}

static void write_address(struct text *text, const struct endpoint *endpoint)
{
    if (endpoint && endpoint_is_internet(endpoint))
        address_write(text, endpoint);
}

static void write_port(struct text *text, const struct endpoint *endpoint)
{
    if (endpoint && endpoint_is_internet(endpoint))
        text_unsigned(text, endpoint->port);
}

static void event(struct text *text, const struct record *record)
{
    text_string(text, event_word(record->event));
}

static void call(struct text *text, const struct record *record)
{
    if (record->newcomer)
        text_string(text, call_word(record->newcomer->call));
}

static void error(struct text *text, const struct record *record)
{
    if (record->newcomer && record->newcomer->error)
        errno_name_write(text, record->newcomer->error);
}

static void program(struct text *text, const struct record *record)
{
    write_name(text, record->program);
}

static void protocol(struct text *text, const struct record *record)
{
    const struct newcomer *newcomer = record->newcomer;
    if (newcomer && newcomer->family >= 0)
        protocol_write(text, newcomer->family, newcomer->type, newcomer->protocol);
}

static void local_address(struct text *text, const struct record *record)
{
    write_address(text, record->newcomer ? &record->newcomer->local : NULL);
}

static void local_port(struct text *text, const struct record *record)
{
    write_port(text, record->newcomer ? &record->newcomer->local : NULL);
}

static void local_path(struct text *text, const struct record *record)
{
    if (record->newcomer && record->newcomer->local.family == AF_UNIX)
        unix_path_write(text, &record->newcomer->path);
}

static void remote_address(struct text *text, const struct record *record)
{
    write_address(text, record->newcomer ? &record->newcomer->remote : NULL);
}

static void remote_port(struct text *text, const struct record *record)
{
    write_port(text, record->newcomer ? &record->newcomer->remote : NULL);
}

static void policy(struct text *text, const struct record *record)
{
    if (record->policy)
        write_name(text, record->policy);
}

static void cause(struct text *text, const struct record *record)
{
    const char *word = record->conflict ? cause_word(record->conflict->cause) : NULL;
    text_string(text, word ? word : "");
}

static void holder_address(struct text *text, const struct record *record)
{
    const struct holder *holder = first_holder(record);
    write_address(text, holder ? &holder->local : NULL);
}

static void holder_state(struct text *text, const struct record *record)
{
    const struct holder *holder = first_holder(record);
    text_string(text, holder ? state_word(holder) : "");
}

static void holder_pid(struct text *text, const struct record *record)
{
    const struct process *process = first_process(record);
    if (process)
        text_signed(text, process->pid);
}

static void holder_program(struct text *text, const struct record *record)
{
    const struct process *process = first_process(record);
    write_name(text, process ? process->names.program : "");
}

static void holder_uid(struct text *text, const struct record *record)
{
    const struct holder *holder = first_holder(record);
    if (holder && holder->uid_known)
        text_unsigned(text, holder->uid);
}

static void holder_cgroup(struct text *text, const struct record *record)
{
    const struct holder *holder = first_holder(record);
    if (holder && holder->cgroup)
        write_name(text, record->conflict->cgroups[holder->cgroup - 1].path);
}

static void holder_unit(struct text *text, const struct record *record)
{
    const struct holder *holder = first_holder(record);
    struct manager manager = holder ? conflict_manager(record->conflict, holder) : manager_of("");
    text_escaped(text, manager.unit.start, manager.unit.length);
}

static void holder_container(struct text *text, const struct record *record)
{
    const struct holder *holder = first_holder(record);
    struct manager manager = holder ? conflict_manager(record->conflict, holder) : manager_of("");
    text_escaped(text, manager.container.start, manager.container.length);
}

static void waited(struct text *text, const struct record *record)
{
    if (record->waited_ms)
        text_signed(text, record->waited_ms);
}

static void evicted(struct text *text, const struct record *record)
{
    if (record->evicted)
        text_unsigned(text, record->evicted);
}

static void repeated(struct text *text, const struct record *record)
{
    if (record->repeated)
        text_unsigned(text, record->repeated);
}

static void lost(struct text *text, const struct record *record)
{
    if (record->lost)
        text_unsigned(text, record->lost);
}

/* Two tables, since a pointer makes all of its table private memory in every process. */
#define FIELDS(_)                                                                                            \
    _("EVENT", event)                                                                                        \
    _("CALL", call)                                                                                          \
    _("ERRNO", error)                                                                                        \
    _("PROGRAM", program)                                                                                    \
    _("PROTOCOL", protocol)                                                                                  \
    _("LOCAL_ADDRESS", local_address)                                                                        \
    _("LOCAL_PORT", local_port)                                                                              \
    _("LOCAL_PATH", local_path)                                                                              \
    _("REMOTE_ADDRESS", remote_address)                                                                      \
    _("REMOTE_PORT", remote_port)                                                                            \
    _("POLICY", policy)                                                                                      \
    _("CAUSE", cause)                                                                                        \
    _("HOLDER_ADDRESS", holder_address)                                                                      \
    _("HOLDER_STATE", holder_state)                                                                          \
    _("HOLDER_PID", holder_pid)                                                                              \
    _("HOLDER_PROGRAM", holder_program)                                                                      \
    _("HOLDER_UID", holder_uid)                                                                              \
    _("HOLDER_CGROUP", holder_cgroup)                                                                        \
    _("HOLDER_UNIT", holder_unit)                                                                            \
    _("HOLDER_CONTAINER", holder_container)                                                                  \
    _("WAITED_MS", waited)                                                                                   \
    _("EVICTED", evicted)                                                                                    \
    _("REPEATED", repeated)                                                                                  \
    _("LOST", lost)

#define FIELD_NAME(name, function)   name,
#define FIELD_WRITER(name, function) function,
static const char names[][20] = {FIELDS(FIELD_NAME)};
static void (*const writers[])(struct text *text, const struct record *record) = {FIELDS(FIELD_WRITER)};

const char *record_field(struct text *value, const struct record *record, unsigned *field)
{
    while (*field < sizeof writers / sizeof *writers) {
        unsigned at = (*field)++;
        size_t before = value->used;
        writers[at](value, record);
        if (value->used > before || value->full)
            return names[at];
    }
    return NULL;
}

unsigned record_priority(const struct record *record)
{
    static const unsigned char priorities[] = {
        [EVENT_CONFLICT] = 3, [EVENT_REFUSED] = 3,     [EVENT_RESOLVED] = 5, [EVENT_CHANGE] = 6,
        [EVENT_SHARED] = 4,   [EVENT_PORTABILITY] = 5, [EVENT_ERROR] = 3,    [EVENT_TRACE] = 7};
    _Static_assert(sizeof priorities == EVENT_COUNT, "an event has no priority");
    return priorities[record->event];
}
