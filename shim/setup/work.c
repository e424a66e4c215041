/* SPDX-License-Identifier: MIT
 *
 * From the rules in play to what each call has to do. Contract in setup.h.
 */
#include "reuseshim/setup.h"

/* What a rule asks for at bind, or after it, or at listen. */
static void take_in_rule(struct shim *shim, const struct rule *rule)
{
    bool on_listen = rule->when == WHEN_LISTEN;
    bool by_address =
        rule->family || rule->has_address || rule->classes || rule->range_count || !rule->protocol;
    shim->guard_on |= rule->force;
    shim->guard_off |= rule->strip;
    shim->watches |= rule->watch;
    shim->before_bind |= rule->when == WHEN_BIND && (rule->force | rule->strip | rule->emulate);
    shim->at_listen |=
        on_listen || rule->watch || rule->evict || rule->wait_ms || rule->retry || rule->emulate;
    shim->emulates |= rule->emulate && rule_system(rule) != SYSTEM_LINUX;
    shim->ruled_calls |= shim->emulates ? WHEN_CONNECT : 0;
    shim->listen_by_address |= on_listen && by_address;
}

void shim_find_work(struct shim *shim)
{
    shim->ruled_calls = shim->policy.when;
    if (shim->settings.level == LEVEL_TRACE) {
        shim->ruled_calls |= WHEN_SOCKET | WHEN_BIND | WHEN_LISTEN | WHEN_CONNECT;
        shim->before_bind = true;
    }
    for (size_t i = 0; i < shim->policy.count; i++)
        if (!shim->policy.rules[i].other_program)
            take_in_rule(shim, &shim->policy.rules[i]);
}
