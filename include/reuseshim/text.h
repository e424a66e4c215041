/* SPDX-License-Identifier: MIT
 *
 * Text put together in a buffer of fixed size. No system call, no allocation, async-signal-safe.
 *
 * Once something did not fit, `full` is set and nothing more is added: the text is then unfit to be
 * used as a whole, but what stands in it is never torn in the middle of an escape.
 */
#ifndef REUSESHIM_TEXT_H
#define REUSESHIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *start;
    size_t size;
    size_t used;
    bool full;
};

/* One byte of the buffer is kept for text_end. */
struct text text_in(char *buffer, size_t size);
/* Puts the NUL and returns the start. */
const char *text_end(struct text *text);

void text_bytes(struct text *text, const char *bytes, size_t count);
void text_string(struct text *text, const char *string);
void text_char(struct text *text, char c);
void text_unsigned(struct text *text, uint64_t value);
void text_signed(struct text *text, int64_t value);
/* At least `width` digits, zeros in front. */
void text_padded(struct text *text, uint64_t value, int width);
void text_hex(struct text *text, uint64_t value);

/* Strings one after the other: text_strings(text, "a", b, "c"). text_join takes a list that NULL ends. */
void text_join(struct text *text, const char *const *strings);
#define text_strings(text, ...) text_join(text, (const char *const[]){__VA_ARGS__, NULL})

/* What stands before item `at` of `count` in a list for people: "", ", " or " or ". */
void text_or(struct text *text, size_t at, size_t count);

/* The end of a string, which of a long path tells more than its beginning: "..." and the last `shown` bytes,
 * or all of it; escaped. */
void text_tail(struct text *text, const char *string, size_t shown);

/* Bytes from another process or from a file, made fit for a terminal and for a log that is read by
 * lines: well-formed UTF-8 stays; control characters, those that no one sees or that turn the direction of
 * writing, and everything else become \xNN. */
void text_escaped(struct text *text, const char *bytes, size_t count);

/* A name as one word of a sentence: escaped, and in quotes if it has anything in it that could be taken for
 * the sentence's own punctuation. */
void text_name(struct text *text, const char *name);
void text_quoted(struct text *text, const char *bytes, size_t count);

/* Is it one word to a shell as it stands? */
bool text_is_shell_word(const char *bytes, size_t count);

/* The same as a JSON string with its quotes, in which those characters are \uXXXX; a byte that is not UTF-8
 * becomes U+FFFD. NULL becomes null. */
void text_json(struct text *text, const char *bytes, size_t count);

/* A number, decimal, without sign or space, at most `limit`; false if there is anything else. */
bool text_to_number(const char *bytes, size_t count, uint64_t limit, uint64_t *value);

#endif
