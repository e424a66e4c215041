/* SPDX-License-Identifier: MIT
 *
 * What a terminal gets more than a file does.
 */
#ifndef REUSESHIM_COMMAND_TERMINAL_H
#define REUSESHIM_COMMAND_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
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

/* The width at which lines have to be wrapped or fitted: 0 for a file, and for a terminal that does not tell.
 */
int terminal_limit(FILE *file);
/* How many columns a text takes; every character of UTF-8 counts as one. */
int terminal_columns(const char *text, size_t length);
/* Text that begins in that column (from 0 on): on a terminal it is wrapped between words at its width, and
 * what is wrapped begins in that column, too. As it is in a file, and where too little room is left. */
void terminal_wrapped(FILE *file, int column, const char *text, size_t length);
/* A line of its own: `indent` blanks, the label in a colour, the text wrapped. */
void terminal_labelled(FILE *file, int indent, const char *label, const char *text, size_t length);

#endif
