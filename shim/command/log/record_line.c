/* SPDX-License-Identifier: MIT
 *
 * Contract in record_line.h.
 */
#include "record_line.h"

#include "json_reader.h"
#include "log_time.h"

#define MEMBER(name, taker, field) JSON_MEMBER(name, taker, struct record_line, field)
#define COUNT(members)             (sizeof(members) / sizeof *(members))

const char record_line_foreign[] = "a JSON object without event and time";

static bool take_local(struct json_reader *reader, void *into)
{
    static const struct json_member members[] = {MEMBER("port", json_take_port, local_port),
                                                 MEMBER("path", json_take_string, local_path)};
    return *reader->at == '{' ? json_read_object(reader, into, members, COUNT(members))
                              : json_skip_value(reader);
}

static bool take_processes(struct json_reader *reader, void *into)
{
    static const struct json_member members[] = {MEMBER("program", json_take_string, holder_program)};
    return json_read_first(reader, into, members, COUNT(members));
}

static bool take_holders(struct json_reader *reader, void *into)
{
    static const struct json_member members[] = {
        MEMBER("state", json_take_string, holder_state),
        MEMBER("owner", json_take_string, holder_owner),
        MEMBER("unit", json_take_string, holder_unit),
        MEMBER("container", json_take_string, holder_container),
        JSON_WHOLE("processes", take_processes),
    };
    return json_read_first(reader, into, members, COUNT(members));
}

const char *record_line_read(struct record_line *record, const char *line, const char *end)
{
    static const struct json_member members[] = {
        MEMBER("time", json_take_string, time),
        MEMBER("event", json_take_string, event),
        MEMBER("program", json_take_string, program),
        MEMBER("protocol", json_take_string, protocol),
        JSON_WHOLE("local", take_local),
        MEMBER("cause", json_take_string, cause),
        JSON_WHOLE("holders", take_holders),
        MEMBER("repeated", json_take_count, repeated),
        MEMBER("lost", json_take_count, lost),
    };
    struct json_reader reader = {.at = line};
    *record = (struct record_line){.local_port = -1, .encoding = ENCODED_AS_JSON, .timed = true};
    if (!json_read_object(&reader, record, members, COUNT(members)))
        return reader.trouble;
    json_skip_blanks(&reader);
    if (reader.at != end)
        return "something behind its end";
    if (record->event.start == NULL || record->time.start == NULL)
        return record_line_foreign;
    const char *behind = log_time_rfc3339(&record->time, &record->time_us);
    return behind == record->time.start + record->time.length && behind[-1] == 'Z'
               ? NULL
               : "its time is not RFC 3339";
}
