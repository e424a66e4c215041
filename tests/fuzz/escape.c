/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: names that others chose, in a sentence, in JSON, and in each form of a record.
 */
#include "../../shim/command/log/slice.h"
#include "parts/expect.h"
#include "parts/record_forms.h"
#include "reuseshim/conflict.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 16 };

static char first[ROOM], second[ROOM];

static struct text escaped_in(char *room, const char *bytes, size_t count)
{
    struct text text = text_in(room, ROOM);
    text_escaped(&text, bytes, count);
    text_end(&text);
    expect(!text.full, "it fits");
    return text;
}

/* Our own reader takes a string of JSON for what it was. */
static void check_read_back(const struct text *json, const char *bytes, size_t count)
{
    const struct slice slice = {json->start + 1, json->used - 2};
    struct text text = text_in(second, sizeof second);
    slice_decode(&text, &slice, ENCODED_AS_JSON, sizeof second);
    expect(is_utf8(second, text.used), "what is read back is UTF-8");
    if (is_utf8(bytes, count) && (count == 0 || memchr(bytes, '\0', count) == NULL))
        expect(text.used == count && memcmp(second, bytes, count) == 0,
               "what is read back is what was there");
}

static void check_words(const char *bytes, size_t count)
{
    struct text text = escaped_in(first, bytes, count);
    expect_clean(first, text.used, "", "escaped text is clean");
    struct text again = escaped_in(second, first, text.used);
    expect(again.used == text.used && memcmp(first, second, text.used) == 0, "what is clean stays as it is");

    text = text_in(first, sizeof first);
    text_quoted(&text, bytes, count);
    expect_clean(first, text.used, "", "quoted text is clean");
    expect(text.used >= 2 && memchr(first + 1, '"', text.used - 2) == NULL, "a quote ends at its end");

    text = text_in(first, sizeof first);
    text_json(&text, bytes, count);
    expect_clean(first, text.used, "", "a string of JSON is clean");
    expect_json(first, text.used, "a string of JSON is JSON");
    check_read_back(&text, bytes, count);
}

/* In a room that is too small nothing is torn, and nothing is written behind it. */
static void check_small_room(const char *bytes, size_t count)
{
    size_t size = 1 + count / 2;
    char *room = malloc(size);
    if (room == NULL)
        abort();
    struct text text = text_in(room, size);
    text_escaped(&text, bytes, count);
    text_end(&text);
    expect_clean(room, text.used, "", "what fits of an escaped text is clean");
    text = text_in(room, size);
    text_json(&text, bytes, count);
    text_end(&text);
    free(room);
}

static void check_names(const char *name)
{
    struct text text = text_in(first, sizeof first);
    text_name(&text, name);
    expect_clean(first, text.used, "", "a name is clean");
    bool plain = text.used && first[0] != '"';
    expect(!plain || memchr(first, ';', text.used) == NULL, "a name is no part of the sentence");
    text = text_in(first, sizeof first);
    text_tail(&text, name, 40);
    expect_clean(first, text.used, "", "the end of a name is clean");
}

static void copy(char *room, size_t size, const char *string)
{
    strncpy(room, string, size - 1);
    room[size - 1] = '\0';
}

/* The name wherever somebody else may choose one. */
static void check_record(const char *name)
{
    static const unsigned char loopback[4] = {127, 0, 0, 1};
    static struct conflict conflict;
    struct newcomer newcomer = {.error = EADDRINUSE, .fd = 3, .family = AF_UNIX, .type = 1, .protocol = 6};
    struct holder *holder = &conflict.holders[0];
    struct owners *owners = &conflict.owners[0];
    struct process *process = &owners->processes[0];
    size_t length = strlen(name);
    memset(&conflict, 0, offsetof(struct conflict, room));
    newcomer.local.family = AF_UNIX;
    newcomer.path.length = (uint8_t)(length < 108 ? length : 108);
    memcpy(newcomer.path.bytes, name, newcomer.path.length);
    *holder = holder_unknown();
    holder->local = endpoint_of(AF_INET, loopback, 80);
    holder->owner = OWNER_KNOWN;
    holder->cgroup = 1;
    copy(holder->device_name, sizeof holder->device_name, name);
    copy(conflict.cgroups[0].path, CGROUP_ROOM, name);
    copy(owners->cgroup, CGROUP_ROOM, name);
    conflict.holder_count = owners->count = 1;
    process->pid = 7;
    copy(process->names.program, NAME_ROOM, name);
    copy(process->names.executable, NAME_ROOM, name);
    process->state = name[0];
    process->command_length = (uint16_t)(length < COMMAND_ROOM ? length : COMMAND_ROOM);
    memcpy(process->command, name, process->command_length);
    struct record record = {
        .newcomer = &newcomer, .conflict = &conflict, .policy = name, .program = process->names.program};
    copy(record.host, sizeof record.host, name);
    expect_record(&record);
    newcomer.path.bytes[0] = '\0';
    expect_record(&record);
    conflict.source = SOURCE_EARLIER;
    record.repeated = 1;
    expect_record(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    if (size > ROOM / 8)
        return 0;
    check_words(bytes, size);
    check_small_room(bytes, size);
    char *name = strndup(bytes, size);
    if (name == NULL)
        abort();
    check_names(name);
    check_record(name);
    free(name);
    return 0;
}
