/* SPDX-License-Identifier: MIT
 *
 * JSON put together in a bounded text: keys, values, and the commas between them. Private to shim/record.
 * Pure.
 */
#ifndef REUSESHIM_RECORD_JSON_WRITER_H
#define REUSESHIM_RECORD_JSON_WRITER_H

#include "reuseshim/text.h"
#include "reuseshim/tristate.h"

struct json {
    struct text *text;
    bool comma; /* something stands before what comes next */
};

/* An object or an array: '{' or '[', and the other end of it. A value inside an array is an item. */
void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);
void json_key(struct json *json, const char *name);
void json_item(struct json *json);

/* A key and its value; null for NULL, for what is not known, for UNKNOWN. */
void json_string(struct json *json, const char *key, const char *value);
void json_bytes(struct json *json, const char *key, const char *bytes, size_t count);
void json_number(struct json *json, const char *key, bool known, int64_t value);
void json_tristate(struct json *json, const char *key, tristate value);

#endif
