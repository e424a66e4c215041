/* SPDX-License-Identifier: MIT
 *
 * A record read back from its lines of text. Pure.
 */
#ifndef REUSESHIM_COMMAND_TEXT_RECORD_H
#define REUSESHIM_COMMAND_TEXT_RECORD_H

#include "record_line.h"
#include "text_line.h"

/* What a refusal was explained with: those like it that follow say no more than that it came again. */
struct explained {
    uint64_t refusal; /* a hash of its pid, call and arguments */
    struct slice cause;
};

/* A record that may have further lines. What it keeps is copied: the lines may go. */
struct text_record {
    bool open;
    uint64_t pid;
    struct record_line record;
    char room[1024];
    size_t used;
    uint64_t refusal;
    struct explained explained[64]; /* the oldest one gives way */
    uint32_t explanations;
};

/* Begins a record by its first line; NULL, or what is wrong with the line. */
const char *text_record_begin(struct text_record *text, const struct text_line *line);
/* Adds a line below it. False if it is another record's. */
bool text_record_add(struct text_record *text, const struct text_line *line);

#endif
