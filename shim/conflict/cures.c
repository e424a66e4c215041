/* SPDX-License-Identifier: MIT
 *
 * What makes the refused call succeed. Only what is certain to: no cure is better than a wrong one. Contract
 * in steps.h. tests/cures.bats takes each of them.
 */
#include "reuseshim/protocol.h"
#include "steps.h"

#include <string.h>

static struct cure *add(struct conflict *conflict, const char *policy, enum apply_to apply_to, unsigned needs)
{
    struct cure *cure = &conflict->cures[conflict->cure_count++];
    cure->policy = policy;
    cure->apply_to = apply_to;
    cure->needs = needs;
    return cure;
}

static bool is_tcp(const struct newcomer *newcomer)
{
    return protocol_is_tcp(newcomer->protocol);
}

/* The word of the rule language for its protocol, "" if there is none. */
static const char *rule_word(const struct newcomer *newcomer)
{
    return protocol_find(protocol_find(newcomer->protocol)->matched)->word;
}

static void write_options(struct text *text, const char *action, unsigned options)
{
    bool first = true;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options & option_bit((enum socket_option)i)) {
            text_strings(text, first ? action : ",", option_table[i].word);
            first = false;
        }
}

/* "tcp port 8080 force reuseport retry reuseaddr". REUSESHIM_RULES is tried before the policy, so a rule must
 * not take away what the policy gives: at bind that is the retry with SO_REUSEADDR of TCP, and for this side
 * alone what its socket has. The holder gets only what the cure is about: v6only would shut IPv4 clients out.
 */
static void write_rules(struct cure *cure, const struct newcomer *newcomer, const char *family,
                        unsigned force, const char *more)
{
    struct text text = text_in(cure->rules, sizeof cure->rules);
    const unsigned reuseaddr = option_bit(OPTION_REUSEADDR), reuse = reuseaddr | option_bit(OPTION_REUSEPORT);
    unsigned carried = cure->apply_to == APPLY_TO_THIS                       ? ~0U
                       : cure->apply_to == APPLY_TO_BOTH && is_tcp(newcomer) ? reuse
                                                                             : 0;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].kind != OF_DESCRIPTOR && newcomer->options[i] == YES &&
            carried & option_bit((enum socket_option)i) & ~(is_tcp(newcomer) ? reuseaddr : 0))
            force |= option_bit((enum socket_option)i);
    text_strings(&text, family, rule_word(newcomer), " port ");
    text_unsigned(&text, newcomer->local.port);
    write_options(&text, " force ", force);
    write_options(&text, " retry ", is_tcp(newcomer) ? reuseaddr & ~force : 0);
    text_string(&text, more);
    text_end(&text);
}

static void write_text(struct cure *cure, const char *before, int64_t number, const char *after)
{
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, before);
    if (number >= 0)
        text_signed(&text, number);
    text_string(&text, after);
    text_end(&text);
}

/* Half a list of processes, or half a path, would be another cure. */
static void end_whole(struct conflict *conflict, struct text *text)
{
    text_end(text);
    if (text->full)
        conflict->cure_count--;
}

/* ---- waiting ---------------------------------------------------------------------------------- */

/* How long until the last of the blockers that expire has gone, in whole seconds rounded up; -1 if not all
 * do. */
static int64_t seconds_to_wait(const struct conflict *conflict)
{
    /* TCP_TIMEWAIT_LEN, not tunable; the kernel's timer wheel lets it end up to 512 ticks later
     * (kernel/time/timer.c). */
    enum { TIME_WAIT_MS = 60000, LATE_MS = 5200 };
    int64_t longest = -1;
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
    return longest < 0 ? -1 : (longest + LATE_MS + 999) / 1000;
}

static void wait_for_it(struct conflict *conflict, const struct newcomer *newcomer)
{
    int64_t seconds = seconds_to_wait(conflict);
    /* Where bound-only sockets do not show, one of them may be there as well, and stay. */
    if (seconds >= 0 && (conflict->shows_bound || !is_tcp(newcomer) || newcomer->call == CALL_CONNECT))
        write_text(add(conflict, NULL, APPLY_TO_THIS, NEED_WAIT), "wait ", seconds, " s and start it again");
}

