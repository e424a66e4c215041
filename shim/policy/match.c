/* SPDX-License-Identifier: MIT
 *
 * Which rule decides. Contract in policy.h.
 */
#include "reuseshim/policy.h"
#include "reuseshim/protocol.h"

/* MPTCP passes its reuse options on to the TCP subflow that holds its port. */
static bool protocol_matches(uint8_t wanted, int protocol)
{
    return protocol == wanted || protocol_find(protocol)->matched == wanted;
}

bool classes_match(unsigned classes, const struct endpoint *address)
{
    return !(classes & CLASS_MULTICAST && !endpoint_is_multicast(address)) &&
           !(classes & CLASS_WILDCARD && !endpoint_is_wildcard(address)) &&
           !(classes & CLASS_LOOPBACK && !endpoint_is_loopback(address));
}

static bool address_matches(const struct rule *rule, const struct endpoint *address)
{
    if (address == NULL)
        return true;
    if (rule->has_address && !prefix_contains(&rule->address, address))
        return false;
    if (!classes_match(rule->classes, address))
        return false;
    bool port_matches = rule->range_count == 0;
    for (int i = 0; i < rule->range_count && !port_matches; i++)
        port_matches = rule->ranges[i].first <= address->port && address->port <= rule->ranges[i].last;
    return port_matches;
}

/* A rule that does not say unix or path is not about AF_UNIX. */
static bool path_matches(const struct rule *rule, const struct situation *situation)
{
    if (situation->family != AF_UNIX)
        return true;
    return rule->family == AF_UNIX &&
           (rule->path == NULL ||
            (situation->path && glob_match(rule->path, rule->path_length, situation->path)));
}

/* All but the protocol. */
static bool applies(const struct rule *rule, const struct situation *situation)
{
    return rule->when == situation->when && !rule->other_program && path_matches(rule, situation) &&
           (rule->family == AF_UNSPEC || rule->family == situation->family) &&
           (situation->family == AF_UNIX || address_matches(rule, situation->address));
}

const struct rule *policy_match(const struct policy *policy, struct situation *situation)
{
    const struct rule *resume = situation->resume, *end = policy->rules + policy->count;
    situation->resume = NULL;
    for (const struct rule *rule = resume ? resume : policy->rules; rule < end; rule++) {
        if (rule != resume && !applies(rule, situation))
            continue;
        if (rule->protocol && situation->protocol == PROTOCOL_NOT_ASKED) {
            situation->resume = rule;
            return NULL;
        }
        if (rule->protocol == 0 || protocol_matches(rule->protocol, situation->protocol))
            return rule;
    }
    return NULL;
}

static bool is_called(const struct rule *rule, const struct names *names)
{
    const char *const all[] = {names->program, names->executable, names->started_as, names->script};
    bool found = false;
    for (size_t i = 0; i < sizeof all / sizeof *all && !found; i++)
        found = all[i][0] && glob_match(rule->program, rule->program_length, all[i]);
    return found;
}

void policy_resolve_program(struct rule *rules, size_t count, const struct names *names)
{
    for (size_t i = 0; i < count; i++)
        rules[i].other_program = rules[i].program != NULL && !is_called(&rules[i], names);
}

size_t policy_settle_exclusive(struct rule *rules, size_t count)
{
    uint8_t emulated = 0;
    for (size_t i = 0; i < count && emulated == 0; i++)
        emulated = rules[i].emulate;
    for (size_t i = 0; i < count; i++) {
        if (!rules[i].exclusive)
            continue;
        rules[i].emulate = rules[i].emulate ? rules[i].emulate : emulated;
        if (rules[i].emulate == 0 || !(system_options(rule_system(&rules[i])) & ASKS_EXCLUSIVE))
            return i;
    }
    return count;
}
