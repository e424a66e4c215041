/* SPDX-License-Identifier: MIT
 *
 * Socket options that let both in. Contract in cures.h.
 */
#include "cures.h"

#include <string.h>

/* SO_REUSEADDR on both helps against everything but a listener. */
static bool reuseaddr_would_help(const struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO && conflict->holders[i].state == STATE_LISTEN)
            return false;
    return true;
}

/* Instances of one program, by its file or its unit, all of which go on. */
static bool are_instances(const struct conflict *conflict)
{
    const struct owners *owners = first_owners(conflict);
    struct manager manager = conflict_manager(conflict, &conflict->holders[0]);
    bool same_unit = manager.unit.length && conflict_is_own_unit(conflict, &manager);
    if (conflict->holders[0].owner != OWNER_KNOWN)
        return false;
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++) {
        const struct process *process = &owners->processes[i];
        if (process->state == 'T' || process->state == 't' ||
            (!same_unit && process->relation != RELATION_SAME_PROGRAM))
            return false;
    }
    return true;
}

/* What is bound and does not listen gets nothing from the policy restart, which acts at listen. */
void reuse_address_of_bound(struct conflict *conflict, const struct newcomer *newcomer)
{
    /* Who binds without listening may hold the port as a lock: no other program is to share it. */
    if (!is_tcp(newcomer) || !reuseaddr_would_help(conflict) || conflict->holders[0].reuseaddr == YES ||
        !are_instances(conflict))
        return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_BOTH, 0);
    cure_text(cure,
              "force SO_REUSEADDR on both, on the holder from its start; only one of them can then listen",
              -1, "");
    cure_rules(conflict, cure, newcomer, (struct addition){.force = option_bit(OPTION_REUSEADDR)});
}

/* A connection got its option from the listener that it came in by, or before its own connect(). */
void reuse_address_of_connection(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || !reuseaddr_would_help(conflict))
        return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_BOTH, 0);
    cure_text(cure,
              conflict->cause == CAUSE_EPHEMERAL_CLIENT
                  ? "run the client under the policy client from its start, and this one under restart"
                  : "force SO_REUSEADDR on both, on the holder from its start",
              -1, "");
    cure_rules(conflict, cure, newcomer,
               (struct addition){.force = option_bit(OPTION_REUSEADDR),
                                 .more = ";on listen tcp force reuseaddr;on connect tcp force reuseaddr"});
}

/* The holder has one of the two options already and so is ready to share: then this side alone is to do the
 * same. */
void use_what_it_has(struct conflict *conflict, const struct newcomer *newcomer)
{
    tristate by_address = YES, by_port = YES;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (holder->blocks == NO)
            continue;
        bool listens = is_tcp(newcomer) && holder->state == STATE_LISTEN;
        by_address = by_address == YES && holder->reuseaddr == YES && !listens;
        by_port = by_port == YES && holder->reuseport == YES && rules_same_user(newcomer, holder) == YES;
    }
    /* Of two receivers of UDP only one gets each datagram, a group's apart. */
    if (!is_tcp(newcomer) && !endpoint_is_multicast(&newcomer->local) && !are_instances(conflict))
        return;
    enum socket_option option = by_address == YES ? OPTION_REUSEADDR : OPTION_REUSEPORT;
    if ((by_address != YES && by_port != YES) || newcomer->options[option] == YES)
        return;
    struct cure *cure =
        cure_add(conflict, NULL, APPLY_TO_THIS, option == OPTION_REUSEPORT ? NEED_SAME_USER : 0);
    cure_text(cure,
              option == OPTION_REUSEADDR
                  ? "the holder has SO_REUSEADDR: set it here, too, and both are bound"
                  : "the holder has SO_REUSEPORT: set it here, too, and both are bound",
              -1, endpoint_is_multicast(&newcomer->local) ? "; each gets every datagram of the group" : "");
    cure_rules(conflict, cure, newcomer, (struct addition){.force = option_bit(option)});
}

