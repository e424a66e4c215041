/* SPDX-License-Identifier: MIT
 *
 * The arguments that the programs of this folder share: [-l LIBRARY [-u UID] [-s STEP]] [-t FILE]
 * [-e EVERY].
 */
#ifndef TESTS_KERNEL_ARGUMENTS_H
#define TESTS_KERNEL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct arguments {
    const char *library; /* the newcomer's calls are made under it; NULL for none */
    uint32_t user;       /* by whom */
    FILE *trials;        /* where all outcomes go; NULL for nowhere */
    long count, seed;    /* -n and -S, of histories */
    long every;          /* of pairs and automatic: every how many pairs are tried; 0 or 1: all */
};

/* Reads them over what is there; ends the program if they are wrong, or becomes the witness for good. */
void arguments_read(struct arguments *arguments, int argc, char **argv);

/* Is the next pair one of those to be tried? */
bool arguments_take(const struct arguments *arguments);

#endif
