/* SPDX-License-Identifier: MIT
 *
 * Contract in tally.h.
 */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
uint32_t tally_hash(const char *key, size_t length)
{
    uint32_t value = 2166136261U;
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)key[i]) * 16777619U;
    return value;
}

void tally_add(struct tally *tally, const char *key, size_t length)
{
    length = length < TALLY_KEY ? length : TALLY_KEY - 1;
    size_t slot = tally_hash(key, length) % TALLY_SLOTS;
    tally->total++;
    for (; tally->slots[slot]; slot = (slot + 1) % TALLY_SLOTS) {
        struct tally_row *row = &tally->rows[tally->slots[slot] - 1];
        if (memcmp(row->key, key, length) == 0 && row->key[length] == '\0') {
            row->count++;
            return;
        }
    }
    if (tally->count == TALLY_NAMES) {
        tally->others++;
        return;
    }
    struct tally_row *row = &tally->rows[tally->count++];
    tally->slots[slot] = (uint16_t)tally->count;
    memcpy(row->key, key, length);
    row->count = 1;
}

static int compare(const void *one, const void *other)
{
    const struct tally_row *a = one, *b = other;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->key, b->key);
}

void tally_sort(struct tally *tally)
{
    qsort(tally->rows, tally->count, sizeof *tally->rows, compare);
}
