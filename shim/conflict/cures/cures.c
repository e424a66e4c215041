/* SPDX-License-Identifier: MIT
 *
 * What makes the refused call succeed. Only what is certain to: no cure is better than a wrong one. The first
 * is what a careful colleague would do first. Contract in steps.h. tests/cures.bats takes each of them.
 */
#include "cures.h"

enum { REMEDIES_MAX = 5 };

#define REMEDIES(name, word, plain, with_reuseaddr, ...) [CAUSE_##name] = {__VA_ARGS__},
static remedy *const remedies[CAUSE_COUNT][REMEDIES_MAX] = {CAUSES(REMEDIES)};

/* Too many to be listed, but of one kind. */
static bool are_more_of_the_same(const struct conflict *conflict)
{
    return conflict->holders_omitted && !conflict->omitted_differ;
}

static bool are_more_leftovers(const struct conflict *conflict)
{
    return are_more_of_the_same(conflict) && conflict->holders[HOLDERS_MAX - 1].inode == 0;
}

/* What holds against those that are listed need not hold against others. */
static bool all_is_known(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (conflict->cause == CAUSE_PORTS_EXHAUSTED || conflict->cause == CAUSE_UNIX_STALE ||
        conflict->refusal.found || conflict->cause == CAUSE_ALREADY_MEMBER)
        return true;
    return conflict->holder_count && conflict->all_sockets && conflict->holders[0].blocks != NO &&
           (conflict->holders_omitted == 0 || are_more_leftovers(conflict)) &&
           (newcomer->family == AF_UNIX || rule_word(newcomer)[0]);
}

void cures_find(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool meets = conflict->holder_count && newcomer->family != AF_UNIX && newcomer->call != CALL_CONNECT &&
                 newcomer->local.port;
    if (all_is_known(conflict, newcomer)) {
        if (meets && rules_is_dual_stack(newcomer, &conflict->holders[0]))
            bind_ipv6_alone(conflict, newcomer);
        for (int i = 0; i < REMEDIES_MAX && remedies[conflict->cause][i]; i++)
            remedies[conflict->cause][i](conflict, newcomer);
        if (meets && conflict->holders[0].blocks == YES)
            bind_what_is_served(conflict, newcomer);
    } else if (meets && are_more_of_the_same(conflict) && conflict->all_sockets) {
        stop_the_holder(conflict, newcomer);
    }
    look_as_root(conflict, newcomer);
}
