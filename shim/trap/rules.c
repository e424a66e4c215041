/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h.
 */
#include "trap.h"

#include "reuseshim/command.h"
#include "reuseshim/processes.h"
#include "reuseshim/status.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* What a supervisor cannot do from outside, or this version cannot yet. */
static const char *cannot(const struct rule *rule)
{
    return (rule->force | rule->strip) & option_bit(OPTION_CLOEXEC)
               ? "cloexec: the flag belongs to the program's own table of descriptors"
           : rule->emulate           ? "'emulate'"
           : rule->family == AF_UNIX ? "'unix'"
                                     : NULL;
}

static size_t parse(struct trap *trap, struct complaint *complaint, bool *good)
{
    size_t count = 0;
    *good = true;
    for (int i = 0; i < 2 && *good; i++) {
        const struct rule_text *text = &trap->texts[i];
        int found = policy_parse(trap->rules + count, text->start, text->length, text->place,
                                 text->from_variable, complaint);
        *good = found >= 0;
        count += *good ? (size_t)found : 0;
    }
    return count;
}

static int complain(const char *line)
{
    command_error(line, (char *)NULL);
    return EXIT_USAGE;
}

/* Of which calls the rules in play are, and what they want there. */
static void find_work(struct trap *trap)
{
    struct shim *shim = &trap->shim;
    shim->policy.when = 0;
    for (size_t i = 0; i < shim->policy.count; i++)
        if (!trap->rules[i].other_program)
            shim->policy.when |= trap->rules[i].when;
    shim->guard_on = shim->guard_off = 0;
    shim->before_bind = shim->at_listen = shim->listen_by_address = shim->watches = shim->emulates = false;
    shim_find_work(shim);
}

int trap_prepare(struct trap *trap)
{
    struct complaint complaint;
    char line[400];
    struct thread_status status;
    char buffer[8192];
    bool good;
    memset(trap, 0, sizeof *trap);
    trap->listener = trap->wake = -1;
    thread_status_read(&status, buffer, sizeof buffer);
    trap->filtered = status.filtered;
    if (!load_facts_capture(&trap->facts, environ, false))
        return complain("no memory");
    trap->shim.facts = &trap->facts;
    if (!settings_parse(&trap->shim.settings, trap->facts.values, &complaint))
        return complain(complaint.line);
    trap->texts[0] = rule_text_of_variable(trap->shim.settings.rules);
    if (rule_text_of_policy(&trap->texts[1], &trap->file, trap->shim.settings.policy) < 0)
        return complain("the policy cannot be read");
    trap->rules = calloc(policy_capacity(trap->texts[0].start, trap->texts[0].length) +
                             policy_capacity(trap->texts[1].start, trap->texts[1].length),
                         sizeof *trap->rules);
    if (trap->rules == NULL)
        return complain("no memory for the rules");
    trap->shim.policy.name = trap->shim.settings.policy;
    trap->shim.policy.rules = trap->rules;
    trap->shim.policy.count = parse(trap, &complaint, &good);
    if (!good)
        return complain(complaint.line);
    for (size_t i = 0; i < trap->shim.policy.count; i++) {
        const char *what = cannot(&trap->rules[i]);
        trap->names_programs |= trap->rules[i].program != NULL;
        struct text text = text_in(line, sizeof line);
        rule_write(&text, &trap->shim.policy, &trap->rules[i]);
        text_strings(&text, ": --trap cannot do this: ", what ? what : "");
        if (what)
            return complain(text_end(&text));
    }
    find_work(trap);
    return 0;
}

void trap_take_rules(struct trap *trap, struct caller *caller)
{
    struct complaint complaint;
    struct self self = {.pid = 0};
    char room[ARGUMENTS_ROOM];
    bool good;
    if (!trap->names_programs)
        return; /* as at the start */
    process_self_of(&self, caller_process(caller), room);
    trap->shim.policy.count = parse(trap, &complaint, &good);
    policy_resolve_program(trap->rules, trap->shim.policy.count, &self.names);
    find_work(trap);
}
