/* SPDX-License-Identifier: MIT
 *
 * The command: from the first word to the subcommand.
 */
#include "reuseshim/command.h"
#include "reuseshim/text.h"
#include "reuseshim/version.h"
#include "subcommands.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBCOMMAND_ROW(name, arguments, purpose) {#name, command_##name, arguments, purpose},
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
    const char *purpose;
} subcommands[] = {SUBCOMMANDS(SUBCOMMAND_ROW)};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof *subcommands };

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

static void usage(FILE *file)
{
    fputs("usage:\n", file);
    for (int i = 0; i < SUBCOMMAND_COUNT; i++)
        fprintf(file, "  reuseshim %-8s %-38s  %s\n", subcommands[i].name, subcommands[i].arguments,
                subcommands[i].purpose);
    fputs("  reuseshim --version | --help\n\nEach subcommand has --help; reuseshim(1) has all of it.\n",
          file);
}

/* An answer that could not be written is no answer. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    command_error("standard output: ", strerror(errno), (char *)NULL);
    return EXIT_TROUBLE;
}

static void complain_unknown(const char *word)
{
    char names[256];
    struct text text = text_in(names, sizeof names);
    for (int i = 0; i < SUBCOMMAND_COUNT; i++)
        text_strings(&text, subcommands[i].name, ", ");
    command_error("'", word, "': expected ", text_end(&text), "--version or --help", (char *)NULL);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) {
        puts("reuseshim " REUSESHIM_VERSION);
        return finish(EXIT_SUCCESS);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        usage(stdout);
        return finish(EXIT_SUCCESS);
    }
    for (int i = 0; i < SUBCOMMAND_COUNT; i++)
        if (strcmp(word, subcommands[i].name) == 0)
            return finish(subcommands[i].run(argc - 1, argv + 1));
    if (argc > 1)
        complain_unknown(word);
    else
        usage(stderr);
    return EXIT_USAGE;
}
