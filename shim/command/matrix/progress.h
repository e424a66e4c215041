/* SPDX-License-Identifier: MIT
 *
 * A line on standard error that says how far a long run is, where that is a terminal.
 */
#ifndef REUSESHIM_COMMAND_MATRIX_PROGRESS_H
#define REUSESHIM_COMMAND_MATRIX_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct progress {
    bool wanted, shown;
    time_t next;
};
void progress_begin(struct progress *progress, bool wanted);
void progress_step(struct progress *progress, size_t rows);
void progress_end(struct progress *progress);

#endif
