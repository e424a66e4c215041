/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: the readers of records take any bytes: JSON, text, what syslog and journalctl make of them. What
 * they hand back must lie in the input or in their own memory, and they must come to an end.
 */
#include "../../shim/command/log/json_reader.h"
#include "../../shim/command/log/records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One slice: each byte is read, so that the sanitizer sees one that is nobody's, and decoded. */
static void check(const struct record_line *record, const struct slice *slice)
{
    char buffer[256];
    struct text text = text_in(buffer, sizeof buffer);
    if (slice->start == NULL)
        return;
    if (slice->length > JOURNAL_ROOM)
        abort();
    slice_decode(&text, slice, record->encoding, 110);
    text_end(&text);
    char *copy = malloc(slice->length + 1);
    if (copy)
        memcpy(copy, slice->start, slice->length);
    free(copy);
}

static void take_record(void *context, const struct record_line *record)
{
    (void)context;
    const struct slice *slices[] = {&record->event,           &record->program,        &record->protocol,
                                    &record->cause,           &record->local_path,     &record->holder_state,
                                    &record->holder_owner,    &record->holder_program, &record->holder_unit,
                                    &record->holder_container};
    if (record->event.start == NULL || record->local_port < -1 || record->local_port > UINT16_MAX)
        abort();
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        check(record, slices[i]);
}

static void take_damage(void *context, uint64_t line, const char *trouble)
{
    (void)context;
    if (line == 0 || trouble == NULL)
        abort();
}

static void take_foreign(void *context)
{
    (void)context;
}

/* As input.c does; each piece in memory of its own, so that a read behind it is noticed. */
static size_t take_piece(struct records *records, const uint8_t *data, size_t size)
{
    const uint8_t *newline = memchr(data, '\n', size);
    size_t length = records->wanted ? records->wanted : newline ? (size_t)(newline - data) : size;
    if (length > size)
        return size;
    char *piece = calloc(1, length + 1 + JSON_BEHIND);
    if (piece == NULL)
        return size;
    memcpy(piece, data, length);
    if (records->wanted) {
        records_bytes(records, piece);
    } else {
        piece[length] = '\n';
        records_line(records, piece, piece + length);
        length += newline != NULL;
    }
    free(piece);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct records_taker taker = {NULL, take_record, take_damage, take_foreign};
    static char room[JOURNAL_ROOM];
    static struct records records;
    records_begin(&records, &taker, room, 1795614823);
    for (size_t at = 0; at < size;) {
        if (records.skip >= size - at)
            break;
        at += (size_t)records.skip;
        records.skip = 0;
        at += take_piece(&records, data + at, size - at);
    }
    records_end(&records);
    return 0;
}
