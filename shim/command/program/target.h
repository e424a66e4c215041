/* SPDX-License-Identifier: MIT
 *
 * Will a preloaded library reach this program? Asked before it is run, when it can still be told.
 */
#ifndef REUSESHIM_COMMAND_TARGET_H
#define REUSESHIM_COMMAND_TARGET_H

#include "elf_file.h"

enum { TARGET_PATH_MAX = 4096 };

struct target {
    char path[TARGET_PATH_MAX];    /* of the program as execvp(3) finds it */
    char program[TARGET_PATH_MAX]; /* what the kernel loads for it: the same, or a script's interpreter */
    struct elf elf;                /* of that; is_elf false where it cannot be read */
    bool is_text; /* neither program nor script, and a shell would run it, as execvp(3) does */
};

/* A launcher (launcher.h) may be of any kind that runs at all: what it starts is not its child.
 *
 * 0, or an exit code after one line on stderr: EXIT_NOT_FOUND; EXIT_NOT_RUN for what cannot be executed, and
 * for what the dynamic loader would start without the library: static programs, set-user-ID, set-group-ID,
 * file capabilities. */
int target_find(struct target *target, const char *command);

/* Only looks for it: 0, EXIT_NOT_FOUND or EXIT_NOT_RUN. */
int target_look(struct target *target, const char *command);
/* Does an exec of it give rights that the caller has not: set-user-ID, set-group-ID, file capabilities? */
bool target_gains_rights(const struct target *target);
/* May it be reached by a preload as far as its file tells? 0, or EXIT_NOT_RUN as target_find. */
int target_judge(const struct target *target);
/* It calls the kernel itself (static, Go), so that only a trap reaches it. */
bool target_wants_trap(const struct target *target);

#endif
