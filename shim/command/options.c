/* SPDX-License-Identifier: MIT
 *
 * What is the same about the options of every subcommand. Contract in command.h.
 */
#include "reuseshim/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "why: -x: no such option; see ..."; getopt's own message would write the word as it is. */
static void complain(char **argv, const char *letters)
{
    char short_name[] = "-?";
    const char *at = optopt ? strchr(letters, optopt) : NULL;
    const char *word = short_name;
    short_name[1] = (char)optopt;
    if (optopt == 0)
        word = argv[optind - 1];
    command_error(argv[0], ": ", word, at && at[1] == ':' ? ": expected a value" : ": no such option",
                  "; see 'reuseshim ", argv[0], " --help'", (char *)NULL);
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
        complain(argv, letters);
        *code = EXIT_USAGE;
        return 0;
    }
    return letter;
}
