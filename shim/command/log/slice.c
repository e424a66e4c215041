/* SPDX-License-Identifier: MIT
 *
 * Contract in slice.h.
 */
#define _GNU_SOURCE /* memmem */
#include "slice.h"

#include <string.h>

bool slice_is(const struct slice *slice, const char *word)
{
    return slice->start && slice->length == strlen(word) && memcmp(slice->start, word, slice->length) == 0;
}

bool slice_begins(const struct slice *slice, const char *word)
{
    size_t length = strlen(word);
    return slice->start && slice->length >= length && memcmp(slice->start, word, length) == 0;
}

const char *slice_find(const struct slice *slice, const char *word)
{
    return slice->length ? memmem(slice->start, slice->length, word, strlen(word)) : NULL;
}

struct slice slice_from(const struct slice *slice, const char *at)
{
    return (struct slice){at, (size_t)(slice->start + slice->length - at)};
}

struct slice slice_between(const char *start, const char *end)
{
    return (struct slice){start, (size_t)(end - start)};
}

size_t slice_digits(const struct slice *slice)
{
    size_t digits = 0;
    while (digits < slice->length && slice->start[digits] >= '0' && slice->start[digits] <= '9')
        digits++;
    return digits;
}

void slice_skip(struct slice *slice, size_t count)
{
    count = count < slice->length ? count : slice->length;
    *slice = (struct slice){slice->start + count, slice->length - count};
}

bool slice_skip_word(struct slice *slice, const char *word)
{
    bool there = slice_begins(slice, word);
    if (there)
        slice_skip(slice, strlen(word));
    return there;
}

static bool read_hex(const char *at, int digits, uint32_t *value)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    *value = 0;
    for (int i = 0; i < digits; i++) {
        const char *known = memchr(hex, at[i], sizeof hex - 1);
        if (known == NULL)
            return false;
        uint32_t index = (uint32_t)(known - hex);
        *value = *value << 4 | (index < 16 ? index : index - 6);
    }
    return true;
}

static void write_utf8(struct text *text, uint32_t code)
{
    if (code == 0 || (code >= 0xd800 && code < 0xe000)) {
        text_char(text, '?');
    } else if (code < 0x80) {
        text_char(text, (char)code);
    } else if (code < 0x800) {
        text_char(text, (char)(0xc0 | code >> 6));
        text_char(text, (char)(0x80 | (code & 0x3f)));
    } else if (code >= 0x10000) {
        text_char(text, (char)(0xf0 | code >> 18));
        text_char(text, (char)(0x80 | (code >> 12 & 0x3f)));
        text_char(text, (char)(0x80 | (code >> 6 & 0x3f)));
        text_char(text, (char)(0x80 | (code & 0x3f)));
    } else {
        text_char(text, (char)(0xe0 | code >> 12));
        text_char(text, (char)(0x80 | (code >> 6 & 0x3f)));
        text_char(text, (char)(0x80 | (code & 0x3f)));
    }
}

/* "\u202e", or a pair of surrogates: how many bytes it takes; 0 if it is none. */
static size_t read_unicode(const char *at, const char *end, uint32_t *code)
{
    enum { UNIT = 6 };
    uint32_t low;
    if (end - at < UNIT || at[1] != 'u' || !read_hex(at + 2, 4, code))
        return 0;
    if (*code < 0xd800 || *code >= 0xdc00 || end - at < 2 * UNIT || at[UNIT] != '\\' || at[UNIT + 1] != 'u' ||
        !read_hex(at + UNIT + 2, 4, &low) || low < 0xdc00 || low >= 0xe000)
        return UNIT;
    *code = 0x10000 + ((*code - 0xd800) << 10 | (low - 0xdc00));
    return 2 * UNIT;
}

/* One character of a JSON string; where the next one begins. */
static const char *decode_json(struct text *text, const char *at, const char *end)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    uint32_t code;
    if (*at != '\\' || end - at < 2) {
        text_char(text, *at);
        return at + 1;
    }
    size_t length = read_unicode(at, end, &code);
    if (length) {
        write_utf8(text, code);
        return at + length;
    }
    const char *known = memchr(letters, at[1], sizeof letters - 1);
    text_char(text, known ? bytes[known - letters] : at[1]);
    return at + 2;
}

/* The same of what text_escaped has written. */
static const char *decode_text(struct text *text, const char *at, const char *end)
{
    uint32_t code;
    bool escaped = *at == '\\' && end - at >= 4 && at[1] == 'x' && read_hex(at + 2, 2, &code) && code;
    text_char(text, escaped ? (char)code : *at);
    return at + (escaped ? 4 : 1);
}

void slice_decode(struct text *text, const struct slice *slice, enum encoding encoding, size_t limit)
{
    const char *at = slice->start, *end = at + slice->length;
    size_t before = text->used;
    while (at < end && !text->full && text->used - before < limit)
        at = (encoding == ENCODED_AS_JSON ? decode_json : decode_text)(text, at, end);
}
