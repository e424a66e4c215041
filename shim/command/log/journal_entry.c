/* SPDX-License-Identifier: MIT
 *
 * Contract in journal_entry.h.
 */
#include "journal_entry.h"

#include "json_reader.h"
#include "log_time.h"

#include <string.h>

void journal_entry_begin(struct journal_entry *entry)
{
    memset(entry->values, 0, sizeof entry->values);
    entry->used = 0;
}

static struct text room_left(struct journal_entry *entry)
{
    return text_in(entry->room + entry->used, JOURNAL_ROOM - entry->used);
}

static void keep(struct journal_entry *entry, size_t field, const struct text *text)
{
    if (text->full)
        return;
    entry->values[field] = (struct slice){text->start, text->used};
    entry->used += text->used;
}

void journal_entry_add(struct journal_entry *entry, const struct slice *name, const struct slice *value)
{
#define JOURNAL_NAME(name, field) field,
    static const char *const names[] = {JOURNAL_FIELDS(JOURNAL_NAME)};
    for (size_t i = 0; i < JOURNAL_FIELD_COUNT; i++)
        if (slice_is(name, names[i])) {
            struct text text = room_left(entry);
            text_bytes(&text, value->start, value->length);
            keep(entry, i, &text);
        }
}

/* ---- journalctl -o json ------------------------------------------------------------------------------ */

/* The value as it stands, with quotes or brackets. */
static bool take_any(struct json_reader *reader, void *into)
{
    const char *start = reader->at;
    bool good = json_skip_value(reader);
    *(struct slice *)into = (struct slice){start, (size_t)(reader->at - start)};
    return good;
}

/* [104,105]: how journalctl shows what is no text. */
static void decode_numbers(struct text *text, const struct slice *array)
{
    uint64_t byte;
    for (size_t i = 0; i < array->length; i++) {
        size_t digits = 0;
        while (i + digits < array->length && array->start[i + digits] >= '0' &&
               array->start[i + digits] <= '9')
            digits++;
        if (text_to_number(array->start + i, digits, UINT8_MAX, &byte))
            text_char(text, (char)byte);
        i += digits;
    }
}

static void decode_value(struct text *text, const struct slice *value)
{
    struct slice inside = {value->start + 1, value->length - 2};
    if (value->start[0] == '"')
        slice_decode(text, &inside, ENCODED_AS_JSON, JOURNAL_ROOM);
    else
        decode_numbers(text, value);
}

bool journal_entry_read(struct journal_entry *entry, const char *line, const char *end)
{
#define JOURNAL_MEMBER(name, field)                                                                          \
    {field, sizeof(field) - 1, take_any, JOURNAL_##name * sizeof(struct slice)},
    static const struct json_member members[] = {JOURNAL_FIELDS(JOURNAL_MEMBER)};
    struct slice values[JOURNAL_FIELD_COUNT] = {{NULL, 0}};
    struct json_reader reader = {.at = line};
    journal_entry_begin(entry);
    if (!json_read_object(&reader, values, members, JOURNAL_FIELD_COUNT))
        return false;
    json_skip_blanks(&reader);
    for (size_t i = 0; i < JOURNAL_FIELD_COUNT; i++)
        if (values[i].length && (values[i].start[0] == '"' || values[i].start[0] == '[')) {
            struct text text = room_left(entry);
            decode_value(&text, &values[i]);
            keep(entry, i, &text);
        }
    return reader.at == end;
}

/* ---- a record ---------------------------------------------------------------------------------------- */

static uint64_t number(const struct slice *value, uint64_t limit, uint64_t otherwise)
{
    uint64_t result;
    return value->start && text_to_number(value->start, value->length, limit, &result) ? result : otherwise;
}

bool journal_entry_time(const struct journal_entry *entry, int64_t *microseconds)
{
    const struct slice *time = &entry->values[JOURNAL_LOG_TIME];
    *microseconds = (int64_t)number(&entry->values[JOURNAL_TIME], INT64_MAX / 1000, UINT64_MAX);
    return *microseconds >= 0 || (time->start && log_time_rfc3339(time, microseconds));
}

bool journal_entry_record(const struct journal_entry *entry, struct record_line *record)
{
    const struct slice *values = entry->values;
    if (values[JOURNAL_EVENT].start == NULL)
        return false;
    *record = (struct record_line){
        .encoding = ENCODED_AS_TEXT,
        .event = values[JOURNAL_EVENT],
        .program = values[JOURNAL_PROGRAM],
        .protocol = values[JOURNAL_PROTOCOL],
        .cause = values[JOURNAL_CAUSE],
        .local_path = values[JOURNAL_LOCAL_PATH],
        .local_port = -1,
        .holder_state = values[JOURNAL_HOLDER_STATE],
        .holder_program = values[JOURNAL_HOLDER_PROGRAM],
        .holder_unit = values[JOURNAL_HOLDER_UNIT],
        .holder_container = values[JOURNAL_HOLDER_CONTAINER],
        .repeated = number(&values[JOURNAL_REPEATED], INT64_MAX, 0),
        .lost = number(&values[JOURNAL_LOST], INT64_MAX, 0),
    };
    if (values[JOURNAL_LOCAL_PORT].start)
        record->local_port = (int32_t)number(&values[JOURNAL_LOCAL_PORT], UINT16_MAX, UINT32_MAX);
    record->timed = journal_entry_time(entry, &record->time_us);
    return true;
}
