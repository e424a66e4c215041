/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: an environment of any words, and any policy file. Each variable gets a value that is fit for
 * use; an error is one line, and leaves a policy without rules.
 */
#include "parts/expect.h"
#include "parts/kernel.h"
#include "reuseshim/setup.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 64 };

/* The words of the section "environment", each in memory of its own. */
static void read_environment(char *entries[ENTRIES_MAX + 1], struct sections *sections)
{
    const struct section *section = sections_next(sections, "environment");
    size_t count = 0, length;
    for (size_t at = 0; section && at < section->length && count < ENTRIES_MAX; at += length + 1) {
        const char *start = section->bytes + at, *end = memchr(start, '\n', section->length - at);
        length = strnlen(start, end ? (size_t)(end - start) : section->length - at);
        entries[count] = malloc(length + 1);
        if (entries[count] == NULL)
            abort();
        memcpy(entries[count], start, length);
        entries[count++][length] = '\0';
    }
    entries[count] = NULL;
}

static void check_complaint(const struct complaint *complaint)
{
    expect_string(complaint->line);
    expect(complaint->line[0], "a complaint says something");
    expect_clean(complaint->line, strlen(complaint->line), "", "a complaint is a clean line");
}

static void check_settings(const struct settings *settings)
{
    expect(settings->policy && settings->policy[0], "a policy");
    expect(settings->budget_ms >= 1 && settings->budget_ms <= 60000, "a budget");
    expect(settings->log < LOG_COUNT, "a log");
    expect(settings->log != LOG_FILE || settings->log_path[0] == '/', "a log file has an absolute path");
    expect(settings->log != LOG_FD || settings->log_fd >= 0, "a descriptor to log to");
    expect(settings->level <= LEVEL_TRACE && settings->diagnose <= DIAGNOSE_NEVER, "a level");
}

/* As getenv(3): the first one counts. */
static void check_values(const struct load_facts *facts, char *const *entries)
{
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        const char *value = NULL;
        size_t length = strlen(variable_names[i]);
        for (char *const *entry = entries; *entry && value == NULL; entry++)
            if (strncmp(*entry, variable_names[i], length) == 0 && (*entry)[length] == '=')
                value = *entry + length + 1;
        expect((value == NULL) == (facts->values[i] == NULL), "a variable is known if it is set");
        expect(value == NULL || strcmp(value, facts->values[i]) == 0, "its value is what it is");
    }
    if (facts->unknown == NULL)
        return;
    struct complaint complaint;
    expect(strncmp(facts->unknown, "REUSESHIM_", 10) == 0 && strchr(facts->unknown, '=') == NULL,
           "an unknown name is a name");
    variable_complain(&complaint, facts->unknown);
    check_complaint(&complaint);
}

static void check_policy(const struct policy *policy, bool good, const struct complaint *complaint)
{
    if (!good)
        check_complaint(complaint);
    expect(good || policy->count == 0, "of a policy with an error no rule is left");
    for (size_t i = 0; i < policy->count; i++) {
        const struct rule *rule = &policy->rules[i];
        char place[128];
        struct text text = text_in(place, sizeof place);
        expect(rule->line > 0 && rule->range_count <= PORT_RANGES_MAX, "a rule is one");
        rule_write(&text, policy, rule);
        text_end(&text);
        expect_clean(place, text.used, "", "the place of a rule is clean");
    }
}

static void load(const struct load_facts *facts)
{
    struct settings settings, again;
    struct complaint complaint = {""};
    struct policy policy;
    struct rule room[8];
    memset(&settings, 0, sizeof settings);
    memset(&again, 0, sizeof again);
    bool good = settings_parse(&settings, facts->values, &complaint);
    check_settings(&settings);
    if (!good)
        check_complaint(&complaint);
    expect(settings_parse(&again, facts->values, &complaint) == good &&
               again.budget_ms == settings.budget_ms && again.log == settings.log &&
               again.level == settings.level,
           "the same environment says the same again");
    if (!good)
        return;
    good = policy_load(&policy, room, sizeof room / sizeof *room, &settings,
                       &(struct names){.program = "program", .executable = "python3"}, &complaint);
    check_policy(&policy, good, &complaint);
    policy_drop(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sections sections;
    static struct load_facts facts;
    char *entries[ENTRIES_MAX + 1];
    sections_read(&sections, data, size);
    kernel_begin(&sections);
    read_environment(entries, &sections);
    bool secure = sections_byte(&sections, "secure", 0) & 1;
    if (load_facts_capture(&facts, entries, secure)) {
        if (secure)
            expect(facts.copies == NULL && facts.unknown == NULL, "a privileged program trusts nothing");
        else
            check_values(&facts, entries);
        load(&facts);
        load_facts_drop(&facts);
    }
    for (char **entry = entries; *entry; entry++)
        free(*entry);
    kernel_end();
    return 0;
}
