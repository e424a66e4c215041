/* SPDX-License-Identifier: MIT
 *
 * What is the same about the options of every subcommand. Contract in command.h.
 */
#include "reuseshim/command.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The long options that begin with the word: how many. */
static int count_like(const struct option *options, const char *word)
{
    size_t length = strcspn(word, "=");
    int count = 0;
    for (; options->name; options++)
        count += strncmp(options->name, word, length) == 0;
    return count;
}

/* getopt's own message would write the word as it stands. */
static void complain(char **argv, const char *letters, const struct option *options)
{
    char letter[] = "-?";
    const char *last = argv[optind - 1], *at = optopt ? strchr(letters, optopt) : NULL;
    bool is_long = strncmp(last, "--", 2) == 0;
    letter[1] = (char)optopt;
    const char *trouble = is_long && count_like(options, last + 2) > 1
                              ? ": more than one option begins like that"
                          : is_long && optopt && strchr(last, '=')      ? ": takes no value"
                          : (at && at[1] == ':') || (is_long && optopt) ? ": expected a value"
                                                                        : ": no such option";
    command_error(argv[0], ": ", is_long ? last : letter, trouble, "; see 'reuseshim ", argv[0], " --help'",
                  (char *)NULL);
}

int command_option(int argc, char **argv, const char *letters, const struct option *options, const char *help,
                   int *code)
{
    opterr = 0;
    int letter = getopt_long(argc, argv, letters, options, NULL);
    if (letter == 'h' && help) {
        fputs(help, stdout);
        *code = EXIT_SUCCESS;
        return 0;
    }
    if (letter == '?') {
        complain(argv, letters, options);
        *code = EXIT_USAGE;
        return 0;
    }
    return letter;
}

bool command_json_option(int argc, char **argv, const char *help, bool *json, int *code)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int letter;
    *json = false;
    optind = 1;
    while ((letter = command_option(argc, argv, "jh", options, help, code)) > 0)
        *json = true;
    return letter < 0;
}
