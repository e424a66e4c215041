/* SPDX-License-Identifier: MIT
 *
 * The library's own functions of <string.h>, against libc's, on all short texts of three letters and on all
 * places in a block.
 */
#include "tap.h"

#include <stdint.h>
#include <string.h>

#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define memchr  own_memchr
#define strnlen own_strnlen
#define strlen  own_strlen
#define strncmp own_strncmp
#define strcmp  own_strcmp
#define strchr  own_strchr
#define strrchr own_strrchr
#define strstr  own_strstr
#define strspn  own_strspn
#define strcspn own_strcspn
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "../../shim/hooks/strings.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strnlen
#undef strlen
#undef strncmp
#undef strcmp
#undef strchr
#undef strrchr
#undef strstr
#undef strspn
#undef strcspn

enum { ROOM = 6, TEXTS = 1093 }; /* 3^0 + ... + 3^6 */

static char texts[TEXTS][ROOM + 1];

/* 'a', 'b' and a byte that is negative as a char. */
static void make_texts(void)
{
    static const char letters[] = {'a', 'b', '\xe9'};
    int made = 1;
    for (int from = 0, to = 1; to < TEXTS; from = to, to = made)
        for (int i = from; i < to; i++)
            for (int letter = 0; letter < 3; letter++) {
                memcpy(texts[made], texts[i], sizeof texts[i]);
                texts[made++][strlen(texts[i])] = letters[letter];
            }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static bool agree_on_one(const char *text)
{
    bool good = own_strlen(text) == strlen(text);
    for (size_t size = 0; size <= ROOM; size++)
        good &= own_strnlen(text, size) == strnlen(text, size);
    for (int byte = 0; byte < 256; byte++)
        good &= own_strchr(text, byte) == strchr(text, byte) &&
                own_strrchr(text, byte) == strrchr(text, byte) &&
                own_memchr(text, byte, ROOM) == memchr(text, byte, ROOM);
    return good;
}

static bool agree_on_two(const char *one, const char *other)
{
    bool good = sign(own_strcmp(one, other)) == sign(strcmp(one, other)) &&
                own_strstr(one, other) == strstr(one, other) &&
                own_strspn(one, other) == strspn(one, other) &&
                own_strcspn(one, other) == strcspn(one, other);
    for (size_t size = 0; size <= ROOM; size++)
        good &= sign(own_strncmp(one, other, size)) == sign(strncmp(one, other, size)) &&
                sign(own_memcmp(one, other, size)) == sign(memcmp(one, other, size));
    return good;
}

static bool agree_on_a_move(size_t from, size_t to, size_t size)
{
    unsigned char mine[64], theirs[64];
    for (size_t i = 0; i < sizeof mine; i++)
        mine[i] = theirs[i] = (unsigned char)(i * 7);
    bool good = own_memmove(mine + to, mine + from, size) == mine + to;
    memmove(theirs + to, theirs + from, size);
    good &= memcmp(mine, theirs, sizeof mine) == 0;
    good &= own_memset(mine + to, 0x1e9, size) == mine + to;
    memset(theirs + to, 0xe9, size);
    good &= memcmp(mine, theirs, sizeof mine) == 0;
    good &= own_memcpy(mine, theirs + to, size) == mine && memcmp(mine, theirs + to, size) == 0;
    return good;
}

int main(void)
{
    bool one = true, two = true, moves = true;
    make_texts();
    for (int i = 0; i < TEXTS; i++) {
        one &= agree_on_one(texts[i]);
        for (int j = 0; j < TEXTS; j++)
            two &= agree_on_two(texts[i], texts[j]);
    }
    for (size_t from = 0; from < 20; from++)
        for (size_t to = 0; to < 20; to++)
            for (size_t size = 0; size <= 40; size++)
                moves &= agree_on_a_move(from, to, size);
    ok(one, "the length of a text and a byte in it");
    ok(two, "two texts compared, one in another, and of one the bytes of another");
    ok(moves, "bytes moved, set and copied, also where the places overlap");
    return tap_end();
}
