/* SPDX-License-Identifier: MIT
 *
 * A JSON reader that keeps a dozen values of an object and checks the form of the rest. Pure.
 */
#ifndef REUSESHIM_COMMAND_JSON_READER_H
#define REUSESHIM_COMMAND_JSON_READER_H

#include "slice.h"

enum { JSON_BEHIND = 8 }; /* bytes behind the newline that may be looked at, too */

struct json_reader {
    const char *at;      /* the newline at the end of the line stops every loop */
    const char *trouble; /* the first thing that is wrong, in a few words */
};

/* Reads a value into `into`; false if there is none. */
typedef bool json_taker(struct json_reader *reader, void *into);
json_taker json_take_string; /* into a struct slice; passes over what is no string */
json_taker json_take_port;   /* into an int32_t; passes over what is no port */
json_taker json_take_count;  /* into a uint64_t */

struct json_member {
    const char *key;
    size_t length;
    json_taker *take;
    size_t offset; /* from the base on */
};

#define JSON_WHOLE(name, taker)                                                                              \
    {                                                                                                        \
        name, sizeof(name) - 1, taker, 0                                                                     \
    }
#define JSON_MEMBER(name, taker, type, field)                                                                \
    {                                                                                                        \
        name, sizeof(name) - 1, taker, offsetof(type, field)                                                 \
    }

bool json_read_object(struct json_reader *reader, void *base, const struct json_member *members,
                      size_t count);
/* The first object of an array; the others are passed over, and so is what is no array. */
bool json_read_first(struct json_reader *reader, void *base, const struct json_member *members, size_t count);
bool json_read_string(struct json_reader *reader, struct slice *slice);
bool json_skip_value(struct json_reader *reader);
void json_skip_blanks(struct json_reader *reader);
/* Passes over blanks and this character; false if it is another. */
bool json_take(struct json_reader *reader, char c);
/* Notes the trouble if it is the first; always false. */
bool json_fail(struct json_reader *reader, const char *trouble);

#endif
