/* SPDX-License-Identifier: MIT
 *
 * What the subcommands of `reuseshim` share.
 */
#ifndef REUSESHIM_COMMAND_H
#define REUSESHIM_COMMAND_H

#include <stdbool.h>

struct option; /* of getopt_long(3) */

/* Exit codes as in env(1) and s6: the program's own, or */
enum {
    EXIT_USAGE = 100,   /* wrong use, or a policy that cannot be understood */
    EXIT_TROUBLE = 111, /* a system call failed, or the library is not where it should be */
    EXIT_NOT_RUN = 126, /* the program was found but could not be run */
    EXIT_NOT_FOUND = 127,
};

/* getopt_long(3) with what every subcommand does alike, from `optind` on, which the caller sets: the next
 * letter, -1 at the end, or 0 with the exit code in *code, after printing `help` (of the letter 'h'; NULL:
 * the caller prints it) or a complaint. */
int command_option(int argc, char **argv, const char *letters, const struct option *options, const char *help,
                   int *code);

/* All options of a subcommand that has no others than --json and --help; the operands begin at `optind`.
 * False with the exit code in *code if there is nothing left to do. */
bool command_json_option(int argc, char **argv, const char *help, bool *json, int *code);

/* "reuseshim: PARTS", one line on stderr. The parts are joined, made fit for a terminal, and cut at 8 KiB;
 * the last one is (char *)NULL. */
__attribute__((sentinel)) void command_error(const char *first, ...);

/* A line on stderr for each variable of the environment whose name is nearly one of ours, or begins as they
 * do and is none. */
void command_warn_of_variables(void);

/* Does REUSESHIM_COMMANDS say that arguments are not to be shown? */
bool command_names_only(void);

#endif
