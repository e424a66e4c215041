/* SPDX-License-Identifier: MIT
 *
 * One record from its parts to where the settings send it, or to the count of those that are lost. Contract
 * in record.h.
 */
#include "sinks.h"

#include "reuseshim/errno_name.h"
#include "reuseshim/proc.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* No wider than every processor can count without a lock. */
static _Atomic unsigned long lost_records;

static int open_sink(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
#define SINK_OPENER(name, word, open) [LOG_##name] = open,
    static sink_opener *const openers[LOG_COUNT] = {LOGS(SINK_OPENER)};
    return openers[shim->settings.log](sink, shim, usual_calls_only);
}

/* What a record is written with. */
struct rendering {
    enum form form;
    bool json;
    const struct record *record;
};

static void render(struct text *text, const void *context, uint32_t shown)
{
    const struct rendering *rendering = context;
    switch (rendering->form) {
    case FORM_JOURNAL:
        record_write_journal(text, rendering->record, shown, rendering->json);
        break;
    case FORM_SYSLOG:
        record_write_syslog(text, rendering->record, shown, rendering->json);
        break;
    case FORM_PLAIN:
        (rendering->json ? record_write_json : record_write_text)(text, rendering->record, shown);
        break;
    }
}

struct text record_fitted(char *buffer, size_t size, record_writer *write, const void *context)
{
    static const uint8_t fewer[] = {HOLDERS_MAX, 16, 8, 4, 2, 1, 0};
    struct text text = {.full = true};
    for (size_t i = 0; text.full && i < sizeof fewer; i++) {
        text = text_in(buffer, size);
        write(&text, context, fewer[i]);
    }
    return text;
}

bool record_wanted(const struct shim *shim, enum level level)
{
    return shim->settings.level >= level && shim->settings.log != LOG_NONE;
}

void record_lost(void)
{
    atomic_fetch_add_explicit(&lost_records, 1, memory_order_relaxed);
}

/* A log that cannot be written is told once in a process, where the record then goes itself. */
static void tell_unusable(const struct sink *sink, const struct shim *shim, const struct record *record,
                          int error)
{
    static _Atomic bool told;
    char line[400];
    if (sink->form != FORM_PLAIN || atomic_exchange_explicit(&told, true, memory_order_relaxed))
        return;
    struct text text = text_in(line, sizeof line);
    text_string(&text, "reuseshim[");
    text_signed(&text, record->pid);
    text_string(&text, "] ");
    text_escaped(&text, record->program, strnlen(record->program, 64));
    text_string(&text, ": REUSESHIM_LOG: ");
    text_tail(&text, shim->facts->values[VARIABLE_LOG] ? shim->facts->values[VARIABLE_LOG] : "", 80);
    text_string(&text, " cannot be written (");
    errno_name_write(&text, error);
    text_string(&text, "); records come here until it can be\n");
    if (!text.full)
        sink_write(sink, text.start, text.used, (int)shim->settings.budget_ms, record->usual_calls_only);
}

static void find_host(struct record *record)
{
    (void)proc_read("/proc/sys/kernel/hostname", record->host, sizeof record->host);
    record->host[strcspn(record->host, "\n")] = '\0';
}

/* Renders the record for a sink and writes it: 0, or -errno. */
static int write_to(const struct sink *sink, const struct shim *shim, struct record *record, char *buffer)
{
    if (sink->form == FORM_SYSLOG)
        find_host(record);
    struct rendering rendering = {sink->form, shim->settings.json, record};
    struct text text = record_fitted(buffer, sink->room, render, &rendering);
    if (text.full)
        return -ENOSPC;
    return sink_write(sink, text.start, text.used, (int)shim->settings.budget_ms, record->usual_calls_only);
}

static bool write_where_told(const struct shim *shim, struct record *record, char *buffer, int *error)
{
    struct sink sink = {.fd = -1};
    *error = open_sink(&sink, shim, record->usual_calls_only);
    if (*error < 0)
        return false;
    sink.program_mask = record->program_mask;
    *error = write_to(&sink, shim, record, buffer);
    if (sink.close)
        raw_close(sink.fd);
    return *error == 0;
}

/* A log that cannot be written: rather where `auto` would write than nowhere. The file lacks it all the
 * same. */
static void write_elsewhere(const struct shim *shim, struct record *record, char *buffer, int error)
{
    struct sink sink = {.fd = -1};
    uint64_t lost = record->lost;
    if (shim->settings.log == LOG_AUTO || shim->settings.log == LOG_STDERR ||
        sink_open_auto(&sink, shim, record->usual_calls_only) < 0)
        return;
    sink.program_mask = record->program_mask;
    tell_unusable(&sink, shim, record, -error);
    record->lost = 0;
    (void)write_to(&sink, shim, record, buffer);
    record->lost = lost;
    if (sink.close)
        raw_close(sink.fd);
}

void record_emit(const struct shim *shim, struct record *record, char *buffer)
{
    if (shim->settings.log == LOG_NONE)
        return;
    record->time_ns = raw_time_of_day();
    record->policy = shim->broken ? NULL : shim->policy.name;
    record->lost = atomic_exchange_explicit(&lost_records, 0, memory_order_relaxed);
    int error;
    if (write_where_told(shim, record, buffer, &error))
        return;
    write_elsewhere(shim, record, buffer, error);
    atomic_fetch_add_explicit(&lost_records, record->lost + 1, memory_order_relaxed);
}