/* A dual-stack [::] only wanted IPv6, perhaps: v6only on it ends the quarrel with an IPv4 socket. */
void bind_ipv6_alone(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool ours = newcomer->local.family == AF_INET6 && !endpoint_is_mapped(&newcomer->local) &&
                endpoint_is_wildcard(&newcomer->local);
    if (!ours && keeper_is_systemd(first_owners(conflict)))
        return; /* it takes no rules of ours */
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct endpoint *local = &conflict->holders[i].local;
        bool plain_v4 = local->family == AF_INET || endpoint_is_mapped(local);
        bool dual = !plain_v4 && endpoint_is_wildcard(local) && conflict->holders[i].v6only == NO;
        if (conflict->holders[i].blocks == NO)
            continue;
        if (ours ? !plain_v4 : newcomer->local.family != AF_INET || !dual)
            return;
    }
    struct cure *cure = cure_add(conflict, NULL, ours ? APPLY_TO_THIS : APPLY_TO_HOLDER, 0);
    cure_text(cure,
              ours ? "bind [::] for IPv6 alone (it then no longer takes IPv4)"
                   : "let the holder bind [::] for IPv6 alone (it then no longer takes IPv4)",
              -1, "");
    cure_rules(conflict, cure, newcomer,
               (struct addition){.family = "ipv6 ", .force = option_bit(OPTION_V6ONLY)});
}

void share_the_port(struct conflict *conflict, const struct newcomer *newcomer)
{
    /* A newcomer that has the option and is refused all the same may have a reuseport program of its own. */
    if (!is_tcp(newcomer) || newcomer->options[OPTION_REUSEPORT] == YES || !are_instances(conflict))
        return;
    bool holder_has_it = true;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        if (conflict->holders[i].blocks == NO)
            continue;
        if (rules_same_user(newcomer, &conflict->holders[i]) != YES)
            return;
        holder_has_it &= conflict->holders[i].reuseport == YES;
    }
    /* With SO_REUSEADDR as well, for what an instance leaves behind in TIME_WAIT. */
    struct cure *cure =
        cure_add(conflict, "handover", holder_has_it ? APPLY_TO_THIS : APPLY_TO_BOTH, NEED_SAME_USER);
    bool same = endpoint_same_address(&newcomer->local, &conflict->holders[0].local);
    cure_text(cure,
              same ? "let both serve the port: each gets a part of the connections"
                   : "let both serve the port: each serves its own address; the more specific one wins",
              -1, holder_has_it ? "; the holder has SO_REUSEPORT already" : "");
    cure_rules(conflict, cure, newcomer,
               (struct addition){.force = option_bit(OPTION_REUSEADDR) | option_bit(OPTION_REUSEPORT)});
}

/* Receivers of a group are meant to be several. */
void receive_together(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (protocol_find(newcomer->protocol)->matched != IPPROTO_UDP || !endpoint_is_multicast(&newcomer->local))
        return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_BOTH, 0);
    cure_text(cure, "let both receive: SO_REUSEADDR on both, on the holder from its start", -1, "");
    cure_rules(conflict, cure, newcomer, (struct addition){.force = option_bit(OPTION_REUSEADDR)});
}

void become_that_user(struct conflict *conflict, const struct newcomer *newcomer)
{
    uint32_t uid = conflict->holders[0].uid;
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO &&
            (cause_of_holder(newcomer, &conflict->holders[i]) != CAUSE_OTHER_USER ||
             conflict->holders[i].uid != uid))
            return;
    cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, NEED_SAME_USER), "run it as the holder's user, uid ",
              uid, "");
}

void attach_later(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    cure_text(
        cure_add(conflict, NULL, APPLY_TO_THIS, 0),
        "attach the program (SO_ATTACH_REUSEPORT_CBPF or _EBPF) to the first socket of the port only, or "
        "after bind (TCP: after listen)",
        -1, "");
}

void close_on_exec(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct owners *owners = first_owners(conflict);
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].never_executed)
            return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_BOTH, 0);
    cure_text(cure, "for the next time: run every instance so that its children do not keep the port", -1,
              "");
    struct text text = text_in(cure->rules, sizeof cure->rules);
    text_strings(&text, "on socket ", rule_word(newcomer), " force cloexec");
    text_end(&text);
}
