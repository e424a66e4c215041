/* SPDX-License-Identifier: MIT
 *
 * Contract in records.h.
 */
#include "records.h"

#include "json_reader.h"
#include "log_time.h"

#include <endian.h>
#include <string.h>

void records_begin(struct records *records, const struct records_taker *taker, char *room, int64_t now)
{
    memset(records, 0, sizeof *records);
    records->taker = taker;
    records->now = now;
    records->entry.room = room;
}

static void take_record(const struct records *records, const struct record_line *record)
{
    records->taker->record(records->taker->context, record);
}

static void take_damage(const struct records *records, const char *trouble)
{
    records->taker->damage(records->taker->context, records->line, trouble);
}

/* A text record is complete when the next one begins, or all is over. */
static void finish_text(struct records *records)
{
    if (records->text.open)
        take_record(records, &records->text.record);
    records->text.open = false;
}

/* ---- text -------------------------------------------------------------------------------------------- */

/* `time_us`: of the entry that the line is from, NULL: the line may tell it. False if it is somebody else's.
 */
static bool read_text(struct records *records, const struct slice *whole, bool ours, const int64_t *time_us)
{
    struct text_line line;
    text_line_read(&line, whole, ours);
    if (line.kind == TEXT_OTHER)
        return false;
    /* Its first line may have been cut off with the log that it was in. */
    if (line.kind == TEXT_DETAIL)
        return text_record_add(&records->text, &line);
    finish_text(records);
    const char *trouble = text_record_begin(&records->text, &line);
    if (trouble) {
        take_damage(records, trouble);
        return true;
    }
    struct record_line *record = &records->text.record;
    record->timed = time_us || log_time_of_line(whole, records->now, &record->time_us);
    if (time_us)
        record->time_us = *time_us;
    return true;
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

/* Of a record. NULL, or what is wrong. */
static const char *read_json(struct records *records, const char *line, const char *end)
{
    struct record_line record;
    const char *trouble = record_line_read(&record, line, end);
    if (trouble == NULL) {
        finish_text(records);
        take_record(records, &record);
    }
    return trouble;
}

/* A record of JSON in a field; the reader wants a newline behind it. */
static bool read_json_of(struct records *records, const struct slice *value)
{
    struct journal_entry *entry = &records->entry;
    char *copy = entry->room + entry->used;
    size_t length = value->length;
    if (!slice_begins(value, "{") || length + 1 + JSON_BEHIND > JOURNAL_ROOM - entry->used)
        return false;
    length -= value->start[length - 1] == '\n';
    memcpy(copy, value->start, length);
    memset(copy + length, '\n', 1 + JSON_BEHIND);
    return read_json(records, copy, copy + length) == NULL;
}

/* All lines of a message. */
static bool read_message(struct records *records, const struct slice *message, bool ours)
{
    int64_t time_us;
    bool timed = journal_entry_time(&records->entry, &time_us), any = false;
    const char *at = message->start, *end = at + message->length;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        newline = newline ? newline : end;
        struct slice line = {at, (size_t)(newline - at)};
        any |= read_text(records, &line, ours, timed ? &time_us : NULL);
        at = newline + 1;
    }
    return any;
}

/* An entry of the journal that is complete: its JSON, or its fields, or its text, whichever tells most. */
static void finish_entry(struct records *records)
{
    const struct slice *values = records->entry.values;
    const struct slice *message = &values[values[JOURNAL_MESSAGE].start ? JOURNAL_MESSAGE : JOURNAL_LOG];
    struct record_line record;
    if (read_json_of(records, &values[JOURNAL_JSON]) || read_json_of(records, message))
        return;
    if (journal_entry_record(&records->entry, &record)) {
        finish_text(records);
        take_record(records, &record);
        return;
    }
    bool ours = slice_is(&values[JOURNAL_IDENTIFIER], "reuseshim");
    if (message->start == NULL || !read_message(records, message, ours))
        records->taker->foreign(records->taker->context);
}

/* ---- journalctl -o export: https://systemd.io/JOURNAL_EXPORT_FORMATS/ ---------------------------------- */

static bool begins_entry(const struct slice *line)
{
    return slice_begins(line, "__CURSOR=") || slice_begins(line, "__REALTIME_TIMESTAMP=");
}

/* "NAME=value", or "NAME" alone: then the value's length follows as eight bytes, and the value. */
static void read_export(struct records *records, const struct slice *line)
{
    const char *equals = slice_find(line, "=");
    if (line->length == 0) {
        records->exporting = false;
        finish_entry(records);
    } else if (equals) {
        struct slice name = {line->start, (size_t)(equals - line->start)},
                     value = slice_from(line, equals + 1);
        journal_entry_add(&records->entry, &name, &value);
    } else {
        size_t length = line->length < sizeof records->field_name ? line->length : 0;
        memcpy(records->field_name, line->start, length);
        records->field = (struct slice){records->field_name, length};
        records->wanted = sizeof records->length;
        records->length = 0;
    }
}

void records_bytes(struct records *records, const char *bytes)
{
    if (records->wanted == sizeof records->length && records->length == 0) {
        memcpy(&records->length, bytes, sizeof records->length);
        records->length = le64toh(records->length);
        records->wanted = 0;
        if (records->length < RECORDS_WANTED_MAX)
            records->wanted = (size_t)records->length + 1; /* and the newline */
        else
            records->skip = records->length < UINT64_MAX ? records->length + 1 : records->length;
        return;
    }
    struct slice value = {bytes, records->wanted - 1};
    records->wanted = 0;
    journal_entry_add(&records->entry, &records->field, &value);
}

/* ---- lines ------------------------------------------------------------------------------------------- */

/* A line of JSON by itself, or behind what a log has put before it. */
static void read_object(struct records *records, const char *line, const char *end)
{
    const char *trouble = end - line == 1 ? "an object in several lines; take journalctl -o json"
                                          : read_json(records, line, end);
    if (trouble == record_line_foreign && journal_entry_read(&records->entry, line, end))
        finish_entry(records);
    else if (trouble)
        take_damage(records, trouble);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\x1e'; /* before each in a JSON sequence, RFC 7464 */
}

void records_line(struct records *records, const char *line, const char *end)
{
    struct slice whole = {line, (size_t)(end - line)};
    records->line++;
    if (records->exporting || begins_entry(&whole)) {
        if (!records->exporting)
            journal_entry_begin(&records->entry);
        records->exporting = true;
        read_export(records, &whole);
        return;
    }
    const char *begin = line;
    while (begin < end && is_blank(*begin))
        begin++;
    if (begin == end)
        return;
    const char *object = *begin == '{' ? begin : slice_find(&whole, "{\"time\":\"");
    if (object) {
        read_object(records, object, end);
        return;
    }
    /* journalctl's own words: "-- No entries --", "-- Boot ... --". */
    if (!read_text(records, &whole, false, NULL) && !slice_begins(&whole, "-- "))
        records->taker->foreign(records->taker->context);
}

void records_end(struct records *records)
{
    if (records->exporting)
        finish_entry(records);
    records->exporting = false;
    finish_text(records);
}
