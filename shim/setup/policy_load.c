/* SPDX-License-Identifier: MIT
 *
 * A policy by name or path, with the rules of REUSESHIM_RULES before it. Contract in setup.h.
 */
#include "reuseshim/errno_name.h"
#include "reuseshim/file.h"
#include "reuseshim/setup.h"

#include <string.h>

struct source {
    const char *place;
    const char *start;
    size_t length;
    bool from_variable;
};

static void complain_unreadable(struct complaint *complaint, const char *path, int error)
{
    enum { SHOWN = 80 };
    struct text text = text_in(complaint->line, sizeof complaint->line);
    size_t length = strlen(path);
    size_t cut = length > SHOWN ? length - SHOWN : 0;
    text_strings(&text, variable_names[VARIABLE_POLICY], cut ? ": '..." : ": '");
    text_escaped(&text, path + cut, length - cut);
    text_string(&text, "': cannot be read (");
    errno_name_write(&text, error);
    text_string(&text, "); expected a regular file of at most 1 MiB with rules");
    text_end(&text);
}

static bool parse_sources(struct policy *policy, const struct source sources[2], struct rule *rules,
                          const char *program, struct complaint *complaint)
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

    /* The texts may go once the program words are answered. */
    policy_resolve_program(rules, policy->count, program[0] ? program : NULL);
    for (size_t i = 0; i < policy->count; i++) {
        rules[i].program = NULL;
        if (!rules[i].other_program)
            policy->when |= rules[i].when;
    }
    return true;
}

/* Finds the two texts; a policy file is mapped into `file`. */
static bool find_sources(struct source sources[2], struct file_text *file, const struct settings *settings,
                         struct complaint *complaint)
{
    const char *name = settings->policy, *rules = settings->rules ? settings->rules : "";
    const struct shipped_policy *shipped = strchr(name, '/') ? NULL : shipped_policy_find(name);
    sources[0] = (struct source){variable_names[VARIABLE_RULES], rules, strlen(rules), true};
    if (shipped) {
        sources[1] = (struct source){name, shipped->start, (size_t)(shipped->end - shipped->start), false};
        return true;
    }
    int error = file_map(file, name);
    sources[1] = (struct source){name, file->start, file->length, false};
    if (error < 0)
        complain_unreadable(complaint, name, -error);
    return error == 0;
}

bool policy_load(struct policy *policy, struct policy_memory *memory, size_t reserved,
                 const struct settings *settings, const char *program, struct complaint *complaint)
{
    struct source sources[2];
    struct file_text file = {0};
    size_t capacity = 0;
    *policy = (struct policy){.name = settings ? settings->policy : NULL};
    bool good = settings != NULL && find_sources(sources, &file, settings, complaint);
    for (int i = 0; good && i < 2; i++)
        capacity += policy_capacity(sources[i].start, sources[i].length);

    size_t before = (reserved + _Alignof(struct rule) - 1) / _Alignof(struct rule) * _Alignof(struct rule);
    memory->size = before + capacity * sizeof(struct rule);
    memory->start = raw_map(memory->size);
    good = good && memory->start &&
           parse_sources(policy, sources, (struct rule *)(void *)((char *)memory->start + before), program,
                         complaint);
    if (file.start)
        raw_unmap(file.start, file.mapped);
    return good || settings == NULL;
}
