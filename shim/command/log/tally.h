/* SPDX-License-Identifier: MIT
 *
 * Counting by name in bounded memory.
 */
#ifndef REUSESHIM_COMMAND_TALLY_H
#define REUSESHIM_COMMAND_TALLY_H

#include <stddef.h>
#include <stdint.h>

enum { TALLY_NAMES = 8192, TALLY_SLOTS = 4 * TALLY_NAMES, TALLY_KEY = 160 };

struct tally_row {
    char key[TALLY_KEY];
    uint64_t count;
};

/* All zero to begin with. Once TALLY_NAMES different names have come, further ones are counted as others. */
struct tally {
    uint32_t count;
    uint64_t total, others;
    uint16_t slots[TALLY_SLOTS]; /* 1 + index of a row; 0: free */
    struct tally_row rows[TALLY_NAMES];
};

/* Spreads names over slots. */
uint32_t tally_hash(const char *key, size_t length);
/* A longer key is cut at TALLY_KEY - 1 bytes. */
void tally_add(struct tally *tally, const char *key, size_t length);
/* The greatest first, equals by name. Nothing may be added afterwards. */
void tally_sort(struct tally *tally);

#endif
