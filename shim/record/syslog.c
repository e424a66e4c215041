/* SPDX-License-Identifier: MIT
 *
 * A record for the system log, RFC 5424. Contract in sinks.h.
 */
#include "sinks.h"

#include <string.h>

enum {
    FACILITY = 3, /* daemon */
    HOSTNAME_MAX = 255,
    APP_NAME_MAX = 48,
};

/* HOSTNAME, APP-NAME: printable ASCII without blanks, "-" where not known. */
static void write_word(struct text *text, const char *word, size_t limit)
{
    size_t length = strnlen(word, limit);
    for (size_t i = 0; i < length; i++)
        text_char(text, word[i] > ' ' && word[i] < 0x7f ? word[i] : '_');
    text_string(text, length ? "" : "-");
}

/* PARAM-VALUE: quote, backslash and closing bracket are escaped. */
static void write_value(struct text *text, const char *value)
{
    text_char(text, '"');
    for (; *value; value++) {
        if (strchr("\"\\]", *value))
            text_char(text, '\\');
        text_char(text, *value);
    }
    text_char(text, '"');
}

/* PARAM-NAME: the names of the fields in lower case. */
static void write_name(struct text *text, const char *name)
{
    for (; *name; name++)
        text_char(text, *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name);
    text_char(text, '=');
}

/* 32473 is the number that RFC 5612 sets aside for those who have none of their own. */
static void write_fields(struct text *text, const struct record *record)
{
    char value[288];
    unsigned field = 0;
    text_string(text, "[reuseshim@32473");
    for (;;) {
        struct text part = text_in(value, sizeof value);
        const char *name = record_field(&part, record, &field);
        if (name == NULL)
            break;
        text_char(text, ' ');
        write_name(text, name);
        write_value(text, text_end(&part));
    }
    text_char(text, ']');
}

void record_write_syslog(struct text *text, const struct record *record, uint32_t shown, bool json)
{
    text_char(text, '<');
    text_unsigned(text, FACILITY << 3 | record_priority(record));
    text_string(text, ">1 ");
    time_write(text, record->time_ns, true);
    text_char(text, ' ');
    write_word(text, record->host, HOSTNAME_MAX);
    text_char(text, ' ');
    write_word(text, record->program, APP_NAME_MAX);
    text_char(text, ' ');
    text_signed(text, record->pid);
    text_strings(text, " ", event_word(record->event), " ");
    write_fields(text, record);
    text_char(text, ' ');
    (json ? record_write_json : record_write_one_line)(text, record, shown);
    if (json && !text->full)
        text->used--; /* its newline */
}
