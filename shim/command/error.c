/* SPDX-License-Identifier: MIT
 *
 * What the command complains about. Contract in command.h.
 */
#include "reuseshim/command.h"
#include "reuseshim/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void command_error(const char *first, ...)
{
    char line[8192];
    struct text text = text_in(line, sizeof line);
    va_list list;
    va_start(list, first);
    for (const char *part = first; part; part = va_arg(list, const char *))
        text_escaped(&text, part, strlen(part));
    va_end(list);
    fprintf(stderr, "reuseshim: %s%s\n", text_end(&text), text.full ? "..." : "");
}
