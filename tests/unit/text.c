/* SPDX-License-Identifier: MIT
 *
 * Text, numbers, escapes, addresses, time.
 */
#include "reuseshim/record.h"
#include "tap.h"

#include <netinet/in.h>
#include <string.h>

static char buffer[256];
static struct text text;

static void begin(void)
{
    text = text_in(buffer, sizeof buffer);
}

static void is(const char *expected, const char *name)
{
    const char *got = text_end(&text);
    bool good = strcmp(got, expected) == 0;
    ok(good, name);
    if (!good)
        printf("# got      %s\n# expected %s\n", got, expected);
}

static void escaped(const char *bytes, size_t count, const char *expected, const char *name)
{
    begin();
    text_escaped(&text, bytes, count);
    is(expected, name);
}

static void json(const char *bytes, size_t count, const char *expected, const char *name)
{
    begin();
    text_json(&text, bytes, count);
    is(expected, name);
}

static void prefix(const char *string, enum prefix_error expected, const char *name)
{
    struct prefix parsed;
    ok(prefix_parse(&parsed, string, strlen(string)) == expected, name);
}

/* Parsed and written again. */
static void address(const char *string, const char *expected)
{
    struct prefix parsed;
    begin();
    if (prefix_parse(&parsed, string, strlen(string)) == PREFIX_OK) {
        struct endpoint endpoint = endpoint_of(parsed.family, parsed.address, 0);
        address_write(&text, &endpoint);
    }
    is(expected, string);
}

int main(void)
{
    uint64_t value;
    char small[4];

    begin();
    text_unsigned(&text, UINT64_MAX);
    text_char(&text, ' ');
    text_signed(&text, INT64_MIN);
    text_char(&text, ' ');
    text_padded(&text, 7, 3);
    text_char(&text, ' ');
    text_hex(&text, 0xdeadbeef);
    is("18446744073709551615 -9223372036854775808 007 deadbeef", "numbers");

    struct text tight = text_in(small, sizeof small);
    text_string(&tight, "abc");
    ok(!tight.full && strcmp(text_end(&tight), "abc") == 0, "a text that just fits");
    text_string(&tight, "d");
    ok(tight.full && strcmp(text_end(&tight), "abc") == 0, "one byte more is full and leaves what is there");
    tight = text_in(small, sizeof small);
    text_escaped(&tight, "\x01\x02", 2);
    ok(tight.full && tight.used == 0, "an escape is written whole or not at all");

    ok(text_to_number("65535", 5, 65535, &value) && value == 65535, "the limit itself is a number");
    ok(!text_to_number("65536", 5, 65535, &value), "one more is not");
    ok(!text_to_number("99999999999999999999", 20, UINT64_MAX, &value), "nor what overflows");
    ok(!text_to_number("", 0, 9, &value) && !text_to_number("+1", 2, 9, &value), "nor nothing, nor a sign");

    escaped("a\tb\x7f\xc2\x9b", 6, "a\\x09b\\x7f\\xc2\\x9b", "C0, DEL and C1 are escaped");
    escaped("gr\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 11, "gr\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
            "UTF-8 stays");
    escaped("\xc0\xaf", 2, "\\xc0\\xaf", "overlong UTF-8 is escaped");
    escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80", "a surrogate is escaped");
    escaped("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80", "beyond U+10FFFF is escaped");
    escaped("\xe2\x82", 2, "\\xe2\\x82", "a sequence cut short is escaped");
    json("a\"\\\n\x1b\xff", 6, "\"a\\\"\\\\\\u000a\\u001b\xef\xbf\xbd\"", "a JSON string");
    json("\xe2\x80\xae\xe2\x80\xa8\xc2\x85", 8, "\"\\u202e\\u2028\\u0085\"",
         "what turns the direction of a terminal is an escape in JSON, too");
    json("\xf3\xa0\x81\x81\xf0\x9f\x98\x80", 8, "\"\\udb40\\udc41\xf0\x9f\x98\x80\"",
         "beyond U+FFFF it is two; what shows stays");
    json("", 0, "\"\"", "an empty JSON string");
    json(NULL, 0, "null", "JSON null");

    address("10.0.0.1", "10.0.0.1");
    address("::", "::");
    address("::1", "::1");
    address("1::", "1::");
    address("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    address("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    address("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
    address("0:0:0:0:0:ffff:1.2.3.4", "::ffff:1.2.3.4");
    address("::ffff:0102:0304", "::ffff:1.2.3.4");
    address("64:ff9b::1.2.3.4", "64:ff9b::102:304");
    static const char *const wrong[] = {"",
                                        "1",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "1.2.3.256",
                                        "01.2.3.4",
                                        "1..2.3",
                                        ":",
                                        ":::",
                                        "1:2",
                                        "::1::",
                                        "1:::2",
                                        "12345::",
                                        "g::",
                                        "1:2:3:4:5:6:7:8:9",
                                        "::1.2.3",
                                        "1.2.3.4::",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "1:2:3:4:5:6:7:",
                                        ":1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8::"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        prefix(wrong[i], PREFIX_BAD_ADDRESS, wrong[i]);
    prefix("10.0.0.0/32", PREFIX_OK, "/32");
    prefix("10.0.0.0/33", PREFIX_BAD_LENGTH, "/33");
    prefix("::/128", PREFIX_OK, "/128");
    prefix("::/129", PREFIX_BAD_LENGTH, "/129");
    prefix("::/", PREFIX_BAD_LENGTH, "a slash with nothing behind it");

    struct prefix ten;
    struct endpoint mapped;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    prefix_parse(&ten, "10.128.0.0/9", 12);
    memcpy(&v6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\xff\0\1", 16);
    ok(endpoint_from_sockaddr(&mapped, &v6, sizeof v6) && prefix_contains(&ten, &mapped),
       "a mapped address is in its IPv4 prefix");
    ok(!endpoint_from_sockaddr(&mapped, &v6, 23), "a sockaddr_in6 cut short is not read");
    memcpy(&v6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x7f\0\1", 16);
    ok(endpoint_from_sockaddr(&mapped, &v6, 24) && !prefix_contains(&ten, &mapped),
       "the next one below is not");

    begin();
    time_write(&text, 0, true);
    text_char(&text, ' ');
    time_write(&text, INT64_C(951782400) * 1000000000 + 1999, true);
    text_char(&text, ' ');
    time_write(&text, INT64_C(4107542399) * 1000000000, false);
    is("1970-01-01T00:00:00.000000Z 2000-02-29T00:00:00.000001Z 2100-02-28T23:59:59Z", "RFC 3339");
    return tap_end();
}