/* Nobody is left who could be asked to stop; what remains can be taken away. */
static void evict_it(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || newcomer->call == CALL_CONNECT)
        return;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].owner != OWNER_NONE)
            return;
    struct cure *cure = add(conflict, "restart-now", APPLY_TO_THIS, NEED_NET_ADMIN);
    write_text(
        cure,
        "to start now: run this program with restart-now, which removes the leftover; it needs CAP_NET_ADMIN",
        -1, "");
    write_rules(cure, newcomer, "", 0, " evict;on listen tcp force reuseaddr");
}

/* ---- stopping the holder ----------------------------------------------------------------------- */

static bool is_ours(const struct owners *owners)
{
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].relation == RELATION_SELF ||
            owners->processes[i].relation == RELATION_ANCESTOR)
            return true;
    return false;
}

/* What a process that is stopped may leave on the port. */
static const char *leavings(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || conflict->cause == CAUSE_BOUND)
        return "";
    return conflict->cause == CAUSE_LISTENER || conflict->cause == CAUSE_INHERITED
               ? "; connections it closes may hold the port for 60 s more"
               : "; its connection may hold the port for 60 s more, unless the peer closes first";
}

/* Stopping those who hold the one blocker. The owner's relatives were asked whether they share it; that
 * others may is said where processes are known to be out of sight. */
static void stop_the_holder(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct owners *owners = &conflict->owners[conflict->holders[0].owners];
    bool alone = conflict->holder_count == 1 || conflict->holders[1].blocks == NO;
    if (!alone || conflict->holders[0].blocks != YES || owners->count == 0 || owners->count > PROCESSES_MAX ||
        conflict->holders[0].owner != OWNER_KNOWN || is_ours(owners))
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_HOLDER, NEED_STOP_HOLDER);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, owners->count == 1 ? "stop process " : "stop the processes ");
    for (uint32_t i = 0; i < owners->count; i++) {
        text_string(&text, i == 0 ? "" : ", ");
        text_signed(&text, owners->processes[i].pid);
        if (i && strcmp(owners->processes[i].program, owners->processes[0].program) == 0)
            continue;
        text_string(&text, " (");
        text_escaped(&text, owners->processes[i].program, strlen(owners->processes[i].program));
        text_char(&text, ')');
    }
    text_strings(&text,
                 conflict->cause == CAUSE_INHERITED ? ""
                 : owners->count == 1               ? " if it is not needed"
                                                    : " if they are not needed",
                 leavings(conflict, newcomer));
    if (conflict->unseen_owners)
        text_string(&text, "; a process that cannot be seen from here may have it open, too");
    if (newcomer->path.length && newcomer->path.bytes[0]) {
        text_string(&text, ", then remove the file ");
        unix_path_write(&text, &newcomer->path);
    }
    end_whole(conflict, &text);
}

/* ---- options ---------------------------------------------------------------------------------- */

/* SO_REUSEADDR on both helps against everything but a listener. */
static bool reuseaddr_would_help(const struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].state == STATE_LISTEN)
            return false;
    return true;
}

/* What is bound and does not listen gets nothing from the policy restart, which acts at listen. */
static void reuse_address_of_bound(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || !reuseaddr_would_help(conflict))
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_BOTH, 0);
    write_text(cure,
               "force SO_REUSEADDR on both, on the holder from its start; only one of them can then listen",
               -1, "");
    write_rules(cure, newcomer, "", option_bit(OPTION_REUSEADDR), "");
}

