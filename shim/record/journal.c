/* SPDX-License-Identifier: MIT
 *
 * A record for systemd-journald. Contract in sinks.h.
 */
#include "sinks.h"

#include <endian.h>
#include <string.h>

/* A value that may have newlines: the name alone, its length as eight bytes, the bytes. */
static void long_field(struct text *text, const char *name, const struct record *record, uint32_t shown,
                       bool json)
{
    uint64_t length = 0;
    text_strings(text, name, "\n");
    size_t at = text->used;
    text_bytes(text, (const char *)&length, sizeof length);
    (json ? record_write_json : record_write_message)(text, record, shown);
    if (text->full)
        return;
    text->used--; /* the newline at its end: the protocol puts one of its own */
    length = htole64(text->used - at - sizeof length);
    memcpy(text->start + at, &length, sizeof length);
    text_char(text, '\n');
}

void record_write_journal(struct text *text, const struct record *record, uint32_t shown, bool json)
{
    char value[288];
    unsigned field = 0;
    const char *id = record_message_id(record);
    text_string(text, "SYSLOG_IDENTIFIER=reuseshim\nPRIORITY=");
    text_unsigned(text, record_priority(record));
    if (id)
        text_strings(text, "\nMESSAGE_ID=", id);
    if (record->newcomer && record->newcomer->error) {
        text_string(text, "\nERRNO=");
        text_signed(text, record->newcomer->error);
    }
    text_char(text, '\n');
    for (;;) {
        struct text part = text_in(value, sizeof value);
        const char *name = record_field(&part, record, &field);
        if (name == NULL)
            break;
        text_strings(text, "REUSESHIM_", name, "=", text_end(&part));
        text_char(text, '\n');
    }
    /* A collector gets all of it even where people read the text. */
    if (!json)
        long_field(text, "REUSESHIM_JSON", record, shown, true);
    long_field(text, "MESSAGE", record, shown, json);
}
