/* SPDX-License-Identifier: MIT
 *
 * What a terminal gets more than a file does.
 */
#ifndef REUSESHIM_COMMAND_TERMINAL_H
#define REUSESHIM_COMMAND_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_BAD, PAINT_UNSURE, PAINT_LABEL };

/* Colours `file` from now on if it is a terminal and NO_COLOR (https://no-color.org) does not forbid it. */
void terminal_begin(FILE *file);
bool terminal_is(FILE *file);
/* The text in a colour, or as it is. */
void terminal_paint(FILE *file, enum paint paint, const char *text);
/* Can it show the blocks of a timeline? */
bool terminal_has_unicode(void);
/* Its width, 80 where that is not known. */
int terminal_width(FILE *file);

#endif
