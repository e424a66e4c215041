/* SPDX-License-Identifier: MIT
 *
 * The variables REUSESHIM_*. Contract in settings.h.
 */
#include "reuseshim/settings.h"

#include <limits.h>
#include <string.h>

const char *const variable_names[VARIABLE_COUNT] = {
    [VARIABLE_POLICY] = "REUSESHIM_POLICY",     [VARIABLE_RULES] = "REUSESHIM_RULES",
    [VARIABLE_LOG] = "REUSESHIM_LOG",           [VARIABLE_FORMAT] = "REUSESHIM_FORMAT",
    [VARIABLE_LEVEL] = "REUSESHIM_LEVEL",       [VARIABLE_ON_ERROR] = "REUSESHIM_ON_ERROR",
    [VARIABLE_DIAGNOSE] = "REUSESHIM_DIAGNOSE", [VARIABLE_BUDGET_MS] = "REUSESHIM_BUDGET_MS",
};

/* The index of `value` in a list that NULL ends, -1 if it is not there. */
static int find_word(const char *const *words, const char *value)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], value) == 0)
            return i;
    return -1;
}

static bool parse_policy(struct settings *settings, const char *value)
{
    settings->policy = value;
    return strchr(value, '/') || shipped_policy_find(value);
}

static bool parse_rules(struct settings *settings, const char *value)
{
    settings->rules = value;
    return true;
}

static bool parse_log(struct settings *settings, const char *value)
{
    static const char *const words[] = {"auto", "stderr", "journal", "syslog", "none", NULL};
    static const enum log_kind kinds[] = {LOG_AUTO, LOG_STDERR, LOG_JOURNAL, LOG_SYSLOG, LOG_NONE};
    int word = find_word(words, value);
    uint64_t fd;
    if (word >= 0)
        settings->log = kinds[word];
    else if (value[0] == '/') {
        settings->log = LOG_FILE;
        settings->log_path = value;
    } else if (strncmp(value, "fd:", 3) == 0 && text_to_number(value + 3, strlen(value + 3), INT_MAX, &fd)) {
        settings->log = LOG_FD;
        settings->log_fd = (int)fd;
    } else
        return false;
    return true;
}

static bool parse_format(struct settings *settings, const char *value)
{
    static const char *const words[] = {"text", "json", NULL};
    int word = find_word(words, value);
    settings->json = word == 1;
    return word >= 0;
}

static bool parse_level(struct settings *settings, const char *value)
{
    static const char *const words[] = {"error", "conflict", "change", "trace", NULL};
    int word = find_word(words, value);
    if (word >= 0)
        settings->level = (enum level)word;
    return word >= 0;
}

static bool parse_on_error(struct settings *settings, const char *value)
{
    static const char *const words[] = {"warn", "exit", NULL};
    int word = find_word(words, value);
    settings->exit_on_error = word == 1;
    return word >= 0;
}

static bool parse_diagnose(struct settings *settings, const char *value)
{
    static const char *const words[] = {"auto", "always", "never", NULL};
    int word = find_word(words, value);
    if (word >= 0)
        settings->diagnose = (enum diagnose)word;
    return word >= 0;
}

static bool parse_budget(struct settings *settings, const char *value)
{
    uint64_t milliseconds;
    if (!text_to_number(value, strlen(value), 60000, &milliseconds) || milliseconds == 0)
        return false;
    settings->budget_ms = (unsigned)milliseconds;
    return true;
}

static const struct {
    bool (*parse)(struct settings *, const char *);
    const char *expected;
} readers[VARIABLE_COUNT] = {
    [VARIABLE_POLICY] = {parse_policy, NULL}, /* the list of names is made when it is needed */
    [VARIABLE_RULES] = {parse_rules, NULL},
    [VARIABLE_LOG] = {parse_log, "auto, stderr, journal, syslog, fd:N, an absolute path or none"},
    [VARIABLE_FORMAT] = {parse_format, "text or json"},
    [VARIABLE_LEVEL] = {parse_level, "error, conflict, change or trace"},
    [VARIABLE_ON_ERROR] = {parse_on_error, "warn or exit"},
    [VARIABLE_DIAGNOSE] = {parse_diagnose, "auto, always or never"},
    [VARIABLE_BUDGET_MS] = {parse_budget, "milliseconds from 1 to 60000"},
};

static void complain_about(enum variable variable, const char *value, struct complaint *complaint)
{
    enum { SHOWN = 80 };
    struct text text = text_in(complaint->line, sizeof complaint->line);
    size_t length = strlen(value);
    text_strings(&text, variable_names[variable], ": '");
    text_escaped(&text, value, length < SHOWN ? length : SHOWN);
    text_string(&text, length > SHOWN ? "...': expected " : "': expected ");
    if (variable == VARIABLE_POLICY) {
        for (size_t i = 0; i < shipped_policy_count; i++)
            text_strings(&text, shipped_policies[i].name, ", ");
        text_string(&text, "or the path of a policy file (with a '/')");
    } else
        text_string(&text, readers[variable].expected);
    text_end(&text);
}

static const struct settings defaults = {
    .policy = "restart",
    .log = LOG_AUTO,
    .log_fd = -1,
    .level = LEVEL_CONFLICT,
    .diagnose = DIAGNOSE_AUTO,
    .budget_ms = 100,
};

bool settings_parse(struct settings *settings, const char *const values[VARIABLE_COUNT],
                    struct complaint *complaint)
{
    bool good = true;
    *settings = defaults;
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        struct settings tried = *settings;
        if (values[i] == NULL || values[i][0] == '\0')
            continue;
        if (readers[i].parse(&tried, values[i])) {
            *settings = tried;
            continue;
        }
        if (good)
            complain_about((enum variable)i, values[i], complaint);
        good = false;
    }
    return good;
}

void rule_write(struct text *text, const struct policy *policy, const struct rule *rule)
{
    enum { SHOWN = 64 };
    const char *place = rule->from_variable ? variable_names[VARIABLE_RULES] : policy->name;
    size_t length = strlen(place);
    size_t cut = length > SHOWN ? length - SHOWN : 0;
    text_string(text, cut ? "..." : "");
    text_escaped(text, place + cut, length - cut);
    text_char(text, ':');
    text_unsigned(text, rule->line);
}
