/* SPDX-License-Identifier: MIT
 *
 * A cure as it is put together. Contract in cures.h.
 */
#include "cures.h"

#include "reuseshim/policy.h"

struct cure *cure_add(struct conflict *conflict, const char *policy, enum apply_to apply_to, unsigned needs)
{
    /* The last place is taken again: what comes first is the better cure. */
    uint32_t at = conflict->cure_count < CURES_MAX ? conflict->cure_count++ : CURES_MAX - 1;
    struct cure *cure = &conflict->cures[at];
    *cure = (struct cure){.policy = policy, .apply_to = apply_to, .needs = needs};
    return cure;
}

void cure_text(struct cure *cure, const char *before, int64_t number, const char *after)
{
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, before);
    if (number >= 0)
        text_signed(&text, number);
    text_string(&text, after);
    text_end(&text);
}

void cure_end_whole(struct conflict *conflict, struct text *text)
{
    text_end(text);
    if (text->full)
        conflict->cure_count--;
}

/* REUSESHIM_RULES is tried before the policy, so a rule must repeat what the policy does. For this side that
 * is the rule that decided about the call. Of the other side nothing is known; TCP gets the retry that the
 * default policy gives it, and nothing else: SO_REUSEADDR would let anybody share a UDP port. */
void cure_rules(struct conflict *conflict, struct cure *cure, const struct newcomer *newcomer,
                struct addition addition)
{
    struct text text = text_in(cure->rules, sizeof cure->rules);
    struct rule rule = {.when = WHEN_BIND};
    if (cure->apply_to != APPLY_TO_HOLDER && conflict->rule && conflict->rule->when == WHEN_BIND)
        rule = *conflict->rule;
    rule.keep = false;
    rule.evict |= addition.evict;
    rule.force = (uint8_t)(rule.force | addition.force);
    rule.wait_ms = addition.wait_ms > rule.wait_ms ? addition.wait_ms : rule.wait_ms;
    rule.strip &= (uint8_t)~rule.force;
    if (is_tcp(newcomer) && newcomer->local.port && !(rule.strip & option_bit(OPTION_REUSEADDR)))
        rule.retry |= (uint8_t)option_bit(OPTION_REUSEADDR);
    rule.retry &= (uint8_t)~rule.force;
    text_strings(&text, addition.family ? addition.family : "", rule_word(newcomer), " port ");
    text_unsigned(&text, newcomer->local.port);
    rule_write_actions(&text, &rule);
    text_string(&text, addition.more ? addition.more : "");
    text_end(&text);
    if (text.full) /* half of them would be other rules */
        cure->rules[0] = '\0';
}
