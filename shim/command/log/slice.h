/* SPDX-License-Identifier: MIT
 *
 * A piece of a line, as it stands there. Pure.
 */
#ifndef REUSESHIM_COMMAND_SLICE_H
#define REUSESHIM_COMMAND_SLICE_H

#include "reuseshim/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For as long as the line is there; start NULL for none. */
struct slice {
    const char *start;
    size_t length;
};

/* What the bytes of a slice are: those of a JSON string, or of a text record, with their escapes. */
enum encoding { ENCODED_AS_JSON, ENCODED_AS_TEXT };

bool slice_is(const struct slice *slice, const char *word);
bool slice_begins(const struct slice *slice, const char *word);
/* The first place of `word` in the slice, NULL if it is not there. */
const char *slice_find(const struct slice *slice, const char *word);
/* From `at`, a place in it, to its end. */
struct slice slice_from(const struct slice *slice, const char *at);
struct slice slice_between(const char *start, const char *end);
/* How many digits it begins with. */
size_t slice_digits(const struct slice *slice);
/* Takes bytes off its front, at most all; the word only if it begins with it. */
void slice_skip(struct slice *slice, size_t count);
bool slice_skip_word(struct slice *slice, const char *word);
/* What the slice means, without its escapes, until `limit` bytes have been added. */
void slice_decode(struct text *text, const struct slice *slice, enum encoding encoding, size_t limit);

#endif
