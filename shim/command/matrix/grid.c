/* SPDX-License-Identifier: MIT
 *
 * Contract in grid.h.
 */
#include "grid.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const char words[MODE_COUNT][16] = {
    [MODE_NONE] = "none",           [MODE_LISTEN] = "listen",       [MODE_MULTICAST] = "multicast",
    [MODE_CONNECTED] = "connected", [MODE_TIME_WAIT] = "time-wait", [MODE_SECOND_LISTEN] = "second-listen"};

/* A second address of every machine with a loopback interface. */
#define SECOND "127.0.0.2"
#define GROUP  "224.1.2.3"

struct pair {
    char one[12], two[12];
};

static const struct pair unicast[] = {
    {"0.0.0.0", "0.0.0.0"},
    {"0.0.0.0", "127.0.0.1"},
    {"0.0.0.0", SECOND},
    {"127.0.0.1", "0.0.0.0"},
    {"127.0.0.1", "127.0.0.1"},
    {"127.0.0.1", SECOND},
    {SECOND, "0.0.0.0"},
    {SECOND, "127.0.0.1"},
    {SECOND, SECOND},
    {"::", "::"},
    {"::", "::1"},
    {"::1", "::"},
    {"::1", "::1"},
    {"::", "0.0.0.0"},
    {"0.0.0.0", "::"},
    {"::", "127.0.0.1"},
    {"127.0.0.1", "::"},
};
/* Who has a peer has an address. */
static const struct pair with_peer[] = {
    {"127.0.0.1", "0.0.0.0"}, {"127.0.0.1", "127.0.0.1"}, {"127.0.0.1", SECOND},
    {"127.0.0.1", "::"},      {SECOND, "0.0.0.0"},        {SECOND, SECOND},
};
static const struct pair groups[] = {{GROUP, GROUP}, {"0.0.0.0", GROUP}, {GROUP, "0.0.0.0"}};

#define PAIRS(list) list, sizeof list / sizeof *list
static const struct block {
    int protocol;
    enum mode mode;
    const struct pair *pairs;
    size_t count;
} blocks[] = {
    {IPPROTO_TCP, MODE_NONE, PAIRS(unicast)},        {IPPROTO_TCP, MODE_LISTEN, PAIRS(unicast)},
    {IPPROTO_TCP, MODE_CONNECTED, PAIRS(with_peer)}, {IPPROTO_TCP, MODE_TIME_WAIT, PAIRS(with_peer)},
    {IPPROTO_UDP, MODE_NONE, PAIRS(unicast)},        {IPPROTO_UDP, MODE_MULTICAST, PAIRS(groups)},
    {IPPROTO_UDP, MODE_CONNECTED, PAIRS(with_peer)}, {IPPROTO_TCP, MODE_SECOND_LISTEN, PAIRS(unicast)},
};

static const uint8_t asked[] = {0, ASKS_ADDRESS, ASKS_PORT, ASKS_ADDRESS | ASKS_PORT, ASKS_EXCLUSIVE};
enum { ASKED = sizeof asked };

static size_t rows_of(const struct block *block, void (*each)(void *, const struct grid_row *), void *context)
{
    size_t count = block->count * ASKED * ASKED * 2;
    for (size_t i = 0; i < count; i++) {
        const struct pair *pair = &block->pairs[i / (ASKED * ASKED * 2)];
        const struct grid_row row = {.protocol = block->protocol,
                                     .mode = block->mode,
                                     .address1 = pair->one,
                                     .address2 = pair->two,
                                     .asks1 = asked[i / (ASKED * 2) % ASKED],
                                     .asks2 = asked[i / 2 % ASKED],
                                     .other_user = i % 2};
        each(context, &row);
    }
    return count;
}

size_t grid_rows(void (*each)(void *context, const struct grid_row *row), void *context)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        count += rows_of(&blocks[i], each, context);
    return count;
}

const char *mode_word(enum mode mode)
{
    return words[mode];
}

static struct endpoint endpoint_at(const char *address, uint16_t port)
{
    struct prefix parsed;
    (void)prefix_parse(&parsed, address, strlen(address));
    return endpoint_of(parsed.family, parsed.address, port);
}

void grid_sockets(const struct grid_row *row, uint16_t port, struct system_socket sockets[2])
{
    enum { USER = 1000, OTHER_USER };
    static const uint8_t stages[MODE_COUNT] = {[MODE_LISTEN] = STAGE_LISTENING,
                                               [MODE_CONNECTED] = STAGE_CONNECTED,
                                               [MODE_TIME_WAIT] = STAGE_TIME_WAIT};
    sockets[0] = (struct system_socket){.protocol = row->protocol,
                                        .local = endpoint_at(row->address1, port),
                                        .asks = row->asks1,
                                        .stage = stages[row->mode],
                                        .user = USER};
    sockets[1] = (struct system_socket){.protocol = row->protocol,
                                        .local = endpoint_at(row->address2, port),
                                        .asks = row->asks2,
                                        .user = row->other_user ? OTHER_USER : USER};
}

/* Only Linux looks again at listen, by the rule that it has for bind. */
struct system_answer grid_judge(enum system system, const struct grid_row *row)
{
    struct system_socket sockets[2];
    grid_sockets(row, 1, sockets);
    struct system_answer answer = system_judge(system, &sockets[0], 1, &sockets[1]);
    bool looks_again = system == SYSTEM_LINUX_2_6 || system == SYSTEM_LINUX || system == SYSTEM_ANDROID;
    if (row->mode != MODE_SECOND_LISTEN || answer.error || !looks_again)
        return answer;
    sockets[0].stage = STAGE_LISTENING;
    return system_judge(system, &sockets[0], 1, &sockets[1]);
}
