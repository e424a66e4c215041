/* SPDX-License-Identifier: MIT
 *
 * Variables that are misspelt, also in their first part, where the library does not look. Contract in
 * command.h.
 */
#include "reuseshim/command.h"
#include "reuseshim/settings.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* "REUSSHIM_POLICY=x" */
static bool is_nearly_ours(const char *entry)
{
    enum { WRONG = 2 };
    size_t length = strcspn(entry, "=");
    enum variable nearest = variable_nearest(entry, length, WRONG);
    return nearest != VARIABLE_COUNT && entry[length] && entry[length + 1] &&
           strncmp(entry, variable_names[nearest], length) != 0;
}

void command_warn_of_variables(void)
{
    for (char *const *entry = environ; *entry; entry++) {
        struct complaint complaint;
        if (!variable_is_unknown(*entry) && !is_nearly_ours(*entry))
            continue;
        variable_complain(&complaint, *entry);
        command_error(complaint.line, (char *)NULL);
    }
}

bool command_names_only(void)
{
    struct complaint complaint;
    struct settings settings;
    const char *values[VARIABLE_COUNT] = {NULL};
    values[VARIABLE_COMMANDS] = getenv(variable_names[VARIABLE_COMMANDS]);
    return settings_parse(&settings, values, &complaint) && settings.names_only;
}
