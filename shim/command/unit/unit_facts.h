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
    UNIT_TYPE,
    UNIT_PID_FILE,
    UNIT_IDENTIFIER,
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
    UNIT_TRIGGERED_BY,
    UNIT_PROTECT_HOME,
    UNIT_PRIVATE_TMP,
    UNIT_INACCESSIBLE,
    UNIT_TEMPORARY,
    UNIT_BIND,
    UNIT_BIND_READ_ONLY,
    UNIT_NO_EXEC,
    UNIT_EXEC,
    UNIT_UNSET,
    UNIT_PROPERTIES
};

struct unit_facts {
    bool answered; /* by systemctl */
    bool asked;    /* and the unit exists and can be loaded */
    char *text;
    const char *values[UNIT_PROPERTIES]; /* into the text; "" where not told */
};

/* Nothing is known. */
void unit_facts_begin(struct unit_facts *facts);
/* Asks systemctl(1) for more; of a template, foo@.service, as of an instance. */
void unit_facts_ask(struct unit_facts *facts, const char *unit);
void unit_facts_free(struct unit_facts *facts);

struct socket_facts {
    bool starts_it; /* the socket unit is there, for that service */
    bool in_use;    /* it is active, or will be after the next boot */
    bool has_port;  /* it listens on an Internet address, and not only on paths */
};
struct socket_facts unit_socket_ask(const char *socket, const char *unit);

/* Is the word in a list as systemctl prints it, "a b c", or not in "~a b c"? An empty list forbids nothing.
 */
bool unit_allows(const char *list, const char *word);

/* The unit's files as they are, to be freed; NULL where systemctl does not tell. */
char *unit_files(const char *unit);

/* The program of ExecStart (of several, the last), into `path`; "" where not told. Of one that is run by
 * `reuseshim run --trap --` already it is the program behind that. */
void unit_program(const struct unit_facts *facts, char *path, size_t size);

/* The value that Environment= gives a variable, without systemctl's quoting, into `value`; "" if none. */
void unit_variable(const struct unit_facts *facts, const char *name, char *value, size_t size);

#endif
