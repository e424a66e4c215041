/* SPDX-License-Identifier: MIT
 *
 * An input in sections, each under a line "%%NAME": what the kernel answers, or what a target is told. A
 * format that a person can read, and that stays one where the fuzzer puts two inputs together.
 */
#ifndef REUSESHIM_FUZZ_SECTIONS_H
#define REUSESHIM_FUZZ_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECTIONS_MAX = 256 };

struct section {
    const char *name, *bytes;
    size_t name_length, length;
    unsigned used; /* how many times it has been found */
};

struct sections {
    size_t count;
    struct section list[SECTIONS_MAX];
};

void sections_read(struct sections *sections, const uint8_t *data, size_t size);

/* The section that answers for a path: named as it is, or as its end behind a '/'. Of several the one that
 * has been asked the least, so that a file may say something else the next time. NULL for none. */
struct section *sections_for_path(struct sections *sections, const char *path);
/* The next one of that very name, in their order; each only once. NULL if there is none left. */
struct section *sections_next(struct sections *sections, const char *name);
/* Byte `at` of the first section of that name; 0 where there is none. */
uint8_t sections_byte(const struct sections *sections, const char *name, size_t at);
/* What the first section of that name has, as a string in memory to be freed, cut at its last newline. */
char *sections_string(const struct sections *sections, const char *name);

#endif
