/* SPDX-License-Identifier: MIT
 *
 * The kernel's rule, at the places where people get it wrong.
 */
#include "conflict/steps.h"
#include "reuseshim/protocol.h"
#include "tap.h"

#include <string.h>

static struct endpoint at(const char *address)
{
    struct prefix parsed;
    if (prefix_parse(&parsed, address, strlen(address)) != PREFIX_OK)
        printf("# bad address %s\n", address);
    return endpoint_of(parsed.family, parsed.address, 80);
}

static struct newcomer newcomer(int protocol, const char *address)
{
    struct newcomer b = {
        .call = CALL_BIND, .protocol = protocol, .local = at(address), .uid = 1000, .uid_known = true};
    return b;
}

static struct holder holder(int state, const char *address)
{
    struct holder a = holder_unknown();
    a.protocol = IPPROTO_TCP;
    a.state = (uint8_t)state;
    a.local = at(address);
    a.inode = 1;
    a.uid = 1000;
    a.uid_known = a.device_known = true;
    a.v6only = NO;
    return a;
}

static void blocks(const struct newcomer *b, const struct holder *a, tristate expected, const char *name)
{
    ok(rules_blocks(b, a) == expected, name);
}

/* As conflict_explain() does it, without a system call. */
static void conclude(struct conflict *conflict, struct newcomer *b)
{
    conflict_settle(conflict, b);
    conflict->cause = cause_find(conflict, b);
    sentence_write(conflict, b);
    cures_find(conflict, b);
}

