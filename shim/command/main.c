/* SPDX-License-Identifier: MIT
 *
 * The command: a table of subcommands.
 */
#include "reuseshim/command.h"
#include "reuseshim/text.h"
#include "reuseshim/version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
    const char *purpose;
} subcommands[] = {
    {"run", command_run, "[OPTION]... [--] COMMAND [ARG]...", "run a program under the library"},
    {"why", command_why, "[OPTION]... [ADDRESS:]PORT | PATH",
     "tell who has a port, why it is refused, and what helps"},
    {"check", command_check, "[--json] [POLICY | FILE]",
     "print the rules of a policy, or what is wrong with it"},
    {"policies", command_policies, "[--json] [NAME]", "list the shipped policies, or print one"},
    {"log", command_log, "[--json] [-n ROWS] [FILE]...", "sum up records, from files or standard input"},
    {"unit", command_unit, "[-p POLICY] [-f FORMAT] UNIT", "print a drop-in for a systemd service"},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

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
    for (int i = 0; i < SUBCOMMANDS; i++)
        fprintf(file, "  reuseshim %-8s %-34s  %s\n", subcommands[i].name, subcommands[i].arguments,
                subcommands[i].purpose);
    fputs("  reuseshim --version | --help\n\nEach has --help of its own; reuseshim(1) tells all of it.\n",
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
    for (int i = 0; i < SUBCOMMANDS; i++)
        if (strcmp(word, subcommands[i].name) == 0)
            return finish(subcommands[i].run(argc - 1, argv + 1));
    if (argc > 1)
        command_error("'", word, "': expected run, why, check, policies, log, unit, --version or --help",
                      (char *)NULL);
    else
        usage(stderr);
    return EXIT_USAGE;
}
