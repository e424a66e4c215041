/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: the kernel answers anything when it is asked for sockets and addresses: sock_diag, unix_diag,
 * /proc/net instead, SOCK_DESTROY, SIOCGIFCONF. What is told of it is a socket that can be, and it ends.
 */
#include "parts/expect.h"
#include "parts/kernel.h"
#include "reuseshim/deadline.h"
#include "reuseshim/sockets.h"

#include <errno.h>
#include <string.h>

/* The smallest message of each kind, without which nothing may be told. */
enum { SMALLEST_MESSAGE = 32, BUDGET_MS = 100 };

static struct scratch scratch;
static uint64_t told;

static void check_holder(const struct holder *holder)
{
    expect(holder->path.length <= sizeof holder->path.bytes, "the path fits");
    expect(holder->timer_ms >= -1, "the timer runs forward");
    expect(holder->v6only == YES || holder->v6only == NO || holder->v6only == UNKNOWN,
           "v6only is known or not");
    expect(holder->remote.family == AF_UNSPEC || holder->remote.family == holder->local.family,
           "both ends are of one family");
    expect_string(holder->device_name);
    told++;
}

static void take_holder(void *context, const struct holder *holder)
{
    (void)context;
    check_holder(holder);
    expect(endpoint_is_internet(&holder->local), "an Internet socket");
    expect(holder->state < STATE_COUNT, "the state is one");
}

static void take_unix(void *context, const struct holder *holder, const struct unix_file *file)
{
    (void)context;
    (void)file;
    check_holder(holder);
    expect(holder->local.family == AF_UNIX, "a socket of AF_UNIX");
}

static void take_address(void *context, const struct interface_address *address)
{
    (void)context;
    expect(endpoint_is_internet(&address->address) && address->address.port == 0, "an address");
    expect_string(address->interface);
    told++;
}

static void ask_for_sockets(struct sections *sections)
{
    static const int protocols[] = {6, 17, 262, 136, 132, 255};
    enum source source = SOURCE_NONE;
    uint8_t flags = sections_byte(sections, "which", 2);
    struct question question = {
        .protocol = protocols[sections_byte(sections, "which", 1) % (sizeof protocols / sizeof *protocols)],
        .ports = {flags & 1 ? 1 : 8080, flags & 2 ? UINT16_MAX : 8080},
        .states = ALL_STATES,
        .automatic_only = flags & 4,
        .deadline = deadline_in(BUDGET_MS),
        .found = take_holder};
    int result = sockets_ask(&question, &source, &scratch);
    expect(result <= 0 && result != -EINTR, "a result, and not that a read was interrupted");
    expect(source == SOURCE_NONE || source == SOURCE_SOCK_DIAG || source == SOURCE_PROC, "a source");
}

static void ask_to_destroy(void)
{
    static const unsigned char loopback[4] = {127, 0, 0, 1};
    struct holder holder = holder_unknown();
    holder.local = holder.remote = endpoint_of(AF_INET, loopback, 8080);
    holder.protocol = 6;
    holder.state = STATE_TIME_WAIT;
    expect(sock_diag_destroy(&holder, deadline_in(BUDGET_MS), &scratch) <= 0, "a result");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sections sections;
    sections_read(&sections, data, size);
    kernel_begin(&sections);
    told = 0;
    switch (sections_byte(&sections, "which", 0) % 4) {
    case 0:
        ask_for_sockets(&sections);
        break;
    case 1: {
        struct unix_question question = {.deadline = deadline_in(BUDGET_MS), .found = take_unix};
        expect(unix_diag_ask(&question, &scratch) <= 0, "a result");
        break;
    }
    case 2:
        ask_to_destroy();
        break;
    default:
        addresses_ask(take_address, NULL, &scratch);
        (void)interface_is_up("eth0");
    }
    /* Not more than there is room for in as many answers. */
    expect(told <= (uint64_t)kernel_calls() * (SCRATCH_SIZE / SMALLEST_MESSAGE), "nothing is made up");
    kernel_end();
    return 0;
}
