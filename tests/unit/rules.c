/* SPDX-License-Identifier: MIT
 *
 * The kernel's rule, at the places where people get it wrong; and what a refusal proves.
 */
#include "conflict/steps.h"
#include "reuseshim/protocol.h"
#include "tap.h"

#include <string.h>

/* ---- a newcomer, a holder --------------------------------------------------------------------- */

static struct endpoint at(const char *address)
{
    struct prefix parsed;
    if (prefix_parse(&parsed, address, strlen(address)) != PREFIX_OK)
        printf("# bad address %s\n", address);
    return endpoint_of(parsed.family, parsed.address, 80);
}

static struct newcomer newcomer_at(int protocol, const char *address)
{
    return (struct newcomer){
        .call = CALL_BIND, .protocol = protocol, .local = at(address), .uid = 1000, .uid_known = true};
}

static struct holder holder_at(enum socket_state state, const char *address)
{
    struct holder holder = holder_unknown();
    holder.protocol = IPPROTO_TCP;
    holder.state = (uint8_t)state;
    holder.local = at(address);
    holder.inode = 1;
    holder.uid = 1000;
    holder.uid_known = holder.device_known = true;
    holder.v6only = NO;
    return holder;
}

static void blocks(const char *promise, tristate expected, const struct newcomer *newcomer,
                   const struct holder *holder)
{
    ok(rules_blocks(newcomer, holder) == expected, promise);
}

/* ---- SO_REUSEADDR ----------------------------------------------------------------------------- */

static void reuseaddr(void)
{
    struct newcomer newcomer = newcomer_at(IPPROTO_TCP, "0.0.0.0");
    struct holder holder = holder_at(STATE_LISTEN, "127.0.0.1");
    blocks("without options everything that overlaps blocks", YES, &newcomer, &holder);
    newcomer.options[OPTION_REUSEADDR] = holder.reuseaddr = YES;
    blocks("reuseaddr on both does not help against a listener", YES, &newcomer, &holder);
    holder.state = STATE_CLOSE;
    blocks("reuseaddr on both helps against a bound socket", NO, &newcomer, &holder);
    holder.reuseaddr = NO;
    blocks("reuseaddr on one side only is nothing", YES, &newcomer, &holder);
    holder.reuseaddr = UNKNOWN;
    blocks("a hidden option makes the answer unknown", UNKNOWN, &newcomer, &holder);

    newcomer = newcomer_at(IPPROTO_UDP, "0.0.0.0");
    newcomer.options[OPTION_REUSEADDR] = holder.reuseaddr = YES;
    holder.uid = 0;
    blocks("UDP: reuseaddr on both shares with any user", NO, &newcomer, &holder);
}

/* ---- SO_REUSEPORT ----------------------------------------------------------------------------- */

static void reuseport(void)
{
    struct newcomer newcomer = newcomer_at(IPPROTO_TCP, "0.0.0.0");
    struct holder holder = holder_at(STATE_LISTEN, "127.0.0.1");
    newcomer.options[OPTION_REUSEPORT] = holder.reuseport = YES;
    blocks("reuseport on both and one user: shared, even with a listener", NO, &newcomer, &holder);
    holder.uid = 0;
    blocks("reuseport on both and another user, root too: refused", YES, &newcomer, &holder);

    holder = holder_at(STATE_TIME_WAIT, "127.0.0.1");
    holder.reuseport = YES;
    holder.uid_known = false;
    holder.inode = 0;
    blocks("TIME_WAIT has no user", NO, &newcomer, &holder);
    holder.state = STATE_FIN_WAIT2;
    blocks("the FIN_WAIT2 form of TIME_WAIT has no user", NO, &newcomer, &holder);
    holder.state = STATE_FIN_WAIT1;
    blocks("an orphan in FIN_WAIT1 has a user, perhaps not shown", UNKNOWN, &newcomer, &holder);
}

/* ---- addresses and devices -------------------------------------------------------------------- */

