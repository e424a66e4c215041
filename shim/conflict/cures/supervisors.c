/* SPDX-License-Identifier: MIT
 *
 * Holders that a supervisor starts again. Contract in cures.h.
 */
#include "cures.h"

#include <string.h>

/* Programs that start again what is only killed, and the command that they want instead. */
static const struct {
    char parent[20];
    char before[24], after[8];                             /* the command, around the name */
    enum { NOT_TOLD, FIRST_ARGUMENT, LAST_ARGUMENT } name; /* where keepers.c has found none */
    char list[24];                                         /* the command that tells it */
} supervisors[] = {
    {"supervisord", "supervisorctl stop ", "", NOT_TOLD, "supervisorctl status"},
    {"runsv", "sv stop ", "", LAST_ARGUMENT, ""},
    {"s6-supervise", "s6-svc -d ", "", LAST_ARGUMENT, ""},
    {"supervise", "svc -d ", "", LAST_ARGUMENT, ""},
    {"supervise-daemon", "rc-service ", " stop", FIRST_ARGUMENT, ""},
    {"dinit", "dinitctl stop ", "", NOT_TOLD, "dinitctl list"},
};

/* An argument of a command line, by the blanks between. */
static struct part argument_of(const struct process *process, bool first)
{
    const char *line = process->command, *end = line + process->command_length;
    const char *blank = memchr(line, ' ', process->command_length);
    if (blank == NULL)
        return (struct part){line, 0};
    const char *start = first ? blank + 1 : end, *stop = end;
    while (!first && start[-1] != ' ')
        start--;
    if (first && memchr(start, ' ', (size_t)(end - start)))
        stop = memchr(start, ' ', (size_t)(end - start));
    return (struct part){start, (size_t)(stop - start)};
}

bool write_by_supervisor(struct text *text, const struct owners *owners, const struct newcomer *newcomer)
{
    const struct process *parent = &owners->parent;
    size_t at = 0, count = sizeof supervisors / sizeof *supervisors;
    while (at < count && strcmp(supervisors[at].parent, parent->names.program) != 0)
        at++;
    if (owners->count == 0 || at == count)
        return false;
    /* A user's own: root's service of that name is another one. */
    if (parent->uid_known && parent->uid != 0 && newcomer->uid_known && newcomer->uid != parent->uid) {
        text_string(text, "as uid ");
        text_unsigned(text, parent->uid);
        text_string(text, ": ");
    }
    text_string(text, supervisors[at].before);
    struct part name = {owners->kept_as, strlen(owners->kept_as)};
    if (name.length == 0 && supervisors[at].name != NOT_TOLD)
        name = argument_of(parent, supervisors[at].name == FIRST_ARGUMENT);
    if (can_be_typed(name))
        write_part(text, name);
    else
        text_string(text, "NAME");
    text_strings(text, supervisors[at].after, ", if it is not needed: ", parent->names.program, " (pid ");
    text_signed(text, parent->pid);
    text_string(text, ") starts again what is only killed");
    if (!can_be_typed(name) && supervisors[at].list[0])
        text_strings(text, "; '", supervisors[at].list, "' tells the name");
    return true;
}
