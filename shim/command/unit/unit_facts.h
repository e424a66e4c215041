/* SPDX-License-Identifier: MIT
 *
 * What systemd says of a unit.
 */
#ifndef REUSESHIM_COMMAND_UNIT_FACTS_H
#define REUSESHIM_COMMAND_UNIT_FACTS_H

#include <stdbool.h>
#include <stddef.h>

enum property {
    UNIT_LOAD_STATE,
    UNIT_EXEC_START,
    UNIT_ENVIRONMENT,
    UNIT_FAMILIES,
    UNIT_SYSTEM_CALLS,
    UNIT_CALL_ERROR,
    UNIT_USER,
    UNIT_DYNAMIC_USER,
    UNIT_AMBIENT,
    UNIT_BOUNDING,
    UNIT_PRIVATE_NETWORK,
    UNIT_PROTECT_PROC,
    UNIT_ROOT,
    UNIT_ROOT_IMAGE,
    UNIT_ENVIRONMENT_FILES,
    UNIT_PROPERTIES
};

struct unit_facts {
    bool asked; /* systemctl answered, and the unit exists */
    char *text;
    const char *values[UNIT_PROPERTIES]; /* into the text; "" where not told */
};

/* Asks systemctl(1). False if there is no memory; without systemctl, or without that unit, `asked` is false.
 */
bool unit_facts_ask(struct unit_facts *facts, const char *unit);
void unit_facts_free(struct unit_facts *facts);

/* Is the word in a list as systemctl prints it, "a b c", or not in "~a b c"? An empty list forbids nothing.
 */
bool unit_allows(const char *list, const char *word);

/* The program of ExecStart (of several, the last), into `path`; "" where not told. */
void unit_program(const struct unit_facts *facts, char *path, size_t size);

/* The value that Environment= gives a variable, without systemctl's quoting, into `value`; "" if none. */
void unit_variable(const struct unit_facts *facts, const char *name, char *value, size_t size);

#endif
