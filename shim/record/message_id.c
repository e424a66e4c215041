/* SPDX-License-Identifier: MIT
 *
 * What journalctl -x finds the explanation of a record by. Contract in sinks.h.
 */
#include "sinks.h"

#include <string.h>

/* Made once by systemd-id128(1), for ever. By the word: it is what a reader of the journal knows. */
static const struct {
    char event[12];
    char id[33];
} message_ids[] = {
    {"conflict", "21f281e59d6d4bea8e60e74a96d6caa3"}, {"refused", "aff092026dea4806933d746f4f7335c4"},
    {"resolved", "0e991ddb01c044c0965eeb50debcc60a"}, {"shared", "8b551e17ad064630a6d0f4a8313d2f6b"},
    {"change", "7b6627341d544d4b96ccafadf29aa6a0"},   {"portability", "3b1770e55afc413da62a3c098c67b944"},
    {"error", "596f01893d984e9fba80b7c6eec9c9f0"},    {"trace", "15ec4402be8049b792e7f7738fdebca5"},
};

const char *record_message_id(const struct record *record)
{
    for (size_t i = 0; i < sizeof message_ids / sizeof *message_ids; i++)
        if (strcmp(message_ids[i].event, event_word(record->event)) == 0)
            return message_ids[i].id;
    return NULL;
}
