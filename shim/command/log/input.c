/* SPDX-License-Identifier: MIT
 *
 * Contract in input.h.
 */
#include "input.h"

#include "json_reader.h"
#include "reuseshim/command.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

struct input {
    const char *name;
    int fd;
    uint64_t bytes;
    char *block; /* BLOCK bytes, one for the newline that ends everything, JSON_BEHIND */
    size_t used;
    bool skipping; /* inside a line that is longer than a block */
    struct records records;
};

bool input_room_make(struct input_room *room)
{
    room->block = calloc(1, BLOCK + 1 + JSON_BEHIND);
    room->entry = malloc(JOURNAL_ROOM);
    return room->block && room->entry;
}

void input_room_free(struct input_room *room)
{
    free(room->block);
    free(room->entry);
}

/* ---- pieces ------------------------------------------------------------------------------------------ */

static void take_line(struct input *input, const char *line, const char *end)
{
    if (!input->skipping)
        records_line(&input->records, line, end);
    input->skipping = false;
}

/* One line, or what the records want instead; where the next one begins, NULL if there is not enough of it.
 */
static char *take_piece(struct input *input, char *at, char *end)
{
    struct records *records = &input->records;
    size_t left = (size_t)(end - at);
    if (records->skip) {
        size_t skipped = records->skip < left ? (size_t)records->skip : left;
        records->skip -= skipped;
        return skipped ? at + skipped : NULL;
    }
    if (records->wanted) {
        size_t wanted = records->wanted;
        if (wanted > left)
            return NULL;
        records_bytes(records, at);
        return at + wanted;
    }
    char *newline = left ? memchr(at, '\n', left) : NULL;
    if (newline)
        take_line(input, at, newline);
    return newline ? newline + 1 : NULL;
}

/* All whole pieces of the block; what is left moves to its front. */
static void take_pieces(struct input *input)
{
    char *at = input->block, *end = at + input->used, *next;
    while ((next = take_piece(input, at, end)) != NULL)
        at = next;
    input->used = (size_t)(end - at);
    if (input->used == BLOCK) {
        if (!input->skipping) {
            const struct records_taker *taker = input->records.taker;
            taker->damage(taker->context, ++input->records.line, "longer than a mebibyte");
        }
        input->skipping = true;
        input->used = 0;
    }
    memmove(input->block, at, input->used);
}

/* ---- the whole --------------------------------------------------------------------------------------- */

/* As much as comes at once; 0 at the end, -1 after a complaint. */
static ssize_t fill(struct input *input)
{
    ssize_t got;
    do
        got = read(input->fd, input->block + input->used, BLOCK - input->used);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        command_error(input->name, ": ", strerror(errno), (char *)NULL);
    else
        input->used += (size_t)got;
    return got;
}

static bool read_all(struct input *input, const struct records_taker *taker, input_progress *progress)
{
    ssize_t got;
    do {
        take_pieces(input);
        progress(taker->context, input->bytes);
        got = fill(input);
        input->bytes += got > 0 ? (uint64_t)got : 0;
    } while (got > 0);
    if (input->used && input->records.wanted == 0) { /* no newline at the end */
        input->block[input->used++] = '\n';
        take_pieces(input);
    }
    records_end(&input->records);
    return got == 0;
}

/* The first bytes tell what it is. */
static bool read_any(struct input *input, const struct records_taker *taker, input_progress *progress)
{
    ssize_t got;
    while (input->used < UNPACK_MAGIC && (got = fill(input)) != 0)
        if (got < 0)
            return false;
    struct unpack unpack;
    if (!unpack_begin(&unpack, input->name, input->fd, input->block, input->used))
        return false;
    if (unpack.running) {
        input->fd = unpack.fd;
        input->used = 0;
    }
    bool good = read_all(input, taker, progress);
    return unpack_end(&unpack, input->name) && good;
}

bool input_read(const char *name, const struct input_room *room, const struct records_taker *taker,
                input_progress *progress)
{
    bool standard = strcmp(name, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct input input = {.name = standard ? "standard input" : name, .fd = fd, .block = room->block};
    if (fd < 0) {
        command_error(name, ": ", strerror(errno), (char *)NULL);
        return false;
    }
    records_begin(&input.records, taker, room->entry, (int64_t)time(NULL));
    bool good = read_any(&input, taker, progress);
    if (!standard)
        close(fd);
    return good;
}