static void addresses(void)
{
    static const struct {
        const char *newcomer, *holder;
        tristate newcomer_v6only, holder_v6only, overlap;
    } pairs[] = {
        {"127.0.0.1", "127.0.0.2", NO, NO, NO},
        {"0.0.0.0", "127.0.0.2", NO, NO, YES},
        {"::", "127.0.0.1", NO, NO, YES},
        {"::", "127.0.0.1", YES, NO, NO},
        {"0.0.0.0", "::", NO, NO, YES},
        {"0.0.0.0", "::", NO, YES, NO},
        {"0.0.0.0", "::", NO, UNKNOWN, UNKNOWN},
        {"::1", "::", NO, YES, YES},
        {"::1", "0.0.0.0", NO, NO, NO},
        {"::ffff:127.0.0.1", "127.0.0.1", NO, NO, YES},
        {"::ffff:0.0.0.0", "127.0.0.1", NO, NO, YES},
        {"::", "::", YES, YES, YES},
        {"224.0.0.251", "0.0.0.0", NO, NO, YES},
        {"224.0.0.251", "224.0.0.252", NO, NO, NO},
        {"0.0.0.0", "2001:db8::1", NO, NO, YES},
        {"0.0.0.0", "2001:db8::1", NO, YES, NO},
        {"0.0.0.0", "2001:db8::1", NO, UNKNOWN, UNKNOWN},
        {"127.0.0.6", "2001:db8::1", NO, NO, NO},
        {"::ffff:0.0.0.0", "2001:db8::1", NO, NO, NO},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct newcomer newcomer = newcomer_at(IPPROTO_TCP, pairs[i].newcomer);
        struct holder holder = holder_at(STATE_CLOSE, pairs[i].holder);
        newcomer.kernel = KERNEL(6, 1);
        newcomer.options[OPTION_V6ONLY] = pairs[i].newcomer_v6only;
        holder.v6only = pairs[i].holder_v6only;
        char promise[96];
        snprintf(promise, sizeof promise, "%s against %s, v6only %d and %d", pairs[i].newcomer,
                 pairs[i].holder, pairs[i].newcomer_v6only, pairs[i].holder_v6only);
        ok(rules_overlap(&newcomer, &holder) == pairs[i].overlap, promise);
    }
    struct newcomer udp = newcomer_at(IPPROTO_UDP, "127.0.0.6");
    struct holder connected = holder_at(STATE_ESTABLISHED, "2001:db8::1");
    ok(rules_overlap(&udp, &connected) == YES, "UDP: 127.0.0.6 meets a connected IPv6 socket without v6only");
    struct newcomer tcp = newcomer_at(IPPROTO_TCP, "127.0.0.6");
    tcp.kernel = KERNEL(5, 10);
    ok(rules_overlap(&tcp, &connected) == YES, "before 6.1 TCP does so, too");
    tcp.kernel = KERNEL_UNKNOWN;
    ok(rules_overlap(&tcp, &connected) == UNKNOWN, "where the kernel is not known, neither is that");
    struct newcomer mapped = newcomer_at(IPPROTO_TCP, "::ffff:127.0.0.1");
    struct holder wildcard = holder_at(STATE_CLOSE, "::ffff:0.0.0.0");
    mapped.kernel = KERNEL(6, 8);
    ok(rules_overlap(&mapped, &wildcard) == YES, "a mapped address meets the mapped wildcard");
    mapped.kernel = KERNEL(6, 7);
    ok(rules_overlap(&mapped, &wildcard) == NO, "from 6.1 to 6.7 it does not");
    mapped.kernel = KERNEL(5, 10);
    ok(rules_overlap(&mapped, &wildcard) == YES, "before, it did");
    tcp.local = at("127.0.0.1");
    ok(rules_overlap(&tcp, &connected) == NO, "no other address of 127.0.0.0/8 meets it on any kernel");
}

static void kernels(void)
{
    ok(kernel_of_release("6.1.0-47-cloud-amd64") == KERNEL(6, 1), "a distributor's kernel");
    ok(kernel_of_release("7.3.4+deb13-cloud-amd64") == KERNEL(7, 3), "one of two digits");
    ok(kernel_of_release("6.18") > KERNEL(6, 8), "6.18 comes after 6.8");
    ok(kernel_of_release("2.6.78") == KERNEL_UNKNOWN, "what UNAME26 makes of 6.18 is no version");
    ok(kernel_of_release("") == KERNEL_UNKNOWN && kernel_of_release("6") == KERNEL_UNKNOWN &&
           kernel_of_release("6.x") == KERNEL_UNKNOWN && kernel_of_release("99999.1") == KERNEL_UNKNOWN,
       "neither is what has no two numbers");
}

