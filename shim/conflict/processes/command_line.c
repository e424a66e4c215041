/* SPDX-License-Identifier: MIT
 *
 * Command lines without their secrets. Contract in command_line.h.
 */
#include "command_line.h"

#include <stdbool.h>
#include <string.h>

/* Does an option, or the name before '=', promise a secret? */
static bool names_a_secret(const char *name, size_t length)
{
    static const char words[][12] = {"pass", "secret", "token", "credential", "key"};
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

/* Of "--password=x", "PGPASSWORD=x" and of the x behind "--password" only stars. */
static void add_argument(struct line *line, const char *argument, size_t length, bool *secret)
{
    static const char stars[] = "***";
    const char *equals = memchr(argument, '=', length);
    bool is_option = length && argument[0] == '-';
    bool hide_all = *secret && !is_option;
    size_t name = equals ? (size_t)(equals - argument) : length;
    bool named = names_a_secret(argument, name);
    if (!hide_all)
        add(line, argument, equals && named ? name + 1 : length);
    if (hide_all || (equals && named))
        add(line, stars, sizeof stars - 1);
    *secret = is_option && named && !equals;
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
