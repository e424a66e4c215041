/* SPDX-License-Identifier: MIT
 *
 * A policy by name or path, with the rules of REUSESHIM_RULES before it. Contract in setup.h.
 */
#include "reuseshim/errno_name.h"
#include "reuseshim/setup.h"

static void complain_unreadable(struct complaint *complaint, const char *path, int error)
{
    enum { SHOWN = 80 };
    struct text text = text_in(complaint->line, sizeof complaint->line);
    text_strings(&text, variable_names[VARIABLE_POLICY], ": '");
    text_tail(&text, path, SHOWN);
    text_string(&text, "': cannot be read (");
    errno_name_write(&text, error);
    text_string(&text, "); expected a regular file of at most 1 MiB with rules");
    text_end(&text);
}

/* It hangs on the rules of both texts together. */
bool policy_settle(struct policy *policy, struct rule *rules, struct complaint *complaint)
{
    size_t bad = policy_settle_exclusive(rules, policy->count);
    if (bad == policy->count)
        return true;
    struct text text = text_in(complaint->line, sizeof complaint->line);
    rule_write(&text, policy, &rules[bad]);
    text_string(&text, ": 'exclusive': ");
    if (rules[bad].emulate)
        text_strings(&text, system_word(rule_system(&rules[bad])), " has no such option; ");
    text_string(&text, "expected a rule with 'emulate' windows, windows-xp, solaris or illumos");
    text_end(&text);
    policy->count = 0;
    return false;
}

static bool parse_sources(struct policy *policy, const struct rule_text sources[2], struct rule *rules,
                          struct complaint *complaint)
{
    int counts[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        counts[i] = policy_parse(rules + counts[0], sources[i].start, sources[i].length, sources[i].place,
                                 sources[i].from_variable, complaint);
        if (counts[i] < 0)
            return false;
    }
    policy->rules = rules;
    policy->count = (size_t)counts[0] + (size_t)counts[1];
    return policy_settle(policy, rules, complaint);
}

/* The texts may go once the program words are answered. */
static void resolve(struct policy *policy, struct rule *rules, const struct names *names)
{
    struct names own = {.program = ""};
    bool asked = false;
    for (size_t i = 0; i < policy->count; i++)
        asked |= rules[i].program != NULL;
    char *arguments = asked && names == NULL ? raw_map(ARGUMENTS_ROOM) : NULL;
    if (arguments) {
        names_of_self(&own, arguments);
        raw_unmap(arguments, ARGUMENTS_ROOM);
    }
    policy_resolve_program(rules, policy->count, names ? names : &own);
    for (size_t i = 0; i < policy->count; i++) {
        rules[i].program = NULL;
        if (!rules[i].other_program)
            policy->when |= rules[i].when;
    }
}

static bool find_sources(struct rule_text sources[2], struct file_text *file, const struct settings *settings,
                         struct complaint *complaint)
{
    sources[0] = rule_text_of_variable(settings->rules);
    int error = rule_text_of_policy(&sources[1], file, settings->policy);
    if (error < 0)
        complain_unreadable(complaint, settings->policy, -error);
    return error == 0;
}

/* Gives back the pages behind the last rule: a text of a million empty rules takes address space for none. */
static void trim(struct policy *policy)
{
    enum { PAGE = 65536 }; /* a multiple of every architecture's */
    size_t used = policy->count * sizeof(struct rule);
    size_t kept = (used + PAGE - 1) / PAGE * PAGE;
    if (kept == 0 || kept >= policy->mapped)
        return;
    raw_unmap((char *)(uintptr_t)policy->rules + kept, policy->mapped - kept);
    policy->mapped = kept;
}

bool policy_load(struct policy *policy, struct rule *room, size_t room_count, const struct settings *settings,
                 const struct names *names, struct complaint *complaint)
{
    struct rule_text sources[2];
    struct file_text file = {0};
    *policy = (struct policy){.name = settings->policy};
    if (!find_sources(sources, &file, settings, complaint))
        return false;
    size_t capacity = policy_capacity(sources[0].start, sources[0].length) +
                      policy_capacity(sources[1].start, sources[1].length);
    size_t size = capacity * sizeof(struct rule);
    struct rule *rules = capacity <= room_count ? room : raw_map(size);
    bool good = rules && parse_sources(policy, sources, rules, complaint);
    if (rules == NULL) {
        struct text text = text_in(complaint->line, sizeof complaint->line);
        text_strings(&text, variable_names[VARIABLE_POLICY], ": no memory for the rules");
        text_end(&text);
    }
    policy->mapped = rules && rules != room ? size : 0;
    if (good) {
        resolve(policy, rules, names);
        trim(policy);
    } else if (policy->mapped) {
        raw_unmap(rules, size);
        policy->mapped = 0;
    }
    if (file.start)
        raw_unmap(file.start, file.mapped);
    return good;
}

void policy_drop(const struct policy *policy)
{
    if (policy->mapped)
        raw_unmap((void *)(uintptr_t)policy->rules, policy->mapped);
}
