/* SPDX-License-Identifier: MIT
 *
 * What a process is called. The kernel knows three names of it: the file that runs, the name that it was
 * started by (a link, the applet of a busybox), and a script's own, which only its arguments show if the
 * interpreter was started by hand. Async-signal-safe.
 */
#ifndef REUSESHIM_NAMES_H
#define REUSESHIM_NAMES_H

#include <stddef.h>
#include <sys/types.h>

enum { NAME_ROOM = 64, ARGUMENTS_ROOM = 4096 };

/* Without directories; "" where there is none or it is not known. */
struct names {
    char program[NAME_ROOM];    /* what ps(1) calls it; a script by its own name */
    char executable[NAME_ROOM]; /* the file that runs */
    char started_as[NAME_ROOM]; /* the first argument */
    char script[NAME_ROOM];     /* what an interpreter runs */
};

/* Fills in the others from `executable` (which is set), the name that the kernel has (15 bytes of the file
 * that was executed, or what the program made of it), and the arguments with a NUL behind each. Pure. */
void names_choose(struct names *names, const char *kernel_name, const char *arguments, size_t length);

/* Of this process, with /proc as far as it is there; without it, what it was started by. `arguments` is
 * working memory. System calls. */
void names_of_self(struct names *names, char arguments[ARGUMENTS_ROOM]);
/* The same with no more than what it was started by (AT_EXECFN, getauxval(3)). No system call. */
void names_started_by(struct names *names);

#endif
