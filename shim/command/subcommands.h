/* SPDX-License-Identifier: MIT
 *
 * The subcommands: the only list of them. Each is a function command_NAME in a folder of its own.
 */
#ifndef REUSESHIM_COMMAND_SUBCOMMANDS_H
#define REUSESHIM_COMMAND_SUBCOMMANDS_H

/* NAME, its arguments, and what it is for. */
#define SUBCOMMANDS(_)                                                                                       \
    _(run, "[OPTION]... [--] COMMAND [ARG]...", "run a program with the library preloaded")                  \
    _(why, "[OPTION]... [[ADDRESS:]PORT | PATH]...",                                                         \
      "tell who has a port, why it is refused, and what helps")                                              \
    _(wait, "[OPTION]... [ADDRESS:]PORT | PATH", "wait until a port is free, or taken")                      \
    _(check, "[--json] [POLICY | FILE]", "print the rules of a policy, or what is wrong with it")            \
    _(policies, "[--json] [NAME]", "list the shipped policies, or print one")                                \
    _(log, "[--json | --html PAGE] [-n ROWS] [FILE]...", "sum up records, from files or standard input")     \
    _(matrix, "[--system NAME]... [--only WORD]... [--explain SITUATION]",                                   \
      "who may bind beside whom, here and on other systems")                                                 \
    _(unit, "[-p POLICY] [-f FORMAT] [-o] UNIT", "print a drop-in for a systemd service")

/* Each gets its own argv (argv[0] is its name) and returns the exit code. */
#define SUBCOMMAND_DECLARATION(name, ...) int command_##name(int argc, char **argv);
SUBCOMMANDS(SUBCOMMAND_DECLARATION)

#endif
