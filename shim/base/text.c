/* SPDX-License-Identifier: MIT
 *
 * Bounded text. Contract in text.h.
 */
#include "reuseshim/text.h"

#include <string.h>

struct text text_in(char *buffer, size_t size)
{
    return (struct text){.start = buffer, .size = size ? size - 1 : 0};
}

const char *text_end(struct text *text)
{
    text->start[text->used] = '\0';
    return text->start;
}

void text_bytes(struct text *text, const char *bytes, size_t count)
{
    if (text->full || count > text->size - text->used) {
        text->full = true;
        return;
    }
    memcpy(text->start + text->used, bytes, count);
    text->used += count;
}

void text_string(struct text *text, const char *string)
{
    text_bytes(text, string, strlen(string));
}

void text_char(struct text *text, char c)
{
    text_bytes(text, &c, 1);
}

void text_padded(struct text *text, uint64_t value, int width)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
        width--;
    } while ((value || width > 0) && at > 0);
    text_bytes(text, digits + at, sizeof digits - at);
}

void text_unsigned(struct text *text, uint64_t value)
{
    text_padded(text, value, 1);
}

void text_signed(struct text *text, int64_t value)
{
    if (value < 0)
        text_char(text, '-');
    text_unsigned(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void text_hex(struct text *text, uint64_t value)
{
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value);
    text_bytes(text, digits + at, sizeof digits - at);
}

void text_join(struct text *text, const char *const *strings)
{
    for (; *strings; strings++)
        text_string(text, *strings);
}

/* The length of the well-formed UTF-8 sequence at `bytes`, 0 if there is none (RFC 3629: no surrogates,
 * no overlong forms, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *bytes, size_t count)
{
    static const struct {
        unsigned char first, last, second_first, second_last, length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (bytes[0] < forms[i].first || bytes[0] > forms[i].last)
            continue;
        if (forms[i].length == 1)
            return 1;
        if (forms[i].length > count || bytes[1] < forms[i].second_first || bytes[1] > forms[i].second_last)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((bytes[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

/* C0, DEL and C1 (U+0080 to U+009F, two bytes): a terminal obeys them. */
static bool is_control(const unsigned char *bytes, size_t length)
{
    if (length == 1)
        return bytes[0] < 0x20 || bytes[0] == 0x7f;
    return length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

/* Of a well-formed sequence. */
static uint32_t code_point(const unsigned char *bytes, size_t length)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = bytes[0] & lead[length];
    for (size_t i = 1; i < length; i++)
        point = point << 6 | (bytes[i] & 0x3f);
    return point;
}

/* What is invisible, or changes how its neighbours are shown (Unicode's Default_Ignorable_Code_Point,
 * Bidi_Control, and the line separators): with these a name looks like another one. */
static bool is_deceptive(const unsigned char *bytes, size_t length)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0xa0, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},    {0x61c, 0x61c},
                  {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},  {0x200b, 0x200f},
                  {0x2028, 0x202e},   {0x2060, 0x206f},   {0x2800, 0x2800},  {0x3164, 0x3164},
                  {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},  {0xfff0, 0xfffb},
                  {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};
    uint32_t point = code_point(bytes, length);
    if (length < 2)
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].first <= point && point <= ranges[i].last)
            return true;
    return false;
}

static void text_hex_byte(struct text *text, const char *prefix, unsigned char byte)
{
    char escape[8];
    struct text built = text_in(escape, sizeof escape);
    text_string(&built, prefix);
    text_char(&built, "0123456789abcdef"[byte >> 4]);
    text_char(&built, "0123456789abcdef"[byte & 15]);
    text_bytes(text, escape, built.used);
}

void text_escaped(struct text *text, const char *bytes, size_t count)
{
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0; i < count;) {
        size_t length = utf8_length(at + i, count - i);
        if (length == 0 || is_control(at + i, length) || is_deceptive(at + i, length)) {
            size_t bad = length ? length : 1;
            while (bad--)
                text_hex_byte(text, "\\x", at[i++]);
            continue;
        }
        text_bytes(text, bytes + i, length);
        i += length;
    }
}

void text_quoted(struct text *text, const char *bytes, size_t count)
{
    text_char(text, '"');
    for (size_t i = 0; i < count;) {
        size_t plain = 0;
        while (i + plain < count && bytes[i + plain] != '"')
            plain++;
        text_escaped(text, bytes + i, plain);
        i += plain;
        if (i < count)
            text_hex_byte(text, "\\x", (unsigned char)bytes[i++]);
    }
    text_char(text, '"');
}

void text_name(struct text *text, const char *name)
{
    size_t length = strlen(name);
    bool doubtful =
        length == 0 || name[0] == ' ' || name[length - 1] == ' ' || name[strcspn(name, "();,:\"")] != '\0';
    if (doubtful)
        text_quoted(text, name, length);
    else
        text_escaped(text, name, length);
}

bool text_is_shell_word(const char *bytes, size_t count)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
    size_t same = 0;
    while (same < count && bytes[same] && strchr(plain, bytes[same]))
        same++;
    return count > 0 && same == count;
}

/* "\u202e"; beyond U+FFFF a pair of surrogates (RFC 8259). */
static void text_json_escape(struct text *text, uint32_t point)
{
    char escape[16];
    struct text built = text_in(escape, sizeof escape);
    const uint32_t units[] = {point > 0xffff ? 0xd7c0 + (point >> 10) : point, 0xdc00 | (point & 0x3ff)};
    for (size_t i = 0; i < 1U + (point > 0xffff); i++) {
        text_hex_byte(&built, "\\u", (unsigned char)(units[i] >> 8));
        text_hex_byte(&built, "", (unsigned char)units[i]);
    }
    text_bytes(text, escape, built.used);
}

void text_json(struct text *text, const char *bytes, size_t count)
{
    const unsigned char *at = (const unsigned char *)bytes;
    if (bytes == NULL) {
        text_string(text, "null");
        return;
    }
    text_char(text, '"');
    for (size_t i = 0; i < count;) {
        size_t length = utf8_length(at + i, count - i);
        if (length == 0)
            text_string(text, "\xef\xbf\xbd");
        else if (at[i] == '"' || at[i] == '\\')
            text_bytes(text, at[i] == '"' ? "\\\"" : "\\\\", 2);
        else if (is_control(at + i, length) || is_deceptive(at + i, length))
            text_json_escape(text, code_point(at + i, length));
        else
            text_bytes(text, bytes + i, length);
        i += length ? length : 1;
    }
    text_char(text, '"');
}

void text_or(struct text *text, size_t at, size_t count)
{
    text_string(text, at == 0 ? "" : at + 1 == count ? " or " : ", ");
}

void text_tail(struct text *text, const char *string, size_t shown)
{
    size_t length = strlen(string), cut = length > shown ? length - shown : 0;
    text_string(text, cut ? "..." : "");
    text_escaped(text, string + cut, length - cut);
}

bool text_to_number(const char *bytes, size_t count, uint64_t limit, uint64_t *value)
{
    uint64_t number = 0;
    if (count == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(bytes[i] - '0');
        if (number > (limit - digit) / 10 || digit > limit)
            return false;
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}
