/* SPDX-License-Identifier: MIT
 *
 * Variables that are not there, and which one was meant. Contract in settings.h.
 */
#include "reuseshim/settings.h"

#include <string.h>

static const char prefix[] = "REUSESHIM_";
enum { PREFIX = sizeof prefix - 1, NAME_MAX_LENGTH = 40 };

static bool begins_with(const char *string, const char *start)
{
    return strncmp(string, start, strlen(start)) == 0;
}

bool variable_is_unknown(const char *entry)
{
    size_t length = strcspn(entry, "=");
    if (!begins_with(entry, prefix) || begins_with(entry + PREFIX, "TEST_") || entry[length] == '\0' ||
        entry[length + 1] == '\0')
        return false;
    for (int i = 0; i < VARIABLE_COUNT; i++)
        if (strlen(variable_names[i]) == length && strncmp(entry, variable_names[i], length) == 0)
            return false;
    return true;
}

static bool same_letter(char one, char other)
{
    return (one | ' ') == (other | ' ');
}

static unsigned least(unsigned one, unsigned other)
{
    return one < other ? one : other;
}

/* How many letters to change, add, leave out or exchange with their neighbour make `word` of `name`: row by
 * row of the usual table, of which the last three count. */
static unsigned distance(const char *name, size_t length, const char *word)
{
    uint8_t rows[3][NAME_MAX_LENGTH + 1];
    size_t width = strlen(word);
    if (length > NAME_MAX_LENGTH || width > NAME_MAX_LENGTH)
        return NAME_MAX_LENGTH;
    for (size_t at = 0; at <= width; at++)
        rows[0][at] = (uint8_t)at;
    for (size_t i = 1; i <= length; i++) {
        uint8_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (uint8_t)i;
        for (size_t at = 1; at <= width; at++) {
            unsigned cost = above[at - 1] + !same_letter(name[i - 1], word[at - 1]);
            cost = least(cost, least(above[at], row[at - 1]) + 1U);
            if (i > 1 && at > 1 && same_letter(name[i - 1], word[at - 2]) &&
                same_letter(name[i - 2], word[at - 1]))
                cost = least(cost, before[at - 2] + 1U);
            row[at] = (uint8_t)cost;
        }
    }
    return rows[length % 3][width];
}

enum variable variable_nearest(const char *name, size_t length, unsigned limit)
{
    int nearest = VARIABLE_COUNT;
    unsigned best = limit + 1;
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        unsigned wrong = distance(name, length, variable_names[i]);
        if (wrong < best) {
            best = wrong;
            nearest = i;
        }
    }
    return (enum variable)nearest;
}

void variable_complain(struct complaint *complaint, const char *entry)
{
    enum { SHOWN = 80 };
    struct text text = text_in(complaint->line, sizeof complaint->line);
    /* Half of the letters behind the prefix may be wrong. */
    size_t length = strcspn(entry, "=");
    unsigned own_letters = length > PREFIX ? (unsigned)(length - PREFIX) : 0;
    enum variable nearest = variable_nearest(entry, length, own_letters / 2);
    text_escaped(&text, entry, length < SHOWN ? length : SHOWN);
    text_string(&text, length > SHOWN ? "...: no such variable; expected " : ": no such variable; expected ");
    for (size_t i = 0; nearest == VARIABLE_COUNT && i < VARIABLE_COUNT; i++) {
        text_or(&text, i, VARIABLE_COUNT);
        text_string(&text, variable_names[i]);
    }
    if (nearest != VARIABLE_COUNT)
        text_string(&text, variable_names[nearest]);
    text_end(&text);
}
