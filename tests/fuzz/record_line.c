/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: the reader of records takes any line. What it hands back must lie inside the line.
 */
#include "../../shim/command/log/record_line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct slice *slice, const char *line, size_t size)
{
    if (slice->start && (slice->start < line || slice->start + slice->length > line + size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_line record;
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size = newline ? (size_t)(newline - data) : size;
    /* Of its own, so that a read behind the line is noticed. */
    char *line = calloc(1, size + 1 + RECORD_LINE_BEHIND);
    if (line == NULL)
        return 0;
    if (size)
        memcpy(line, data, size);
    line[size] = '\n';
    if (record_line_read(&record, line, line + size) == NULL && record.time.length != 20 &&
        record.time.length != 27)
        abort();
    check(&record.time, line, size);
    check(&record.event, line, size);
    check(&record.program, line, size);
    check(&record.cause, line, size);
    check(&record.local_path, line, size);
    check(&record.holder_program, line, size);
    free(line);
    return 0;
}
