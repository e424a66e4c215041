/* SPDX-License-Identifier: MIT
 *
 * The arguments that the programs of this folder share: [-l LIBRARY [-u UID] [-s STEP]] [-t FILE].
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
};

/* Reads them over what is there; ends the program if they are wrong, or becomes the witness for good. */
void arguments_read(struct arguments *arguments, int argc, char **argv);

#endif
