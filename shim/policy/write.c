/* SPDX-License-Identifier: MIT
 *
 * Rules as text again. Contract in policy.h.
 */
#include "reuseshim/policy.h"

static void write_options(struct text *text, const char *action, unsigned options)
{
    bool first = true;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options & option_bit((enum socket_option)i)) {
            if (first)
                text_strings(text, " ", action, " ", option_table[i].word);
            else
                text_strings(text, ",", option_table[i].word);
            first = false;
        }
}

static void write_wait(struct text *text, uint32_t milliseconds)
{
    bool seconds = milliseconds % 1000 == 0;
    text_string(text, " wait ");
    text_unsigned(text, seconds ? milliseconds / 1000 : milliseconds);
    text_string(text, seconds ? "s" : "ms");
}

void rule_write_actions(struct text *text, const struct rule *rule)
{
    write_options(text, "force", rule->force);
    write_options(text, "strip", rule->strip);
    write_options(text, "retry", rule->retry);
    text_string(text, rule->keep ? " keep" : "");
    text_string(text, rule->evict ? " evict" : "");
    if (rule->wait_ms)
        write_wait(text, rule->wait_ms);
    text_string(text, rule->watch ? " watch" : "");
    if (rule->emulate)
        text_strings(text, " emulate ", system_word(rule_system(rule)));
    text_string(text, rule->exclusive ? " exclusive" : "");
}
