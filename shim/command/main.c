/* SPDX-License-Identifier: MIT
 *
 * The command: from the first word to the subcommand.
 */
#include "reuseshim/command.h"
#include "reuseshim/text.h"
#include "reuseshim/version.h"
#include "subcommands.h"

#include <errno.h>
#include <stdbool.h>
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

static const char *const version_words[] = {"--version", "version", "-V", NULL};
static const char *const help_words[] = {"--help", "help", "-h", NULL};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof *subcommands };

static void usage(FILE *file)
{
    fputs("usage:\n", file);
    for (int i = 0; i < SUBCOMMAND_COUNT; i++)
        fprintf(file, "  reuseshim %-8s %-38s  %s\n", subcommands[i].name, subcommands[i].arguments,
                subcommands[i].purpose);
    fputs(
        "  reuseshim --version | --help [SUBCOMMAND]\n\n"
        "Each subcommand has --help; 'reuseshim help SUBCOMMAND' is the same. reuseshim(1) has all of it.\n",
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

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static int run_subcommand(int argc, char **argv)
{
    for (int i = 0; i < SUBCOMMAND_COUNT; i++)
        if (strcmp(argv[0], subcommands[i].name) == 0)
            return subcommands[i].run(argc, argv);
    complain_unknown(argv[0]);
    return EXIT_USAGE;
}

/* "help", "help SUBCOMMAND" */
static int help_with(int argc, char **argv)
{
    char option[] = "--help";
    if (argc > 1 && !is_one_of(argv[1], help_words) && !is_one_of(argv[1], version_words))
        return run_subcommand(2, (char *[]){argv[1], option, NULL});
    usage(stdout);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (is_one_of(argv[1], help_words))
        return finish(help_with(argc - 1, argv + 1));
    if (!is_one_of(argv[1], version_words))
        return finish(run_subcommand(argc - 1, argv + 1));
    puts("reuseshim " REUSESHIM_VERSION);
    return finish(EXIT_SUCCESS);
}
