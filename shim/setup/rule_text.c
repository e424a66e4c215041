/* SPDX-License-Identifier: MIT
 *
 * The texts that rules come from, and where in them a rule stands. Contract in setup.h.
 */
#include "reuseshim/setup.h"

#include <string.h>

struct rule_text rule_text_of_variable(const char *rules)
{
    return (struct rule_text){.place = variable_names[VARIABLE_RULES],
                              .start = rules ? rules : "",
                              .length = rules ? strlen(rules) : 0,
                              .from_variable = true};
}

bool policy_is_path(const char *name)
{
    struct shipped_policy shipped;
    return strchr(name, '/') || !shipped_policy_find(name, &shipped);
}

int rule_text_of_policy(struct rule_text *text, struct file_text *file, const char *name)
{
    *text = (struct rule_text){.place = name};
    *file = (struct file_text){0};
    struct shipped_policy shipped;
    if (strchr(name, '/') == NULL && shipped_policy_find(name, &shipped)) {
        text->start = shipped.start;
        text->length = (size_t)(shipped.end - shipped.start);
        return 0;
    }
    int result = file_map(file, name);
    text->start = file->start;
    text->length = file->length;
    return result;
}

const char *rule_source(const struct rule *rule, const char *policy_name)
{
    return rule->from_variable ? variable_names[VARIABLE_RULES] : policy_name;
}

void rule_write(struct text *text, const struct policy *policy, const struct rule *rule)
{
    enum { SHOWN = 64 };
    text_tail(text, rule_source(rule, policy->name), SHOWN);
    text_char(text, ':');
    text_unsigned(text, rule->line);
}
