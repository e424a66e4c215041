/* SPDX-License-Identifier: MIT
 *
 * Which file LD_PRELOAD has to name.
 */
#ifndef REUSESHIM_COMMAND_LIBRARY_H
#define REUSESHIM_COMMAND_LIBRARY_H

#include "elf_file.h"

enum { LIBRARY_PATH_MAX = 4096 };

struct library {
    char file[LIBRARY_PATH_MAX];
    char path[LIBRARY_PATH_MAX]; /* the same, for LD_PRELOAD */
};

/* The library that fits `elf` (NULL: this command itself): beside the command (the build tree), else where it
 * was installed. 0, or an exit code after one line on stderr: not found, of another
 * version, for another machine, at a path that the loader would split.
 *
 * Where both a 64-bit and a 32-bit library are installed, the path for
 * LD_PRELOAD has $LIB in it, which glibc's loader
 * replaces in each process (ld.so(8)), so that its children get theirs, too. */
int library_find(struct library *library, const struct elf *elf);

/* A value of LD_PRELOAD: the library, then what `existing` (NULL for none) has besides copies of it. In
 * memory to be freed, NULL if there is none. */
char *library_list(const char *library, const char *existing);

#endif
