/* SPDX-License-Identifier: MIT
 *
 * A JSON reader that keeps a dozen values and checks the form of the rest. A million records go through it,
 * so it copies nothing. Contract in record_line.h.
 */
#include "record_line.h"

#include "reuseshim/text.h"

#include <string.h>

struct reader {
    const char *at; /* the newline at the end of the line stops every loop */
    const char *trouble;
};

enum { DEPTH_MAX = 16 };

static bool fail(struct reader *reader, const char *trouble)
{
    if (reader->trouble == NULL)
        reader->trouble = *reader->at == '\n' ? "cut off in the middle" : trouble;
    return false;
}

static void skip_blanks(struct reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r')
        reader->at++;
}

static bool take(struct reader *reader, char c)
{
    skip_blanks(reader);
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

static bool read_string(struct reader *reader, struct slice *slice)
{
    if (!take(reader, '"'))
        return fail(reader, "expected a string");
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
        return fail(reader, "a string with a control character or a bad escape");
    reader->at++;
    return true;
}

static bool read_digits_of(struct reader *reader)
{
    const char *start = reader->at;
    while (*reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start;
}

static bool read_number(struct reader *reader)
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

static bool read_word(struct reader *reader)
{
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (memchr(reader->at, '\n', length) == NULL && memcmp(reader->at, words[i], length) == 0) {
            reader->at += length;
            return true;
        }
    }
    return read_number(reader) || fail(reader, "expected a value");
}

static bool skip_value(struct reader *reader, int depth);

/* The rest of an object or an array, behind its opening bracket. */
static bool skip_inside(struct reader *reader, bool object, int depth)
{
    const char close = object ? '}' : ']';
    struct slice key;
    if (depth == DEPTH_MAX)
        return fail(reader, "nested too deep");
    if (take(reader, close))
        return true;
    do {
        if (object && (!read_string(reader, &key) || !take(reader, ':')))
            return fail(reader, "expected a colon");
        if (!skip_value(reader, depth + 1))
            return false;
    } while (take(reader, ','));
    return take(reader, close) || fail(reader, "expected a comma");
}

static bool skip_value(struct reader *reader, int depth)
{
    struct slice string;
    skip_blanks(reader);
    if (*reader->at == '"')
        return read_string(reader, &string);
    if (take(reader, '{'))
        return skip_inside(reader, true, depth);
    if (take(reader, '['))
        return skip_inside(reader, false, depth);
    return read_word(reader);
}

/* ---- the values that are kept ----------------------------------------------------------------------- */

typedef bool take_value(struct reader *reader, void *into);

struct member {
    const char *key;
    size_t length;
    take_value *take;
    size_t offset; /* into the record */
};

/* The members of an object that are in the list go to their takers, in whatever order they come; ours come in
 * the order of the list, so that the first comparison hits. */
static bool read_object(struct reader *reader, struct record_line *record, const struct member *members,
                        size_t count)
{
    size_t next = 0;
    if (!take(reader, '{'))
        return fail(reader, "expected an object");
    if (take(reader, '}'))
        return true;
    do {
        struct slice key;
        size_t tried = 0;
        if (!read_string(reader, &key) || !take(reader, ':'))
            return fail(reader, "expected a colon");
        while (tried < count && (members[next].length != key.length ||
                                 memcmp(members[next].key, key.start, key.length) != 0)) {
            next = (next + 1) % count;
            tried++;
        }
        skip_blanks(reader);
        bool good = tried == count ? skip_value(reader, 0)
                                   : members[next].take(reader, (char *)record + members[next].offset);
        if (!good)
            return false;
        if (tried < count)
            next = (next + 1) % count;
    } while (take(reader, ','));
    return take(reader, '}') || fail(reader, "expected a comma");
}

static bool take_string(struct reader *reader, void *into)
{
    return *reader->at == '"' ? read_string(reader, into) : skip_value(reader, 0);
}

static bool take_port(struct reader *reader, void *into)
{
    uint64_t port;
    size_t digits = strspn(reader->at, "0123456789");
    if (digits && text_to_number(reader->at, digits, UINT16_MAX, &port))
        *(int32_t *)into = (int32_t)port;
    return skip_value(reader, 0);
}

static bool take_count(struct reader *reader, void *into)
{
    uint64_t count;
    size_t digits = strspn(reader->at, "0123456789");
    if (digits && text_to_number(reader->at, digits, INT64_MAX, &count))
        *(uint64_t *)into = count;
    return skip_value(reader, 0);
}

#define WHOLE(name, taker)                                                                                   \
    {                                                                                                        \
        name, sizeof(name) - 1, taker, 0                                                                     \
    }
#define MEMBER(name, taker, field)                                                                           \
    {                                                                                                        \
        name, sizeof(name) - 1, taker, offsetof(struct record_line, field)                                   \
    }

static bool take_local(struct reader *reader, void *into)
{
    static const struct member members[] = {MEMBER("port", take_port, local_port),
                                            MEMBER("path", take_string, local_path)};
    return *reader->at == '{' ? read_object(reader, into, members, 2) : skip_value(reader, 0);
}

/* The first of an array; the others are passed over. */
static bool read_first(struct reader *reader, struct record_line *record, const struct member *members,
                       size_t count)
{
    if (*reader->at != '[')
        return skip_value(reader, 0);
    reader->at++;
    if (take(reader, ']'))
        return true;
    skip_blanks(reader);
    if (*reader->at == '{' ? !read_object(reader, record, members, count) : !skip_value(reader, 0))
        return false;
    while (take(reader, ','))
        if (!skip_value(reader, 0))
            return false;
    return take(reader, ']') || fail(reader, "expected a comma");
}

static bool take_processes(struct reader *reader, void *into)
{
    static const struct member members[] = {MEMBER("program", take_string, holder_program)};
    return read_first(reader, into, members, 1);
}

static bool take_holders(struct reader *reader, void *into)
{
    static const struct member members[] = {MEMBER("state", take_string, holder_state),
                                            MEMBER("owner", take_string, holder_owner),
                                            WHOLE("processes", take_processes)};
    return read_first(reader, into, members, 3);
}

/* ---- the whole of it -------------------------------------------------------------------------------- */

static bool read_digits(const char *at, size_t count, int64_t *value)
{
    uint64_t number;
    bool good = text_to_number(at, count, UINT32_MAX, &number);
    *value = good ? (int64_t)number : 0;
    return good;
}

/* "2026-11-21T12:00:00.123456Z", the fraction may be missing. */
static bool read_time(const struct slice *time, int64_t *microseconds)
{
    enum { WITHOUT_FRACTION = 20, WITH_FRACTION = 27 };
    static const char form[] = "0000-00-00T00:00:00.000000";
    int64_t year, month, day, hour, minute, second, fraction = 0;
    const char *at = time->start;
    bool fine = time->length == WITH_FRACTION;
    if ((!fine && time->length != WITHOUT_FRACTION) || at[time->length - 1] != 'Z')
        return false;
    for (size_t i = 0; i < time->length - 1; i++)
        if (form[i] == '0' ? at[i] < '0' || at[i] > '9' : at[i] != form[i])
            return false;
    if (!read_digits(at, 4, &year) || !read_digits(at + 5, 2, &month) || !read_digits(at + 8, 2, &day) ||
        !read_digits(at + 11, 2, &hour) || !read_digits(at + 14, 2, &minute) ||
        !read_digits(at + 17, 2, &second) || (fine && !read_digits(at + 20, 6, &fraction)) || year < 1970 ||
        year > 2261 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        second > 60)
        return false;
    /* Years that begin with March have the leap day at their end. */
    int64_t shifted = month < 3 ? year - 1 : year, since_march = month < 3 ? month + 9 : month - 3;
    int64_t days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * since_march + 2) / 5 +
                   day - 1 - 719468;
    *microseconds = ((days * 24 + hour) * 60 + minute) * 60000000 + second * 1000000 + fraction;
    return true;
}

const char *record_line_read(struct record_line *record, const char *line, const char *end)
{
    static const struct member members[] = {
        MEMBER("time", take_string, time),
        MEMBER("event", take_string, event),
        MEMBER("program", take_string, program),
        MEMBER("protocol", take_string, protocol),
        WHOLE("local", take_local),
        MEMBER("cause", take_string, cause),
        WHOLE("holders", take_holders),
        MEMBER("lost", take_count, lost),
    };
    struct reader reader = {.at = line};
    *record = (struct record_line){.local_port = -1};
    skip_blanks(&reader);
    if (*reader.at != '{')
        return strncmp(line, "reuseshim[", 10) == 0 ? "a text record; set REUSESHIM_FORMAT=json"
                                                    : "no JSON object";
    if (!read_object(&reader, record, members, sizeof members / sizeof *members))
        return reader.trouble;
    skip_blanks(&reader);
    if (reader.at != end)
        return "something behind its end";
    if (record->event.start == NULL || record->time.start == NULL)
        return "a JSON object without event and time";
    return read_time(&record->time, &record->time_us) ? NULL : "its time is not RFC 3339";
}
