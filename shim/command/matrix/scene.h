/* SPDX-License-Identifier: MIT
 *
 * Sockets in words: "udp 0.0.0.0:5353 A + 127.0.0.1:5353 P", the last of which is the one that asks.
 */
#ifndef REUSESHIM_COMMAND_SCENE_H
#define REUSESHIM_COMMAND_SCENE_H

#include "reuseshim/systems.h"

enum { SCENE_MAX = 8 };

struct scene {
    struct system_socket sockets[SCENE_MAX];
    size_t count;
};

/* False after a complaint that names the word. */
bool scene_read(struct scene *scene, const char *words);

/* "-", "A", "AP", ...: false where a letter is none. */
bool asks_read(uint8_t *asks, const char *word, size_t length);
void asks_write(struct text *text, uint8_t asks);

#endif