/* What a server has left behind has the option if the server listened with it. */
static void reuse_address(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || !reuseaddr_would_help(conflict))
        return;
    struct cure *cure = add(conflict, "restart", APPLY_TO_BOTH, 0);
    write_text(
        cure,
        conflict->cause != CAUSE_TIME_WAIT ? "run both under the policy restart, the holder from its start"
        : newcomer->options[OPTION_REUSEADDR] == YES
            ? "for the next time: the instance that left this ran without SO_REUSEADDR; run every instance "
              "under the policy restart"
            : "for the next time: run every instance under the policy restart, this one included",
        -1, "");
    write_rules(cure, newcomer, "", 0, ";on listen tcp force reuseaddr");
}

/* A connection got its option from the listener that it came in by, or before its own connect(). */
static void reuse_address_of_connection(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || !reuseaddr_would_help(conflict))
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_BOTH, 0);
    write_text(cure,
               conflict->cause == CAUSE_EPHEMERAL_CLIENT
                   ? "run the client under the policy client from its start, and this one under restart"
                   : "force SO_REUSEADDR on both, on the holder from its start",
               -1, "");
    write_rules(cure, newcomer, "", option_bit(OPTION_REUSEADDR),
                ";on listen tcp force reuseaddr;on connect tcp force reuseaddr");
}

/* Only for what follows: the connection that is there now has to end. */
static void reserve_the_port(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = add(conflict, NULL, APPLY_TO_HOLDER, NEED_NET_ADMIN | NEED_STOP_HOLDER);
    write_text(cure, "for the next time: keep the port for servers, sysctl net.ipv4.ip_local_reserved_ports=",
               newcomer->local.port, " (and what it has already), before the client starts");
}

/* A dual-stack [::] only wanted IPv6, perhaps: v6only on it ends the quarrel with an IPv4 socket. */
static void bind_ipv6_alone(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool ours = newcomer->local.family == AF_INET6 && !endpoint_is_mapped(&newcomer->local) &&
                endpoint_is_wildcard(&newcomer->local);
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct endpoint *local = &conflict->holders[i].local;
        bool plain_v4 = local->family == AF_INET || endpoint_is_mapped(local);
        bool dual = !plain_v4 && endpoint_is_wildcard(local) && conflict->holders[i].v6only == NO;
        if (conflict->holders[i].blocks == NO)
            continue;
        if (ours ? !plain_v4 : newcomer->local.family != AF_INET || !dual)
            return;
    }
    struct cure *cure = add(conflict, NULL, ours ? APPLY_TO_THIS : APPLY_TO_HOLDER, 0);
    write_text(cure,
               ours ? "bind [::] for IPv6 alone (it then no longer takes IPv4)"
                    : "let the holder bind [::] for IPv6 alone (it then no longer takes IPv4)",
               -1, "");
    write_rules(cure, newcomer, "ipv6 ", option_bit(OPTION_V6ONLY), "");
}

static void share_the_port(struct conflict *conflict, const struct newcomer *newcomer)
{
    /* A newcomer that has the option and is refused all the same may have a reuseport program of its own. */
    if (!is_tcp(newcomer) || newcomer->options[OPTION_REUSEPORT] == YES)
        return;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && rules_same_user(newcomer, &conflict->holders[i]) != YES)
            return;
    /* With SO_REUSEADDR as well, for what an instance leaves behind in TIME_WAIT. */
    struct cure *cure = add(conflict, "handover", APPLY_TO_BOTH, NEED_SAME_USER);
    bool same = endpoint_same_address(&newcomer->local, &conflict->holders[0].local);
    write_text(cure,
               same ? "let both serve the port: each gets a part of the connections"
                    : "let both serve the port: each serves its own address; the more specific one wins",
               -1, "");
    write_rules(cure, newcomer, "", option_bit(OPTION_REUSEADDR) | option_bit(OPTION_REUSEPORT), "");
}

/* Receivers of a group are meant to be several. */
static void receive_together(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (protocol_find(newcomer->protocol)->matched != IPPROTO_UDP || !endpoint_is_multicast(&newcomer->local))
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_BOTH, 0);
    write_text(cure, "let both receive: SO_REUSEADDR on both, on the holder from its start", -1, "");
    write_rules(cure, newcomer, "", option_bit(OPTION_REUSEADDR), "");
}