static void devices(void)
{
    struct newcomer newcomer = newcomer_at(IPPROTO_TCP, "127.0.0.1");
    struct holder holder = holder_at(STATE_CLOSE, "127.0.0.1");
    newcomer.device = 1;
    holder.device = 2;
    blocks("two devices never meet", NO, &newcomer, &holder);
    holder.device = 0;
    blocks("no device meets every device", YES, &newcomer, &holder);
    holder.device_known = false;
    blocks("a device that is not shown makes the answer unknown", UNKNOWN, &newcomer, &holder);
}

/* ---- protocols -------------------------------------------------------------------------------- */

static void protocols_alike(void)
{
    struct newcomer newcomer = newcomer_at(IPPROTO_MPTCP, "0.0.0.0");
    struct holder holder = holder_at(STATE_LISTEN, "127.0.0.1");
    newcomer.options[OPTION_REUSEADDR] = holder.reuseaddr = YES;
    blocks("MPTCP goes by TCP's rule: no listener is passed by reuseaddr", YES, &newcomer, &holder);
    newcomer.protocol = IPPROTO_SCTP;
    blocks("of a protocol whose rule is not known nothing is claimed", UNKNOWN, &newcomer, &holder);
}

/* ---- what the refusal proves ------------------------------------------------------------------ */

/* As conflict_explain() does it, without a system call. */
static void conclude(struct conflict *conflict, struct newcomer *newcomer)
{
    conflict_settle(conflict, newcomer);
    conflict->cause = cause_find(conflict, newcomer);
    sentence_write(conflict, newcomer);
    cures_find(conflict, newcomer);
}

static void refusals(void)
{
    static const struct conflict from_sock_diag = {
        .source = SOURCE_SOCK_DIAG, .all_sockets = true, .shows_bound = true};
    static const struct conflict from_proc = {.source = SOURCE_PROC, .all_sockets = true};
    struct newcomer newcomer = newcomer_at(IPPROTO_TCP, "127.0.0.1");
    struct holder time_wait = holder_at(STATE_TIME_WAIT, "127.0.0.1");
    struct holder bound = holder_at(STATE_CLOSE, "127.0.0.1");
    newcomer.options[OPTION_REUSEADDR] = YES;
    time_wait.inode = 0;
    bound.inode = 7;

    struct conflict conflict = from_sock_diag;
    holders_add(&conflict, &newcomer, &time_wait);
    conclude(&conflict, &newcomer);
    ok(conflict.holders[0].blocks == YES && conflict.holders[0].reuseaddr == NO &&
           conflict.cause == CAUSE_TIME_WAIT,
       "a single candidate is the blocker, and its hidden option is known");

    conflict = from_sock_diag;
    holders_add(&conflict, &newcomer, &time_wait);
    holders_add(&conflict, &newcomer, &bound);
    conclude(&conflict, &newcomer);
    ok(conflict.holders[0].blocks == UNKNOWN && conflict.holders[1].blocks == UNKNOWN &&
           conflict.cause == CAUSE_UNKNOWN,
       "of two candidates neither is accused");

    conflict = from_proc;
    holders_add(&conflict, &newcomer, &bound);
    conclude(&conflict, &newcomer);
    ok(conflict.holders[0].blocks == UNKNOWN, "/proc may hide the real blocker: nothing is inferred");

    struct newcomer udp = newcomer_at(IPPROTO_UDP, "127.0.0.1");
    udp.options[OPTION_REUSEADDR] = YES;
    conflict = from_proc;
    holders_add(&conflict, &udp, &bound);
    conclude(&conflict, &udp);
    ok(conflict.holders[0].blocks == YES && conflict.holders[0].reuseaddr == NO,
       "of UDP all sockets show everywhere: the only one is the blocker");
}

int main(void)
{
    reuseaddr();
    reuseport();
    addresses();
    kernels();
    devices();
    protocols_alike();
    refusals();
    return tap_end();
}
