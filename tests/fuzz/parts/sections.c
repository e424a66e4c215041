/* SPDX-License-Identifier: MIT
 *
 * Contract in sections.h.
 */
#define _GNU_SOURCE /* memmem */
#include "sections.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "%%";
enum { MARK = sizeof mark - 1 };

/* The beginning of the next section: a mark at the beginning of a line. */
static const char *find_mark(const char *start, const char *end)
{
    static const char between[] = "\n%%";
    const char *found =
        end > start ? memmem(start, (size_t)(end - start), between, sizeof between - 1) : NULL;
    return found ? found + 1 : end;
}

void sections_read(struct sections *sections, const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    sections->count = 0;
    if (size < MARK || memcmp(at, mark, MARK) != 0)
        at = find_mark(at, end);
    while (at < end && sections->count < SECTIONS_MAX) {
        const char *name = at + MARK, *next = find_mark(at, end);
        const char *newline = memchr(name, '\n', (size_t)(next - name));
        const char *bytes = newline ? newline + 1 : next;
        sections->list[sections->count++] = (struct section){
            .name = name,
            .name_length = (size_t)((newline ? newline : next) - name),
            .bytes = bytes,
            .length = (size_t)(next - bytes),
        };
        at = next;
    }
}

static bool is_named(const struct section *section, const char *name)
{
    return section->name_length == strlen(name) && memcmp(section->name, name, section->name_length) == 0;
}

static bool answers_for(const struct section *section, const char *path)
{
    size_t length = strlen(path), own = section->name_length;
    return own && own <= length && memcmp(path + length - own, section->name, own) == 0 &&
           (own == length || path[length - own - 1] == '/');
}

struct section *sections_for_path(struct sections *sections, const char *path)
{
    struct section *found = NULL;
    for (size_t i = 0; i < sections->count; i++) {
        struct section *section = &sections->list[i];
        if (answers_for(section, path) &&
            (found == NULL || section->name_length > found->name_length ||
             (section->name_length == found->name_length && section->used < found->used)))
            found = section;
    }
    if (found)
        found->used++;
    return found;
}

struct section *sections_next(struct sections *sections, const char *name)
{
    for (size_t i = 0; i < sections->count; i++)
        if (sections->list[i].used == 0 && is_named(&sections->list[i], name)) {
            sections->list[i].used++;
            return &sections->list[i];
        }
    return NULL;
}

static const struct section *first(const struct sections *sections, const char *name)
{
    for (size_t i = 0; i < sections->count; i++)
        if (is_named(&sections->list[i], name))
            return &sections->list[i];
    return NULL;
}

uint8_t sections_byte(const struct sections *sections, const char *name, size_t at)
{
    const struct section *section = first(sections, name);
    return section && at < section->length ? (uint8_t)section->bytes[at] : 0;
}

char *sections_string(const struct sections *sections, const char *name)
{
    const struct section *section = first(sections, name);
    size_t length = section ? section->length : 0;
    length -= length && section->bytes[length - 1] == '\n';
    char *string = malloc(length + 1);
    if (string == NULL)
        abort();
    if (length)
        memcpy(string, section->bytes, length);
    string[length] = '\0';
    return string;
}
