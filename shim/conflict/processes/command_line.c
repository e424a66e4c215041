/* SPDX-License-Identifier: MIT
 *
 * Command lines without their secrets. Contract in command_line.h.
 */
#include "command_line.h"

#include <stdbool.h>
#include <string.h>

/* Does an option, or the name before '=' or ':', promise a secret? */
static bool names_a_secret(const char *name, size_t length)
{
    static const char words[][16] = {"pass", "pwd", "secret", "token", "credential", "authorization", "key"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t at = 0, size = strlen(words[i]); at + size <= length; at++) {
            size_t same = 0;
            while (same < size && (name[at + same] | 0x20) == words[i][same])
                same++;
            if (same == size)
                return true;
        }
    return false;
}

/* A line of which the beginning stays and the end moves up: the end is kept in a ring. */
struct line {
    char *head;
    size_t head_size, head_used;
    char tail[256]; /* the last bytes that came behind the head */
    size_t tail_size, tail_total;
};

static void add(struct line *line, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (line->head_used < line->head_size)
            line->head[line->head_used++] = bytes[i];
        else
            line->tail[line->tail_total++ % line->tail_size] = bytes[i];
    }
}

static bool belongs_to_name(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' ||
           c == '.';
}

/* "keyserver:8080" */
static bool is_port(const char *text, size_t length)
{
    size_t digits = 0;
    while (digits < length && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    return digits > 0 && digits <= 5 && digits == length;
}

/* Is the word before the blank an option that promises a secret? A title, and what a shell is to run, have
 * many words in one argument. */
static bool is_secret_option(const char *argument, size_t blank)
{
    size_t start = blank;
    while (start > 0 && argument[start - 1] != ' ')
        start--;
    return start < blank && argument[start] == '-' && names_a_secret(argument + start, blank - start);
}

/* How much of an argument may be shown: up to a name that promises a secret, wherever it stands
 * ("--env=PGPASSWORD=x", "host=h password=x", "?user=u&token=x", "{"password":"x"}", "X-Api-Key: x", "server
 * --password x"). */
static size_t open_part(const char *argument, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        if (argument[at] == ' ' && is_secret_option(argument, at))
            return at + 1;
        if (argument[at] != '=' && argument[at] != ':')
            continue;
        size_t end = at;
        while (end > 0 && (argument[end - 1] == '"' || argument[end - 1] == '\'' || argument[end - 1] == ' '))
            end--;
        size_t start = end;
        while (start > 0 && belongs_to_name(argument[start - 1]))
            start--;
        bool host = argument[at] == ':' && is_port(argument + at + 1, length - at - 1);
        if (!host && names_a_secret(argument + start, end - start))
            return at + 1;
    }
    return length;
}

static void add_stars(struct line *line)
{
    add(line, "***", 3);
}

/* Of "scheme://user:password@host" the password is left out. */
static void add_address(struct line *line, const char *text, size_t length)
{
    static const char between[] = "://";
    size_t start = 0;
    while (start + sizeof between - 1 < length && memcmp(text + start, between, sizeof between - 1) != 0)
        start++;
    size_t end = start += sizeof between - 1;
    while (end < length && text[end] != '/' && text[end] != '?')
        end++;
    const char *colon = start < end ? memchr(text + start, ':', end - start) : NULL;
    const char *at = start < end ? memchr(text + start, '@', end - start) : NULL;
    if (colon == NULL || at == NULL || at < colon) {
        add(line, text, length);
        return;
    }
    add(line, text, (size_t)(colon + 1 - text));
    add_stars(line);
    add(line, at, length - (size_t)(at - text));
}

/* Of the x behind "--password" only stars. */
static void add_argument(struct line *line, const char *argument, size_t length, bool *secret)
{
    bool is_option = length && argument[0] == '-';
    bool hide_all = *secret && !is_option;
    size_t open = hide_all ? 0 : open_part(argument, length);
    add_address(line, argument, open);
    if (hide_all || open < length)
        add_stars(line);
    *secret =
        is_option && open == length && !memchr(argument, '=', length) && names_a_secret(argument, length);
}

static size_t finish(struct line *line)
{
    static const char dots[] = "...";
    size_t kept = line->tail_total < line->tail_size ? line->tail_total : line->tail_size;
    size_t used = line->head_used;
    if (line->tail_total > line->tail_size) {
        memcpy(line->head + used, dots, sizeof dots - 1);
        used += sizeof dots - 1;
    }
    for (size_t i = line->tail_total - kept; i < line->tail_total; i++)
        line->head[used++] = line->tail[i % line->tail_size];
    return used;
}

size_t command_line_write(char *text, size_t size, const char *arguments, size_t length)
{
    enum { DOTS = 3 };
    struct line line = {.head = text};
    bool secret = false;
    line.tail_size = size / 2 - DOTS < sizeof line.tail ? size / 2 - DOTS : sizeof line.tail;
    line.head_size = size - DOTS - line.tail_size;
    /* What setproctitle(3) leaves behind a title. */
    while (length && arguments[length - 1] == '\0')
        length--;
    for (size_t at = 0; at < length;) {
        size_t argument = strnlen(arguments + at, length - at);
        if (at)
            add(&line, " ", 1);
        add_argument(&line, arguments + at, argument, &secret);
        at += argument + 1;
    }
    return finish(&line);
}