int main(void)
{
    struct newcomer b = newcomer(IPPROTO_TCP, "0.0.0.0");
    struct holder a = holder(STATE_LISTEN, "127.0.0.1");
    blocks(&b, &a, YES, "without options everything that overlaps blocks");
    b.options[OPTION_REUSEADDR] = YES;
    a.reuseaddr = YES;
    blocks(&b, &a, YES, "reuseaddr on both does not help against a listener");
    a.state = STATE_CLOSE;
    blocks(&b, &a, NO, "it helps against a bound socket");
    a.reuseaddr = NO;
    blocks(&b, &a, YES, "on one side only it is nothing");
    a.reuseaddr = UNKNOWN;
    blocks(&b, &a, UNKNOWN, "a hidden flag makes the answer unknown");

    b = newcomer(IPPROTO_TCP, "0.0.0.0");
    b.options[OPTION_REUSEPORT] = YES;
    a = holder(STATE_LISTEN, "127.0.0.1");
    a.reuseport = YES;
    blocks(&b, &a, NO, "reuseport on both and one user: shared, even with a listener");
    a.uid = 0;
    blocks(&b, &a, YES, "another user, root too: refused");
    a = holder(STATE_TIME_WAIT, "127.0.0.1");
    a.reuseport = YES;
    a.uid_known = false;
    a.inode = 0;
    blocks(&b, &a, NO, "TIME_WAIT has no user");
    a.state = STATE_FIN_WAIT2;
    blocks(&b, &a, NO, "nor has its FIN_WAIT2 form");
    a.state = STATE_FIN_WAIT1;
    blocks(&b, &a, UNKNOWN, "an orphan in FIN_WAIT1 has one, perhaps not shown");

    b = newcomer(IPPROTO_UDP, "0.0.0.0");
    b.options[OPTION_REUSEADDR] = YES;
    a = holder(STATE_CLOSE, "127.0.0.1");
    a.reuseaddr = YES;
    a.uid = 0;
    blocks(&b, &a, NO, "UDP: reuseaddr on both shares with anybody");

    static const struct {
        const char *b, *a;
        int b_v6only, a_v6only;
        tristate overlap;
    } pairs[] = {
        {"127.0.0.1", "127.0.0.2", 0, 0, NO},
        {"0.0.0.0", "127.0.0.2", 0, 0, YES},
        {"::", "127.0.0.1", 0, 0, YES},
        {"::", "127.0.0.1", 1, 0, NO},
        {"0.0.0.0", "::", 0, 0, YES},
        {"0.0.0.0", "::", 0, 1, NO},
        {"0.0.0.0", "::", 0, UNKNOWN, UNKNOWN},
        {"::1", "::", 0, 1, YES},
        {"::1", "0.0.0.0", 0, 0, NO},
        {"::ffff:127.0.0.1", "127.0.0.1", 0, 0, YES},
        {"::ffff:0.0.0.0", "127.0.0.1", 0, 0, YES},
        {"::", "::", 1, 1, YES},
        {"224.0.0.251", "0.0.0.0", 0, 0, YES},
        {"224.0.0.251", "224.0.0.252", 0, 0, NO},
        {"0.0.0.0", "2001:db8::1", 0, 0, YES},
        {"0.0.0.0", "2001:db8::1", 0, 1, NO},
        {"0.0.0.0", "2001:db8::1", 0, UNKNOWN, UNKNOWN},
        {"127.0.0.6", "2001:db8::1", 0, 0, NO},
        {"::ffff:0.0.0.0", "2001:db8::1", 0, 0, NO},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        b = newcomer(IPPROTO_TCP, pairs[i].b);
        a = holder(STATE_CLOSE, pairs[i].a);
        b.options[OPTION_V6ONLY] = (tristate)pairs[i].b_v6only;
        a.v6only = (tristate)pairs[i].a_v6only;
        char name[64];
        snprintf(name, sizeof name, "%s against %s", pairs[i].b, pairs[i].a);
        ok(rules_overlap(&b, &a) == pairs[i].overlap, name);
    }
    b = newcomer(IPPROTO_UDP, "127.0.0.6");
    a = holder(STATE_ESTABLISHED, "2001:db8::1");
    ok(rules_overlap(&b, &a) == YES, "UDP: 127.0.0.6 meets a connected IPv6 socket without v6only");

    b = newcomer(IPPROTO_TCP, "127.0.0.1");
    a = holder(STATE_CLOSE, "127.0.0.1");
    b.device = 1;
    a.device = 2;
    blocks(&b, &a, NO, "two devices never meet");
    a.device = 0;
    blocks(&b, &a, YES, "no device meets every device");
    a.device_known = false;
    blocks(&b, &a, UNKNOWN, "a device that is not shown makes the answer unknown");

    /* What the refusal proves. */
    struct conflict conflict = {.source = SOURCE_SOCK_DIAG, .all_sockets = true, .shows_bound = true};
    b = newcomer(IPPROTO_TCP, "127.0.0.1");
    b.options[OPTION_REUSEADDR] = YES;
    a = holder(STATE_TIME_WAIT, "127.0.0.1");
    a.inode = 0;
    holders_add(&conflict, &b, &a);
    conclude(&conflict, &b);
    ok(conflict.holders[0].blocks == YES && conflict.holders[0].reuseaddr == NO &&
           conflict.cause == CAUSE_TIME_WAIT,
       "a single candidate is the blocker, and its hidden flag is known");
    conflict = (struct conflict){.source = SOURCE_SOCK_DIAG, .all_sockets = true, .shows_bound = true};
    holders_add(&conflict, &b, &a);
    a.state = STATE_CLOSE;
    a.inode = 7;
    holders_add(&conflict, &b, &a);
    conclude(&conflict, &b);
    ok(conflict.holders[0].blocks == UNKNOWN && conflict.holders[1].blocks == UNKNOWN &&
           conflict.cause == CAUSE_UNKNOWN,
       "of two candidates neither is accused");
    conflict = (struct conflict){.source = SOURCE_PROC, .all_sockets = true};
    holders_add(&conflict, &b, &a);
    conclude(&conflict, &b);
    ok(conflict.holders[0].blocks == UNKNOWN, "/proc may hide the real blocker: nothing is inferred");
    return tap_end();
}
