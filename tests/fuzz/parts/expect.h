/* SPDX-License-Identifier: MIT
 *
 * What the targets of libFuzzer share: what must hold, asked in a way that does not use the code that is
 * tested.
 */
#ifndef REUSESHIM_FUZZ_EXPECT_H
#define REUSESHIM_FUZZ_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what does not hold, and aborts: libFuzzer then keeps the input. */
void expect(bool holds, const char *what);

/* There is a NUL in the array. */
#define expect_string(array) expect(memchr((array), '\0', sizeof(array)) != NULL, #array " has no end")

bool is_utf8(const char *text, size_t length);
/* Well-formed UTF-8 in which nothing turns the direction of writing, and no control character but those of
 * `allowed`. */
void expect_clean(const char *text, size_t length, const char *allowed, const char *what);
/* One value of JSON, and nothing behind it. */
void expect_json(const char *text, size_t length, const char *what);

#endif
