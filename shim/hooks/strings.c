/* SPDX-License-Identifier: MIT
 *
 * The functions of <string.h> that this library uses, for itself alone. A process that never makes a socket
 * pays for the library when it is loaded: most of that is the search for names in libc, and half of the names
 * were these (tests/bench/README.md). They are hidden (exports.map), and the compiler's own calls come here
 * too.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Keeps a compiler from seeing in a loop the very function that it is in, and calling that. */
#define NO_IDIOM() __asm__ volatile("" ::: "memory")

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    unsigned char *target = to;
    const unsigned char *source = from;
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(size) : : "memory");
#else
    for (; size; size--) {
        *target++ = *source++;
        NO_IDIOM();
    }
#endif
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    if ((uintptr_t)target - (uintptr_t)source >= size)
        return memcpy(to, from, size);
    while (size--) {
        target[size] = source[size];
        NO_IDIOM();
    }
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *target = to;
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("rep stosb" : "+D"(target), "+c"(size) : "a"(byte) : "memory");
#else
    for (; size; size--) {
        *target++ = (unsigned char)byte;
        NO_IDIOM();
    }
#endif
    return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const unsigned char *a = one, *b = other;
    for (; size; a++, b++, size--) {
        if (*a != *b)
            return *a - *b;
        NO_IDIOM();
    }
    return 0;
}

void *memchr(const void *bytes, int byte, size_t size)
{
    const unsigned char *at = bytes;
    for (; size; at++, size--) {
        if (*at == (unsigned char)byte)
            return (void *)(uintptr_t)at;
        NO_IDIOM();
    }
    return NULL;
}

size_t strnlen(const char *text, size_t size)
{
    size_t length = 0;
    while (length < size && text[length]) {
        length++;
        NO_IDIOM();
    }
    return length;
}

size_t strlen(const char *text)
{
    return strnlen(text, SIZE_MAX);
}

int strncmp(const char *one, const char *other, size_t size)
{
    for (; size; one++, other++, size--) {
        if (*one != *other || *one == '\0')
            return (unsigned char)*one - (unsigned char)*other;
        NO_IDIOM();
    }
    return 0;
}

int strcmp(const char *one, const char *other)
{
    for (; *one && *one == *other; one++, other++)
        NO_IDIOM();
    return (unsigned char)*one - (unsigned char)*other;
}

char *strchr(const char *text, int byte)
{
    return memchr(text, byte, strlen(text) + 1);
}

char *strrchr(const char *text, int byte)
{
    for (size_t at = strlen(text) + 1; at; at--)
        if (text[at - 1] == (char)byte)
            return (char *)(uintptr_t)(text + at - 1);
    return NULL;
}

char *strstr(const char *text, const char *wanted)
{
    size_t length = strlen(wanted);
    for (; *text || length == 0; text++)
        if (length == 0 || (*text == *wanted && strncmp(text, wanted, length) == 0))
            return (char *)(uintptr_t)text;
    return NULL;
}

size_t strspn(const char *text, const char *accepted)
{
    size_t length = 0;
    while (text[length] && strchr(accepted, text[length]))
        length++;
    return length;
}

size_t strcspn(const char *text, const char *rejected)
{
    size_t length = 0;
    while (text[length] && !strchr(rejected, text[length]))
        length++;
    return length;
}
