/* SPDX-License-Identifier: MIT
 *
 * Contract in json_writer.h.
 */
#include "json_writer.h"

#include <string.h>

static void separate(struct json *json)
{
    if (json->comma)
        text_char(json->text, ',');
    json->comma = true;
}

void json_open(struct json *json, char bracket)
{
    text_char(json->text, bracket);
    json->comma = false;
}

void json_close(struct json *json, char bracket)
{
    text_char(json->text, bracket);
    json->comma = true;
}

void json_key(struct json *json, const char *name)
{
    separate(json);
    text_strings(json->text, "\"", name, "\":");
}

void json_item(struct json *json)
{
    separate(json);
}

void json_bytes(struct json *json, const char *key, const char *bytes, size_t count)
{
    json_key(json, key);
    text_json(json->text, bytes, count);
}

void json_string(struct json *json, const char *key, const char *value)
{
    json_bytes(json, key, value, value ? strlen(value) : 0);
}

void json_number(struct json *json, const char *key, bool known, int64_t value)
{
    json_key(json, key);
    if (known)
        text_signed(json->text, value);
    else
        text_string(json->text, "null");
}

void json_tristate(struct json *json, const char *key, tristate value)
{
    json_key(json, key);
    text_string(json->text, value == YES ? "true" : value == NO ? "false" : "null");
}
