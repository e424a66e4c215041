/* SPDX-License-Identifier: MIT
 *
 * Which rule decides. Contract in policy.h.
 */
#include "reuseshim/linux.h"
#include "reuseshim/policy.h"

#include <netinet/in.h>

/* An MPTCP socket holds its port through an ordinary TCP subflow and passes its reuse options on to it. */
static bool protocol_matches(uint8_t wanted, int protocol)
{
    return protocol == wanted || (wanted == IPPROTO_TCP && protocol == IPPROTO_MPTCP);
}

static bool address_matches(const struct rule *rule, const struct endpoint *address)
{
    if (address == NULL)
        return true;
    if (rule->has_address && !prefix_contains(&rule->address, address))
        return false;
    if ((rule->classes & CLASS_MULTICAST && !endpoint_is_multicast(address)) ||
        (rule->classes & CLASS_WILDCARD && !endpoint_is_wildcard(address)) ||
        (rule->classes & CLASS_LOOPBACK && !endpoint_is_loopback(address)))
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

const struct rule *policy_match(const struct policy *policy, const struct situation *situation,
                                bool *needs_protocol)
{
    *needs_protocol = false;
    for (size_t i = 0; i < policy->count; i++) {
        const struct rule *rule = &policy->rules[i];
        if (rule->when != situation->when || rule->other_program || !path_matches(rule, situation) ||
            (rule->family && rule->family != situation->family) ||
            (situation->family != AF_UNIX && !address_matches(rule, situation->address)))
            continue;
        if (rule->protocol) {
            if (situation->protocol == PROTOCOL_NOT_ASKED) {
                *needs_protocol = true;
                return NULL;
            }
            if (!protocol_matches(rule->protocol, situation->protocol))
                continue;
        }
        return rule;
    }
    return NULL;
}

void policy_resolve_program(struct rule *rules, size_t count, const char *program)
{
    for (size_t i = 0; i < count; i++)
        rules[i].other_program =
            rules[i].program != NULL &&
            (program == NULL || !glob_match(rules[i].program, rules[i].program_length, program));
}
