/* SPDX-License-Identifier: MIT
 *
 * Programs that have others started: by a service manager, by a container engine, on another machine, or with
 * an environment without LD_PRELOAD. The library does not get there with them.
 */
#ifndef REUSESHIM_COMMAND_LAUNCHER_H
#define REUSESHIM_COMMAND_LAUNCHER_H

#include "reuseshim/text.h"

struct launcher {
    const char *name;
    const char *when;   /* words between blanks; one of them is among the arguments, or nothing is started;
                           NULL: always */
    const char *unless; /* the same: with one of these the program gets the environment, or none is started */
    const char *who;    /* what becomes of the program */
    const char *instead; /* what to type; '%' is the operand behind the word of `when` */
};

/* By the file name of a path; NULL if it is none. */
const struct launcher *launcher_find(const char *path);

/* The command behind env(1), nohup(1), nice(1) and the like, or what was given. *trouble tells if that one
 * takes the library out of the environment, else it is NULL. */
char *const *launcher_unwrap(char *const *command, const char **trouble);

/* Do these arguments (the first is the launcher's own name) have a program started out of the library's
 * reach? If so, `text` is what to say of it; `library` is the file. */
bool launcher_explain(struct text *text, const struct launcher *launcher, char *const *command,
                      const char *library);

#endif
