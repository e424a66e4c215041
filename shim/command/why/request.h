/* SPDX-License-Identifier: MIT
 *
 * What reuseshim why is asked.
 */
#ifndef REUSESHIM_COMMAND_REQUEST_H
#define REUSESHIM_COMMAND_REQUEST_H

#include "operand.h"

struct request {
    unsigned options; /* bits of enum socket_option, to be set on the socket */
    struct kinds asked;
    bool json, watch, quiet;
    size_t count;
    struct operand *operands;
    char *again; /* the command as it was typed, for a shell */
};

/* Each word to an operand, in memory that request_free gives back; false after a complaint. */
bool request_read(struct request *request, char **words, int count);
/* Keeps the words of the command line, as they are before getopt sorts them. */
void request_keep_words(struct request *request, int argc, char **argv);
void request_free(struct request *request);

#endif
