/* SPDX-License-Identifier: MIT
 *
 * Contract in occasions.h.
 */
#include "occasions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_names(char names[OCCASION_NAMES][TALLY_KEY])
{
    uint32_t value = 0;
    for (int i = 0; i < OCCASION_NAMES; i++)
        value = value * 31 + tally_hash(names[i], strlen(names[i]));
    return value;
}

static bool are_names_of(const struct occasion *occasion, char names[OCCASION_NAMES][TALLY_KEY])
{
    for (int i = 0; i < OCCASION_NAMES; i++)
        if (strcmp(occasion->names[i], names[i]) != 0)
            return false;
    return true;
}

/* The one with these names, a new one if there is none; NULL if there is no room. */
static struct occasion *find(struct occasions *occasions, char names[OCCASION_NAMES][TALLY_KEY])
{
    size_t slot = hash_names(names) % OCCASION_SLOTS;
    for (; occasions->slots[slot]; slot = (slot + 1) % OCCASION_SLOTS) {
        struct occasion *row = &occasions->rows[occasions->slots[slot] - 1];
        if (are_names_of(row, names))
            return row;
    }
    if (occasions->count == OCCASIONS_MAX)
        return NULL;
    struct occasion *row = &occasions->rows[occasions->count++];
    occasions->slots[slot] = (uint16_t)occasions->count;
    memcpy(row->names, names, sizeof row->names);
    return row;
}

void occasions_add(struct occasions *occasions, char names[OCCASION_NAMES][TALLY_KEY], const int64_t *second)
{
    struct occasion *row = find(occasions, names);
    if (row == NULL) {
        occasions->others++;
        return;
    }
    row->count++;
    if (second == NULL)
        return;
    if (row->timed == 0 || *second < row->first)
        row->first = *second;
    if (row->timed == 0 || *second > row->last)
        row->last = *second;
    row->timed++;
    timeline_add(&row->timeline, *second);
}

static int compare(const void *one, const void *other)
{
    const struct occasion *a = one, *b = other;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return memcmp(a->names, b->names, sizeof a->names);
}

void occasions_sort(struct occasions *occasions)
{
    qsort(occasions->rows, occasions->count, sizeof *occasions->rows, compare);
}
