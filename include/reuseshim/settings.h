/* SPDX-License-Identifier: MIT
 *
 * The variables REUSESHIM_*: their names, and what their values mean. Pure, async-signal-safe.
 */
#ifndef REUSESHIM_SETTINGS_H
#define REUSESHIM_SETTINGS_H

#include "reuseshim/logs.h"
#include "reuseshim/policy.h"

enum variable {
    VARIABLE_POLICY,
    VARIABLE_RULES,
    VARIABLE_LOG,
    VARIABLE_FORMAT,
    VARIABLE_LEVEL,
    VARIABLE_ON_ERROR,
    VARIABLE_DIAGNOSE,
    VARIABLE_BUDGET_MS,
    VARIABLE_COMMANDS,
    VARIABLE_COUNT
};
enum { VARIABLE_ROOM = 24 };
extern const char variable_names[VARIABLE_COUNT][VARIABLE_ROOM];

enum level { LEVEL_ERROR, LEVEL_CONFLICT, LEVEL_CHANGE, LEVEL_TRACE };
enum diagnose { DIAGNOSE_AUTO, DIAGNOSE_ALWAYS, DIAGNOSE_NEVER };

struct settings {
    const char *policy; /* a name, or a path if it contains '/' */
    const char *rules;  /* NULL for none */
    const char *log_path;
    int log_fd;
    enum log_kind log;
    enum level level;
    enum diagnose diagnose;
    bool json;
    bool exit_on_error;
    bool names_only; /* of command lines, leave the arguments out */
    unsigned budget_ms;
};

/* Reads the values (NULL or "" for a variable that is not set). Always leaves settings fit for use: a value
 * that is not understood counts as not set. False, with the complaint about the first of those, if there
 * was one. The settings point into the values. */
bool settings_parse(struct settings *settings, const char *const values[VARIABLE_COUNT],
                    struct complaint *complaint);

/* "auto, stderr, ... or none", "text or json": what a variable may be, into `text`. */
void settings_write_expected(struct text *text, enum variable variable);

/* ---- misspelt names ---------------------------------------------------------------------------- */

/* Does a word of an environment, "NAME=value", set a REUSESHIM_ variable that there is not? An empty value
 * sets nothing, and REUSESHIM_TEST_* is for tests. */
bool variable_is_unknown(const char *entry);
/* The variable that a name of `length` bytes is most like, if no more than `limit` letters are wrong,
 * missing, too many or exchanged; VARIABLE_COUNT if there is none. */
enum variable variable_nearest(const char *name, size_t length, unsigned limit);
/* "REUSESHIM_POLCIY: no such variable; expected REUSESHIM_POLICY": of a word of an environment, or of a name.
 */
void variable_complain(struct complaint *complaint, const char *entry);

#endif
