/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: what is typed behind `reuseshim why` and `reuseshim wait`: ports, paths and times, or a
 * complaint of one line. The source of the latter is included for its reader of times.
 */
#include "../../shim/command/wait/wait.c"
#include "parts/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_probes(const struct operand *operand, uint16_t port)
{
    struct probe *probes = calloc(PROBES_MAX, sizeof *probes);
    if (probes == NULL)
        abort();
    size_t count = operand_probes(operand, port, probes);
    expect(count > 0 && count <= PROBES_MAX, "something to ask for");
    for (size_t i = 0; i < count; i++) {
        expect(probes[i].type == SOCK_STREAM || probes[i].type == SOCK_DGRAM, "a type of socket");
        expect(probes[i].local.family == AF_UNIX || probes[i].local.port == port,
               "the port that was asked for");
        expect_string(probes[i].device);
    }
    free(probes);
}

static void check_operand(const struct operand *operand)
{
    expect(operand->kinds.tcp || operand->kinds.udp, "a protocol");
    expect(operand->range_count <= RANGES_MAX && operand->address_count <= ADDRESSES_MAX, "the lists fit");
    expect_string(operand->device);
    for (size_t i = 0; i < operand->range_count; i++) {
        expect(operand->ranges[i].first <= operand->ranges[i].last, "a range has an order");
        check_probes(operand, operand->ranges[i].last);
    }
    if (operand->address_count == 0) {
        expect(operand->path.length > 0 && operand->path.length <= sizeof operand->path.bytes, "a path");
        check_probes(operand, 0);
    } else {
        expect(operand->range_count > 0, "a port");
    }
    (void)operand_is_single(operand);
}

/* Complaints go to stderr: what was said is looked at here. */
static void check_complaint(const char *said, size_t length)
{
    expect(length > 1 && said[length - 1] == '\n', "a complaint has an end");
    expect_clean(said, length - 1, "", "a complaint is a clean line");
}

static void check_duration(const char *word)
{
    enum { DAYS = 365, DAY_MS = 86400000 };
    int64_t milliseconds = 0;
    if (!read_duration(word, &milliseconds))
        return;
    expect(milliseconds >= 0 || strcmp(word, "none") == 0, "a time runs forward");
    expect(milliseconds <= (int64_t)DAYS * DAY_MS, "a time is at most a year");
    expect(word[0] == 'n' || (word[0] >= '0' && word[0] <= '9'), "a time begins with a digit");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct operand operand;
    if (size < 1)
        return 0;
    const struct kinds asked = {data[0] & 1, data[0] & 2, data[0] & 4, data[0] & 8};
    char *word = strndup((const char *)data + 1, size - 1), *said = NULL;
    size_t length = 0;
    FILE *terminal = stderr, *memory = open_memstream(&said, &length);
    if (word == NULL || memory == NULL)
        abort();
    stderr = memory;
    check_duration(word);
    bool good = operand_read(&operand, &asked, "why", word);
    stderr = terminal;
    fclose(memory);
    if (good)
        check_operand(&operand);
    else
        check_complaint(said, length);
    expect(!good || length == 0, "what is understood needs no complaint");
    free(said);
    free(word);
    return 0;
}
