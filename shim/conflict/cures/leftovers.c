/* SPDX-License-Identifier: MIT
 *
 * What a connection leaves behind, and nobody holds any more. Contract in cures.h.
 */
#include "cures.h"

/* How long until the last of the blockers that expire has gone, in whole seconds rounded up; -1 if not all
 * do. */
static int64_t seconds_to_wait(const struct conflict *conflict)
{
    /* TCP_TIMEWAIT_LEN, not tunable; the kernel's timer wheel lets it end up to 512 ticks later
     * (kernel/time/timer.c). */
    enum { TIME_WAIT_MS = 60000, LATE_MS = 5200 };
    int64_t longest = -1;
    if (conflict->holders_omitted && conflict->omitted_timer_ms < 0)
        return -1;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (holder->blocks == NO)
            continue;
        if (holder->timer_ms < 0)
            return -1;
        /* A FIN_WAIT2 whose peer closes becomes TIME_WAIT in its last moment at the worst. */
        int64_t left = holder->timer_ms + (holder->state == STATE_FIN_WAIT2 ? TIME_WAIT_MS : 0);
        if (left > longest)
            longest = left;
    }
    if (longest >= 0 && conflict->holders_omitted && conflict->omitted_timer_ms > longest)
        longest = conflict->omitted_timer_ms;
    return longest < 0 ? -1 : (longest + LATE_MS + 999) / 1000;
}

void wait_for_it(struct conflict *conflict, const struct newcomer *newcomer)
{
    int64_t seconds = seconds_to_wait(conflict);
    /* Where bound-only sockets do not show, one of them may be there as well, and stay. */
    if (seconds >= 0 && (conflict->shows_bound || !is_tcp(newcomer) || newcomer->call == CALL_CONNECT))
        cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, NEED_WAIT), "wait ", seconds,
                  " s and start it again");
}

/* Nobody is left who could be asked to stop; what remains can be taken away. */
void evict_it(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || newcomer->call == CALL_CONNECT)
        return;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].owner != OWNER_NONE)
            return;
    struct cure *cure = cure_add(conflict, "restart-now", APPLY_TO_THIS, NEED_NET_ADMIN);
    cure_text(
        cure,
        "to start now: run this program with restart-now, which removes the leftover; it needs CAP_NET_ADMIN",
        -1, "");
    cure_rules(conflict, cure, newcomer,
               (struct addition){.evict = true, .more = ";on listen tcp force reuseaddr"});
}

/* Who opened the connection that it is left of? UNKNOWN where those in the way do not all say the same. */
static tristate was_outgoing(const struct conflict *conflict)
{
    tristate all = UNKNOWN;
    bool first = true;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        if (conflict->holders[i].blocks == NO)
            continue;
        if (!first && conflict->holders[i].outgoing != all)
            return UNKNOWN;
        all = conflict->holders[i].outgoing;
        first = false;
    }
    return all;
}

static bool somebody_listens(const struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].state == STATE_LISTEN)
            return true;
    return false;
}

/* What a server has left behind has the option if the server listened with it. */
void reuse_address(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || somebody_listens(conflict) || was_outgoing(conflict) == YES)
        return;
    struct cure *cure = cure_add(conflict, "restart", APPLY_TO_BOTH, 0);
    cure_text(
        cure,
        conflict->cause != CAUSE_TIME_WAIT ? "run both under the policy restart, the holder from its start"
        : newcomer->options[OPTION_REUSEADDR] == YES
            ? "for the next time: the instance that left this ran without SO_REUSEADDR; run every instance "
              "under the policy restart"
            : "for the next time: run every instance under the policy restart, this one included",
        -1, "");
    cure_rules(conflict, cure, newcomer, (struct addition){.more = ";on listen tcp force reuseaddr"});
}

/* No earlier instance of a server is to blame for what a client left. */
void client_of_leftover(struct conflict *conflict, const struct newcomer *newcomer)
{
    tristate outgoing = was_outgoing(conflict);
    if (!is_tcp(newcomer) || somebody_listens(conflict) || outgoing == NO || newcomer->call == CALL_CONNECT)
        return;
    struct cure *cure = cure_add(conflict, "client", APPLY_TO_BOTH, 0);
    cure_text(
        cure,
        outgoing == YES
            ? "for the next time: run the client whose connection it was under the policy client; if it was "
              "this program, always"
            : "for the next time, if an outgoing connection left it: run that client under the policy client; "
              "if it was this program, always",
        -1, "");
    cure_rules(
        conflict, cure, newcomer,
        (struct addition){.force = option_bit(OPTION_REUSEADDR), .more = ";on connect tcp force reuseaddr"});
}

/* Only for what follows: the connection that is there now has to end. */
void reserve_the_port(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct port_range *range = &conflict->automatic_range;
    bool chosen = conflict->cause == CAUSE_EPHEMERAL_CLIENT ||
                  (was_outgoing(conflict) == YES && range->first <= newcomer->local.port &&
                   newcomer->local.port <= range->last);
    if (!chosen || newcomer->local.port == 0)
        return;
    bool live = conflict->holders[0].inode != 0;
    struct cure *cure =
        cure_add(conflict, NULL, APPLY_TO_HOLDER, NEED_NET_ADMIN | (live ? NEED_STOP_HOLDER : 0));
    cure_text(cure, "for the next time: keep the port for servers, sysctl net.ipv4.ip_local_reserved_ports=",
              newcomer->local.port, " (and what it has already), before the client starts");
}
