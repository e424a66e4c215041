/* SPDX-License-Identifier: MIT
 *
 * Contract in starter.h.
 */
#include "starter.h"

#include "../program/launcher.h"
#include "reuseshim/command.h"

#include <stdio.h>
#include <string.h>

/* systemctl puts one blank between the arguments, and quotes none: good enough to look for words. */
static int take_apart(char *line, char *words[], int room)
{
    int count = 0;
    for (char *word = strtok(line, " "); word && count < room - 1; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

void starter_tell(const struct plan *plan, const char *library)
{
    static const char key[] = "argv[]=";
    enum { WORDS = 256 };
    static char line[8192];
    char *words[WORDS], told[1024];
    const char *at = strstr(plan->facts.values[UNIT_EXEC_START], key), *trouble;
    struct text text = text_in(told, sizeof told);
    if (at == NULL)
        return;
    at += sizeof key - 1;
    const char *end = strstr(at, " ; ");
    snprintf(line, sizeof line, "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
    if (take_apart(line, words, WORDS) == 0)
        return;
    char *const *inner = launcher_unwrap(words, &trouble);
    const struct launcher *launcher = launcher_find(*inner);
    if (trouble)
        text_string(&text, trouble);
    else if (launcher == NULL || !launcher_explain(&text, launcher, inner, library))
        return;
    command_error("unit: ", plan->unit, ": its command is ", *inner, ": ", text_end(&text), (char *)NULL);
    printf("# %s: %s\n", *inner, text_end(&text));
}
