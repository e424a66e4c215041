/* SPDX-License-Identifier: MIT
 *
 * What the files of cures share. Private to shim/conflict/cures. Pure.
 */
#ifndef REUSESHIM_CONFLICT_CURES_H
#define REUSESHIM_CONFLICT_CURES_H

#include "../steps.h"
#include "reuseshim/protocol.h"

/* Adds a cure if it is the right one here. */
typedef void remedy(struct conflict *conflict, const struct newcomer *newcomer);

/* stop.c: what ends the holder's hold */
remedy stop_the_holder, look_as_root;
/* parties.c: the same where more than one has to be stopped */
remedy stop_them_all;
/* leftovers.c: what nobody holds any more */
remedy wait_for_it, evict_it, reuse_address, client_of_leftover, reserve_the_port;
/* options.c: socket options, on one side or on both */
remedy reuse_address_of_bound, reuse_address_of_connection, use_what_it_has, share_the_port, receive_together,
    bind_ipv6_alone, become_that_user, attach_later, close_on_exec;
/* addresses.c: which addresses and ports are asked for */
remedy bind_what_is_served, take_any_port, make_room, remove_the_file, nothing_more;
/* refusals.c: of the other errors of bind */
remedy bind_what_is_here, wait_for_address, bind_before_it_comes, turn_ipv6_on, set_interface_up,
    name_interface, get_the_right, lower_the_bound, allow_it, make_another_socket, join_once;

/* ---- building one, write.c ---------------------------------------------------------------------- */

struct cure *cure_add(struct conflict *conflict, const char *policy, enum apply_to apply_to, unsigned needs);
/* A text; `number` between the two if it is not negative. */
void cure_text(struct cure *cure, const char *before, int64_t number, const char *after);
/* Half a list of processes, or half a path, would be another cure: drops the one that was added last if its
 * text is full. */
void cure_end_whole(struct conflict *conflict, struct text *text);

/* What a rule is to do beside what is in force already. */
struct addition {
    const char *family; /* "ipv6 "; NULL for any */
    unsigned force;     /* options, as bits */
    bool evict;
    uint32_t wait_ms;
    const char *more; /* rules behind it, each with its ';' before; NULL for none */
};

/* "ipv6 tcp port 8080 force v6only retry reuseaddr": a rule about the newcomer's port that takes nothing away
 * that is in force on the side it is for. */
void cure_rules(struct conflict *conflict, struct cure *cure, const struct newcomer *newcomer,
                struct addition addition);

/* ---- those who are in the way, parties.c, stop.c ------------------------------------------------- */

/* Does the holder block, and does no one before it belong to the same process, unit or container? */
bool is_first_of_party(const struct conflict *conflict, uint32_t at);
/* Names that others have chosen, as a word of a command that is to be typed. */
bool can_be_typed(struct part part);
/* The same, and a unit that is not there to start others' programs. */
bool can_be_stopped(struct part unit);
void write_part(struct text *text, struct part part);
/* What stops the unit, or the container, that keeps a holder. */
void write_unit_command(struct text *text, const struct newcomer *newcomer, const struct holder *holder,
                        const struct manager *manager);
void write_engine_command(struct text *text, const struct newcomer *newcomer, const struct holder *holder,
                          const struct manager *manager);
/* supervisors.c: the command that a supervisor wants instead of a signal; false where none is the parent. */
bool write_by_supervisor(struct text *text, const struct owners *owners, const struct newcomer *newcomer);

/* ---- questions ---------------------------------------------------------------------------------- */

static inline bool is_tcp(const struct newcomer *newcomer)
{
    return protocol_is_tcp(newcomer->protocol);
}

/* The word of the rule language for its protocol, "" if there is none. */
static inline const char *rule_word(const struct newcomer *newcomer)
{
    return protocol_find(protocol_find(newcomer->protocol)->matched)->word;
}

static inline const struct owners *first_owners(const struct conflict *conflict)
{
    return &conflict->owners[conflict->holders[0].owners];
}

#endif
