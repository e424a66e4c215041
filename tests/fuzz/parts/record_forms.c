/* SPDX-License-Identifier: MIT
 *
 * Contract in record_forms.h.
 */
#include "record_forms.h"

#include "expect.h"
#include "record/sinks.h"

#include <stdlib.h>
#include <string.h>

static char buffer[RECORD_BUFFER_SIZE];

static void write_journal(struct text *text, const void *context, uint32_t shown)
{
    record_write_journal(text, context, shown, false);
}

static void write_syslog(struct text *text, const void *context, uint32_t shown)
{
    record_write_syslog(text, context, shown, false);
}

static void write_syslog_json(struct text *text, const void *context, uint32_t shown)
{
    record_write_syslog(text, context, shown, true);
}

static void write_text(struct text *text, const void *context, uint32_t shown)
{
    record_write_text(text, context, shown);
}

static void write_json(struct text *text, const void *context, uint32_t shown)
{
    record_write_json(text, context, shown);
}

/* Each line begins with the program's own words, so that grep keeps a record together. */
static void check_text(const struct text *text)
{
    static const char start[] = "reuseshim[";
    expect_clean(text->start, text->used, "\n", "a record of text is clean");
    expect(text->used && text->start[text->used - 1] == '\n', "its last line has an end");
    for (const char *at = text->start, *end = at + text->used; at < end; at++) {
        expect((size_t)(end - at) >= sizeof start && memcmp(at, start, sizeof start - 1) == 0,
               "each line begins as the first");
        at = memchr(at, '\n', (size_t)(end - at));
    }
}

static void check_line(const struct text *text, const char *what)
{
    expect_clean(text->start, text->used, "", what);
}

/* Names and values by lines; those of length 8 bytes, little endian, before a value with newlines. */
static void check_journal(const struct text *text)
{
    const char *at = text->start, *end = at + text->used;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        expect(newline != NULL, "a field of the journal has an end");
        const char *equals = memchr(at, '=', (size_t)(newline - at));
        size_t name = (size_t)((equals ? equals : newline) - at);
        for (size_t i = 0; i < name; i++)
            expect((at[i] >= 'A' && at[i] <= 'Z') || at[i] == '_', "a field of the journal has a name");
        expect_clean(at, (size_t)(newline - at), "", "a field of the journal is clean");
        if (equals == NULL) {
            uint64_t length = 0;
            expect((size_t)(end - newline) > sizeof length + 1, "a long field has a length");
            for (size_t i = 0; i < sizeof length; i++)
                length |= (uint64_t)(unsigned char)newline[1 + i] << 8 * i;
            const char *value = newline + 1 + sizeof length;
            expect(length < (size_t)(end - value), "a long field is as long as it says");
            expect_clean(value, (size_t)length, "\n", "a long field is clean");
            newline = value + length;
            expect(*newline == '\n', "a long field has an end");
        }
        at = newline + 1;
    }
}

static struct text fitted(record_writer *write, const struct record *record)
{
    struct text text = record_fitted(buffer, sizeof buffer, write, record);
    expect(!text.full && text.used < sizeof buffer, "a record fits");
    return text;
}

void expect_record(const struct record *record)
{
    struct text text = fitted(write_text, record);
    check_text(&text);
    text = fitted(write_json, record);
    expect(text.used && text.start[text.used - 1] == '\n', "a line of JSON has an end");
    text.used--;
    check_line(&text, "a line of JSON is clean");
    expect_json(text.start, text.used, "a record of JSON is JSON");
    text = fitted(write_journal, record);
    check_journal(&text);
    text = fitted(write_syslog, record);
    check_line(&text, "a record of syslog is a clean line");
    text = fitted(write_syslog_json, record);
    check_line(&text, "a record of syslog with JSON is a clean line");
}
