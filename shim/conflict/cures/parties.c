/* SPDX-License-Identifier: MIT
 *
 * More than one process in the way: who belongs together, and stopping all of them. Contract in cures.h.
 */
#include "cures.h"

#include <string.h>

static bool is_same(struct part one, struct part other)
{
    return one.length && one.length == other.length && memcmp(one.start, other.start, one.length) == 0;
}

/* What one command stops as a whole; not what we are in ourselves. */
static bool is_one_service(const struct conflict *conflict, const struct holder *one,
                           const struct holder *other)
{
    struct manager first = conflict_manager(conflict, one), second = conflict_manager(conflict, other);
    if (conflict->cause == CAUSE_INHERITED || first.engine != second.engine)
        return false;
    return first.engine == ENGINE_NONE
               ? is_same(first.unit, second.unit) && can_be_stopped(first.unit) &&
                     !conflict_is_own_unit(conflict, &first)
               : is_same(first.container, second.container) && !conflict_is_own_container(conflict, &first);
}

static bool is_one_party(const struct conflict *conflict, const struct holder *one,
                         const struct holder *other)
{
    const struct owners *owners = &conflict->owners[one->owners], *others = &conflict->owners[other->owners];
    bool same_process =
        owners->count && others->count && owners->processes[0].pid == others->processes[0].pid;
    return same_process || is_one_service(conflict, one, other);
}

bool is_first_of_party(const struct conflict *conflict, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (conflict->holders[i].blocks != NO &&
            is_one_party(conflict, &conflict->holders[i], &conflict->holders[at]))
            return false;
    return conflict->holders[at].blocks != NO;
}

static void write_party(struct text *text, const struct conflict *conflict, const struct newcomer *newcomer,
                        const struct holder *holder)
{
    struct manager manager = conflict_manager(conflict, holder);
    const struct owners *owners = &conflict->owners[holder->owners];
    if (can_be_stopped(manager.unit) && manager.engine == ENGINE_NONE &&
        !conflict_is_own_unit(conflict, &manager)) {
        write_unit_command(text, newcomer, holder, &manager);
    } else if (manager.engine != ENGINE_NONE && can_be_typed(manager.container)) {
        write_engine_command(text, newcomer, holder, &manager);
    } else if (owners->count) {
        text_string(text, "stop process ");
        text_signed(text, owners->processes[0].pid);
        text_string(text, " (");
        text_name(text, owners->processes[0].names.program);
        text_string(text, owners->count > 1 ? ") and what has its socket open, too" : ")");
    } else {
        text_string(text, "stop whoever has ");
        endpoint_write(text, &holder->local);
    }
}

void stop_them_all(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_HOLDER, NEED_STOP_HOLDER);
    struct text text = text_in(cure->text, sizeof cure->text);
    const char *between = "several are in the way; if none of them is needed: ";
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        if (!is_first_of_party(conflict, i))
            continue;
        text_string(&text, between);
        write_party(&text, conflict, newcomer, &conflict->holders[i]);
        between = ", and ";
    }
    cure_end_whole(conflict, &text);
}
