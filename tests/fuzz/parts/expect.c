/* SPDX-License-Identifier: MIT
 *
 * Contract in expect.h.
 */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void expect(bool holds, const char *what)
{
    if (holds)
        return;
    dprintf(2, "expected: %s\n", what); /* stderr may be somewhere else */
    abort();
}

/* ---- text --------------------------------------------------------------------------------------- */

/* The character at `at`, of *length bytes; UINT32_MAX if it is not UTF-8. By arithmetic, and not by the table
 * of shim/base/text.c. */
static uint32_t character(const unsigned char *at, size_t left, size_t *length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t count = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    uint32_t point = count == 1 ? at[0] : at[0] & (0xffU >> (count + 1));
    *length = count;
    if (count == 0 || count > left)
        return UINT32_MAX;
    for (size_t i = 1; i < count; i++) {
        if (at[i] >> 6 != 2)
            return UINT32_MAX;
        point = point << 6 | (at[i] & 0x3f);
    }
    bool surrogate = point >= 0xd800 && point < 0xe000;
    return point < least[count] || point > 0x10ffff || surrogate ? UINT32_MAX : point;
}

bool is_utf8(const char *text, size_t length)
{
    for (size_t at = 0, step; at < length; at += step)
        if (character((const unsigned char *)text + at, length - at, &step) == UINT32_MAX)
            return false;
    return true;
}

/* Unicode's Bidi_Control, and the separators that some take for a newline. */
static bool turns_direction(uint32_t point)
{
    return point == 0x61c || point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

void expect_clean(const char *text, size_t length, const char *allowed, const char *what)
{
    for (size_t at = 0, step; at < length; at += step) {
        uint32_t point = character((const unsigned char *)text + at, length - at, &step);
        bool is_allowed = point && point < 0x80 && strchr(allowed, (int)point);
        expect(point != UINT32_MAX, what);
        expect(is_allowed || (!is_control(point) && !turns_direction(point)), what);
    }
}

/* ---- JSON, by RFC 8259 -------------------------------------------------------------------------- */

struct json {
    const char *at, *end;
    unsigned depth;
};

static bool value(struct json *json);

static bool take(struct json *json, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0)
        return false;
    json->at += length;
    return true;
}

static bool is_next(const struct json *json, const char *set)
{
    return json->at < json->end && *json->at && strchr(set, *json->at);
}

static bool digits(struct json *json)
{
    const char *start = json->at;
    while (is_next(json, "0123456789"))
        json->at++;
    return json->at > start;
}

static bool number(struct json *json)
{
    (void)take(json, "-");
    if (!take(json, "0") && !digits(json))
        return false;
    if (take(json, ".") && !digits(json))
        return false;
    if (!is_next(json, "eE"))
        return true;
    json->at++;
    if (is_next(json, "+-"))
        json->at++;
    return digits(json);
}

static bool escape(struct json *json)
{
    bool hexadecimal = is_next(json, "u");
    if (!is_next(json, "\"\\/bfnrtu"))
        return false;
    json->at++;
    for (int i = 0; hexadecimal && i < 4; i++) {
        if (!is_next(json, "0123456789abcdefABCDEF"))
            return false;
        json->at++;
    }
    return true;
}

static bool string(struct json *json)
{
    if (!take(json, "\""))
        return false;
    while (json->at < json->end) {
        if (take(json, "\""))
            return true;
        if ((unsigned char)*json->at < 0x20)
            return false;
        if (!take(json, "\\"))
            json->at++;
        else if (!escape(json))
            return false;
    }
    return false;
}

/* What stands between brackets, each with a key if `keys`. */
static bool list(struct json *json, const char *close, bool keys)
{
    if (take(json, close))
        return true;
    do {
        if (keys && (!string(json) || !take(json, ":")))
            return false;
        if (!value(json))
            return false;
    } while (take(json, ","));
    return take(json, close);
}

/* Without blanks between: ours has none. */
static bool value(struct json *json)
{
    bool good;
    if (++json->depth > 64)
        return false;
    if (take(json, "{"))
        good = list(json, "}", true);
    else if (take(json, "["))
        good = list(json, "]", false);
    else if (is_next(json, "\""))
        good = string(json);
    else
        good = take(json, "true") || take(json, "false") || take(json, "null") || number(json);
    json->depth--;
    return good;
}

void expect_json(const char *text, size_t length, const char *what)
{
    struct json json = {text, text + length, 0};
    expect(value(&json) && json.at == json.end, what);
}
