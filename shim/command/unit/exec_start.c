/* SPDX-License-Identifier: MIT
 *
 * Contract in exec_start.h. systemd.syntax(7), systemd.service(5) "COMMAND LINES".
 */
#include "exec_start.h"

#include <stdbool.h>
#include <string.h>

static const char blanks[] = " \t\r";

struct reader {
    const char *at; /* what is left of the unit's text */
    char line[16384];
    bool too_long;
};

static void take_piece(struct reader *reader, size_t *used, size_t length)
{
    if (*used + length + 2 > sizeof reader->line) {
        reader->too_long = true;
        return;
    }
    memcpy(reader->line + *used, reader->at, length);
    *used += length;
    reader->line[*used] = '\0';
}

/* The next line with those that a backslash at its end continues it by; comments in between are none of it.
 */
static bool read_line(struct reader *reader)
{
    size_t used = 0;
    bool goes_on = true, any = *reader->at != '\0';
    reader->line[0] = '\0';
    while (goes_on && *reader->at) {
        size_t length = strcspn(reader->at, "\n"), indent = strspn(reader->at, blanks);
        bool comment = indent < length && strchr("#;", reader->at[indent]);
        size_t kept = length;
        if (!comment || used == 0) {
            goes_on = !comment && length && reader->at[length - 1] == '\\';
            kept -= goes_on;
            take_piece(reader, &used, kept);
            if (goes_on && used + 2 < sizeof reader->line) {
                reader->line[used++] = ' ';
                reader->line[used] = '\0';
            }
        }
        reader->at += length + (reader->at[length] == '\n');
    }
    return any;
}

/* What stands behind "ExecStart=", or NULL. */
static const char *value_of(const char *line)
{
    static const char key[] = "ExecStart";
    line += strspn(line, blanks);
    if (strncmp(line, key, sizeof key - 1) != 0)
        return NULL;
    line += sizeof key - 1;
    line += strspn(line, blanks);
    return *line == '=' ? line + 1 + strspn(line + 1, blanks) : NULL;
}

/* The end of a word with its quotes; a backslash takes the next character along. */
static const char *end_of_word(const char *at)
{
    char quote = '\0';
    for (; *at && (quote || !strchr(blanks, *at)); at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (quote ? *at == quote : *at == '"' || *at == '\'')
            quote = quote ? '\0' : *at;
    }
    return at;
}

/* A ";" of its own begins another command. */
static bool write_commands(struct text *lines, const char *value, const char *before)
{
    bool begins = true;
    while (*value) {
        const char *end = end_of_word(value);
        size_t length = (size_t)(end - value), prefixes = begins ? strspn(value, "@-:+!|") : 0;
        if (begins && memchr(value, '@', prefixes))
            return false;
        text_bytes(lines, value, prefixes);
        if (begins && strncmp(value + prefixes, before, strlen(before)) != 0)
            text_strings(lines, before, " ");
        text_bytes(lines, value + prefixes, length - prefixes);
        begins = length == 1 && *value == ';';
        value = end + strspn(end, blanks);
        text_string(lines, *value ? " " : "");
    }
    return true;
}

const char *exec_start_write(struct text *lines, const char *unit, const char *before)
{
    static const char key[] = "ExecStart=";
    struct reader reader = {.at = unit};
    bool in_service = false, any = false;
    text_strings(lines, key, "\n");
    const struct text empty = *lines;
    while (read_line(&reader)) {
        const char *line = reader.line + strspn(reader.line, blanks), *value;
        if (*line == '[')
            in_service = strncmp(line, "[Service]", 9) == 0;
        if (!in_service || (value = value_of(line)) == NULL)
            continue;
        if (*value == '\0') {
            *lines = empty;
            any = false;
            continue;
        }
        any = true;
        text_string(lines, key);
        if (!write_commands(lines, value, before))
            return "gives its program another name by '@' in ExecStart=, which 'reuseshim run' cannot";
        text_string(lines, "\n");
    }
    if (reader.too_long || lines->full)
        return "its ExecStart= is too long";
    return any ? NULL : "no ExecStart= is in its files";
}
