/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: what systemctl prints of a unit. The source is included: what it reads comes from a child, which
 * no fuzzer starts a thousand times a second.
 */
#include "../../shim/command/unit/unit_facts.c"

#include "../../shim/command/unit/exec_start.h"
#include "parts/expect.h"

/* In memory that ends where the room does. */
static char *room_of(size_t size)
{
    char *room = malloc(size);
    if (room == NULL)
        abort();
    return room;
}

/* The files of a unit, as `systemctl cat` prints them. */
static void read_files(const char *files)
{
    static const char before[] = "/usr/bin/reuseshim run --trap --";
    char *room = room_of(4096);
    struct text lines = text_in(room, 4096);
    const char *reason = exec_start_write(&lines, files, before);
    const char *written = text_end(&lines);
    expect(strncmp(written, "ExecStart=\n", 11) == 0, "the list is taken away first");
    for (const char *line = written; !reason && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        expect(strncmp(line, "ExecStart=", 10) == 0, "nothing but ExecStart= is written");
        expect(line == written || strstr(line, before) != NULL, "each has the trap before it");
    }
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const variables[] = {"LD_PRELOAD", "REUSESHIM_POLICY", "A"};
    struct unit_facts facts;
    char *path = room_of(64), *value = room_of(64);
    unit_facts_begin(&facts);
    facts.text = strndup((const char *)data, size);
    if (facts.text == NULL)
        abort();
    read_files(facts.text);
    take_apart(&facts);
    for (int i = 0; i < UNIT_PROPERTIES; i++)
        expect(strchr(facts.values[i], '\n') == NULL, "a value is of one line");
    unit_program(&facts, path, 64);
    expect(memchr(path, '\0', 64) != NULL && path[strcspn(path, " ;")] == '\0', "a program is a word");
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        unit_variable(&facts, variables[i], value, 64);
        expect(memchr(value, '\0', 64) != NULL, "a value has an end");
    }
    bool some = unit_allows(facts.values[UNIT_FAMILIES], "AF_NETLINK");
    expect(some || facts.values[UNIT_FAMILIES][0], "an empty list forbids nothing");
    (void)unit_allows(facts.values[UNIT_SYSTEM_CALLS], "pidfd_getfd");
    unit_facts_free(&facts);
    free(path);
    free(value);
    return 0;
}
