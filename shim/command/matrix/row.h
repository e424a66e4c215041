/* SPDX-License-Identifier: MIT
 *
 * A row of the matrix: is it wanted, what a system answers to it, and its three forms.
 */
#ifndef REUSESHIM_COMMAND_MATRIX_ROW_H
#define REUSESHIM_COMMAND_MATRIX_ROW_H

#include "grid.h"
#include "request.h"

enum { ANSWER_ROOM = 40 };

bool row_is_wanted(const struct request *request, const struct grid_row *row);
/* 0 or an errno; *unsure if that is not certain. */
int row_answer(enum system system, const struct grid_row *row, bool *unsure);
/* The names of the columns, where the form has such; and a row. `measured` is 0, an errno or NOT_MEASURED. */
void row_print_head(const struct request *request);
void row_print(const struct request *request, const struct grid_row *row, int measured);

/* "ok", the errno's name, "not measured here". */
const char *answer_word(char room[ANSWER_ROOM], int error);
/* Prints the same in its colour, with a mark behind it; how many columns it took. */
int cell_print(int error, const char *mark);

#endif
