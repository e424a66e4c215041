/* SPDX-License-Identifier: MIT
 *
 * A file, or standard input, to its end, compressed or not.
 */
#ifndef REUSESHIM_COMMAND_INPUT_H
#define REUSESHIM_COMMAND_INPUT_H

#include "records.h"

/* Working memory, used again for each input. */
struct input_room {
    char *block;
    char *entry;
};
bool input_room_make(struct input_room *room);
void input_room_free(struct input_room *room);

/* Called now and then: how many bytes have been read. */
typedef void input_progress(void *context, uint64_t bytes);

/* Reads all of `name` ("-": standard input) and gives the taker what is in it. False after a complaint on
 * stderr: it cannot be read, or cannot be unpacked here. */
bool input_read(const char *name, const struct input_room *room, const struct records_taker *taker,
                input_progress *progress);

#endif
