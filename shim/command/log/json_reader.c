/* SPDX-License-Identifier: MIT
 *
 * A million records go through it, so it copies nothing. Contract in json_reader.h.
 */
#include "json_reader.h"

#include "reuseshim/text.h"

#include <string.h>

enum { DEPTH_MAX = 16 };

bool json_fail(struct json_reader *reader, const char *trouble)
{
    if (reader->trouble == NULL)
        reader->trouble = *reader->at == '\n' ? "cut off in the middle" : trouble;
    return false;
}

void json_skip_blanks(struct json_reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r')
        reader->at++;
}

bool json_take(struct json_reader *reader, char c)
{
    json_skip_blanks(reader);
    if (*reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* What may stand in a string as it is: all but '"', '\\' and control characters. */
static bool is_plain(char c)
{
    return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

/* Eight at a time: a byte of `bytes` is zero if x - 1 borrows and x had no high bit. */
static const char *skip_plain(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t bytes;
    for (;; at += sizeof bytes) {
        memcpy(&bytes, at, sizeof bytes);
        uint64_t quote = bytes ^ ones * '"', backslash = bytes ^ ones * '\\';
        uint64_t stops = ((bytes - ones * ' ') & ~bytes & highs) | ((quote - ones) & ~quote & highs) |
                         ((backslash - ones) & ~backslash & highs);
        if (stops == 0)
            continue;
        /* The lowest bit that is set is never a false one. */
        if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
            return at + (__builtin_ctzll(stops) >> 3);
        while (is_plain(*at))
            at++;
        return at;
    }
}

/* What stands at a backslash. The newline at the end is no hex digit. */
static bool is_escape(const char *at)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    if (at[1] != 'u')
        return at[1] && strchr("\"\\/bfnrt", at[1]);
    for (int i = 2; i < 6; i++)
        if (memchr(hex, at[i], sizeof hex - 1) == NULL)
            return false;
    return true;
}

bool json_read_string(struct json_reader *reader, struct slice *slice)
{
    if (!json_take(reader, '"'))
        return json_fail(reader, "expected a string");
    const char *at = reader->at;
    for (;;) {
        at = skip_plain(at);
        if (*at != '\\')
            break;
        if (!is_escape(at))
            break;
        at += 2;
    }
    *slice = (struct slice){reader->at, (size_t)(at - reader->at)};
    reader->at = at;
    if (*at != '"')
        return json_fail(reader, "a string with a control character or a bad escape");
    reader->at++;
    return true;
}

static bool read_digits_of(struct json_reader *reader)
{
    const char *start = reader->at;
    while (*reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start;
}

static bool read_number(struct json_reader *reader)
{
    reader->at += *reader->at == '-';
    const char *whole = reader->at;
    if (!read_digits_of(reader) || (*whole == '0' && reader->at > whole + 1))
        return false;
    if (*reader->at == '.') {
        reader->at++;
        if (!read_digits_of(reader))
            return false;
    }
    if (*reader->at != 'e' && *reader->at != 'E')
        return true;
    reader->at++;
    reader->at += *reader->at == '+' || *reader->at == '-';
    return read_digits_of(reader);
}

static bool read_word(struct json_reader *reader)
{
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (memchr(reader->at, '\n', length) == NULL && memcmp(reader->at, words[i], length) == 0) {
            reader->at += length;
            return true;
        }
    }
    return read_number(reader) || json_fail(reader, "expected a value");
}

static bool skip_inside_value(struct json_reader *reader, int depth);

/* The rest of an object or an array, behind its opening bracket. */
static bool skip_inside(struct json_reader *reader, bool object, int depth)
{
    const char close = object ? '}' : ']';
    struct slice key;
    if (depth == DEPTH_MAX)
        return json_fail(reader, "nested too deep");
    if (json_take(reader, close))
        return true;
    do {
        if (object && (!json_read_string(reader, &key) || !json_take(reader, ':')))
            return json_fail(reader, "expected a colon");
        if (!skip_inside_value(reader, depth + 1))
            return false;
    } while (json_take(reader, ','));
    return json_take(reader, close) || json_fail(reader, "expected a comma");
}

static bool skip_inside_value(struct json_reader *reader, int depth)
{
    struct slice string;
    json_skip_blanks(reader);
    if (*reader->at == '"')
        return json_read_string(reader, &string);
    if (json_take(reader, '{'))
        return skip_inside(reader, true, depth);
    if (json_take(reader, '['))
        return skip_inside(reader, false, depth);
    return read_word(reader);
}

bool json_skip_value(struct json_reader *reader)
{
    return skip_inside_value(reader, 0);
}

/* The members of an object that are in the list go to their takers, in whatever order they come; ours come in
 * the order of the list, so that the first comparison hits. */
bool json_read_object(struct json_reader *reader, void *base, const struct json_member *members, size_t count)
{
    size_t next = 0;
    if (!json_take(reader, '{'))
        return json_fail(reader, "expected an object");
    if (json_take(reader, '}'))
        return true;
    do {
        struct slice key;
        size_t tried = 0;
        if (!json_read_string(reader, &key) || !json_take(reader, ':'))
            return json_fail(reader, "expected a colon");
        while (tried < count && (members[next].length != key.length ||
                                 memcmp(members[next].key, key.start, key.length) != 0)) {
            next = (next + 1) % count;
            tried++;
        }
        json_skip_blanks(reader);
        bool good = tried == count ? json_skip_value(reader)
                                   : members[next].take(reader, (char *)base + members[next].offset);
        if (!good)
            return false;
        if (tried < count)
            next = (next + 1) % count;
    } while (json_take(reader, ','));
    return json_take(reader, '}') || json_fail(reader, "expected a comma");
}

bool json_take_string(struct json_reader *reader, void *into)
{
    return *reader->at == '"' ? json_read_string(reader, into) : json_skip_value(reader);
}

bool json_take_port(struct json_reader *reader, void *into)
{
    uint64_t port;
    size_t digits = strspn(reader->at, "0123456789");
    if (digits && text_to_number(reader->at, digits, UINT16_MAX, &port))
        *(int32_t *)into = (int32_t)port;
    return json_skip_value(reader);
}

bool json_take_count(struct json_reader *reader, void *into)
{
    uint64_t count;
    size_t digits = strspn(reader->at, "0123456789");
    if (digits && text_to_number(reader->at, digits, INT64_MAX, &count))
        *(uint64_t *)into = count;
    return json_skip_value(reader);
}

/* The first of an array; the others are passed over. */
bool json_read_first(struct json_reader *reader, void *base, const struct json_member *members, size_t count)
{
    if (*reader->at != '[')
        return json_skip_value(reader);
    reader->at++;
    if (json_take(reader, ']'))
        return true;
    json_skip_blanks(reader);
    if (*reader->at == '{' ? !json_read_object(reader, base, members, count) : !json_skip_value(reader))
        return false;
    while (json_take(reader, ','))
        if (!json_skip_value(reader))
            return false;
    return json_take(reader, ']') || json_fail(reader, "expected a comma");
}