static void become_that_user(struct conflict *conflict, const struct newcomer *newcomer)
{
    uint32_t uid = conflict->holders[0].uid;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO &&
            cause_of_holder(newcomer, &conflict->holders[i]) != CAUSE_OTHER_USER)
            return;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].uid != uid)
            return;
    write_text(add(conflict, NULL, APPLY_TO_THIS, NEED_SAME_USER), "run it as the holder's user, uid ", uid,
               "");
}

static void attach_later(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    write_text(
        add(conflict, NULL, APPLY_TO_THIS, 0),
        "attach the program (SO_ATTACH_REUSEPORT_CBPF or _EBPF) to the first socket of the port only, or "
        "after bind (TCP: after listen)",
        -1, "");
}

static void close_on_exec(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct owners *owners = &conflict->owners[conflict->holders[0].owners];
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].never_executed)
            return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_BOTH, 0);
    write_text(cure, "for the next time: run every instance so that its children do not keep the port", -1,
               "");
    struct text text = text_in(cure->rules, sizeof cure->rules);
    text_strings(&text, "on socket ", rule_word(newcomer), " force cloexec");
    text_end(&text);
}

/* ---- connect, port 0, AF_UNIX ------------------------------------------------------------------- */

static void take_any_port(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    write_text(add(conflict, NULL, APPLY_TO_THIS, 0),
               "let the kernel choose the local port: connect without bind, or bind port 0", -1, "");
}

static void widen_the_range(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct range_use *use = &conflict->range_use;
    enum { FIRST_UNPRIVILEGED = 1024, LAST = 65535 };
    if (newcomer->call == CALL_BINDRESVPORT || use->range.last == 0 || use->own ||
        (use->range.first <= FIRST_UNPRIVILEGED && use->range.last == LAST))
        return;
    struct cure *cure = add(conflict, NULL, APPLY_TO_THIS, NEED_NET_ADMIN);
    write_text(
        cure,
        "widen the range: sysctl net.ipv4.ip_local_port_range='1024 65535', with the ports of servers in "
        "net.ipv4.ip_local_reserved_ports, or connections may take those",
        -1, "");
}

static void remove_the_file(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = add(conflict, NULL, APPLY_TO_THIS, 0);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, "remove the file ");
    unix_path_write(&text, &newcomer->path);
    text_string(&text, " and start it again");
    end_whole(conflict, &text);
}

/* ---- which for what ---------------------------------------------------------------------------- */

static void nothing_more(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)conflict;
    (void)newcomer;
}

typedef void remedy(struct conflict *conflict, const struct newcomer *newcomer);
enum { REMEDIES_MAX = 3 };

#define REMEDIES(name, word, plain, with_reuseaddr, ...) [CAUSE_##name] = {__VA_ARGS__},
static remedy *const remedies[CAUSE_COUNT][REMEDIES_MAX] = {
    [CAUSE_UNKNOWN] = {nothing_more, nothing_more, nothing_more}, CAUSES(REMEDIES)};

/* What holds against those that are listed need not hold against others. */
static bool all_is_known(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (conflict->cause == CAUSE_PORTS_EXHAUSTED || conflict->cause == CAUSE_UNIX_STALE)
        return true;
    return conflict->holder_count && conflict->holders_omitted == 0 && conflict->all_sockets &&
           conflict->holders[0].blocks != NO && (newcomer->family == AF_UNIX || rule_word(newcomer)[0]);
}

void cures_find(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!all_is_known(conflict, newcomer))
        return;
    if (newcomer->family != AF_UNIX && newcomer->call != CALL_CONNECT && newcomer->local.port &&
        rules_is_dual_stack(newcomer, &conflict->holders[0]))
        bind_ipv6_alone(conflict, newcomer);
    for (int i = 0; i < REMEDIES_MAX; i++)
        remedies[conflict->cause][i](conflict, newcomer);
}
