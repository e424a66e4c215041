/* SPDX-License-Identifier: MIT
 *
 * Address prefixes from text. Contract in address.h.
 */
#include "reuseshim/address.h"

#include <string.h>

/* Four decimal numbers; a leading zero is refused because half the world reads it as octal. */
static bool ipv4_parse(unsigned char *address, const char *text, size_t length)
{
    for (int part = 0; part < 4; part++) {
        const char *dot = part < 3 ? memchr(text, '.', length) : text + length;
        if (dot == NULL)
            return false;
        size_t digits = (size_t)(dot - text);
        uint64_t value;
        if (digits > 3 || !text_to_number(text, digits, 255, &value) || (digits > 1 && text[0] == '0'))
            return false;
        address[part] = (unsigned char)value;
        length -= digits + (part < 3);
        text = dot + (part < 3);
    }
    return length == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4291 section 2.2: groups, one "::", the last 32 bits perhaps dotted. */
static bool ipv6_parse(unsigned char *address, const char *text, size_t length)
{
    size_t used = 0, gap = 16; /* bytes so far; where "::" stood, 16 for nowhere */
    const char *end = text + length;
    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        text += 2;
    }
    while (text < end) {
        unsigned group = 0;
        int digits = 0;
        const char *start = text;
        for (; text < end && digits < 5 && hex_digit(*text) >= 0; text++, digits++)
            group = group << 4 | (unsigned)hex_digit(*text);
        if (text < end && *text == '.') {
            if (used > 12 || !ipv4_parse(address + used, start, (size_t)(end - start)))
                return false;
            used += 4;
            break;
        }
        if (digits == 0 || digits > 4 || used > 14)
            return false;
        address[used++] = (unsigned char)(group >> 8);
        address[used++] = (unsigned char)group;
        if (text == end)
            break;
        if (*text++ != ':' || text == end)
            return false;
        if (*text == ':') {
            if (gap != 16 || used == 16)
                return false;
            gap = used;
            text++;
        }
    }
    if (gap == 16)
        return used == 16;
    if (used > 14)
        return false;
    memmove(address + 16 - (used - gap), address + gap, used - gap);
    memset(address + gap, 0, 16 - used);
    return true;
}

enum prefix_error prefix_parse(struct prefix *prefix, const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    size_t address_length = slash ? (size_t)(slash - text) : length;
    memset(prefix, 0, sizeof *prefix);
    prefix->family = memchr(text, ':', address_length) ? AF_INET6 : AF_INET;
    prefix->bits = prefix->family == AF_INET ? 32 : 128;
    if (!(prefix->family == AF_INET ? ipv4_parse : ipv6_parse)(prefix->address, text, address_length))
        return PREFIX_BAD_ADDRESS;
    if (slash) {
        uint64_t bits;
        if (!text_to_number(slash + 1, length - address_length - 1, prefix->bits, &bits))
            return PREFIX_BAD_LENGTH;
        prefix->bits = (uint8_t)bits;
    }
    return PREFIX_OK;
}
