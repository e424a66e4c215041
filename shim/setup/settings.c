/* SPDX-License-Identifier: MIT
 *
 * The variables REUSESHIM_*. Contract in settings.h.
 */
#include "reuseshim/settings.h"

#include <limits.h>
#include <string.h>

const char variable_names[VARIABLE_COUNT][VARIABLE_ROOM] = {
    [VARIABLE_POLICY] = "REUSESHIM_POLICY",     [VARIABLE_RULES] = "REUSESHIM_RULES",
    [VARIABLE_LOG] = "REUSESHIM_LOG",           [VARIABLE_FORMAT] = "REUSESHIM_FORMAT",
    [VARIABLE_LEVEL] = "REUSESHIM_LEVEL",       [VARIABLE_ON_ERROR] = "REUSESHIM_ON_ERROR",
    [VARIABLE_DIAGNOSE] = "REUSESHIM_DIAGNOSE", [VARIABLE_BUDGET_MS] = "REUSESHIM_BUDGET_MS",
    [VARIABLE_COMMANDS] = "REUSESHIM_COMMANDS",
};

/* ---- words ------------------------------------------------------------------------------------ */

enum { WORD_SIZE = 20 };
#define LOG_WORD(name, word, ...) [LOG_##name] = word,
static const char logs[LOG_COUNT][WORD_SIZE] = {LOGS(LOG_WORD)};
static const char formats[][WORD_SIZE] = {"text", "json"};
static const char levels[][WORD_SIZE] = {[LEVEL_ERROR] = "error",
                                         [LEVEL_CONFLICT] = "conflict",
                                         [LEVEL_CHANGE] = "change",
                                         [LEVEL_TRACE] = "trace"};
static const char on_error[][WORD_SIZE] = {"warn", "exit"};
static const char diagnose[][WORD_SIZE] = {
    [DIAGNOSE_AUTO] = "auto", [DIAGNOSE_ALWAYS] = "always", [DIAGNOSE_NEVER] = "never"};

static const char commands[][WORD_SIZE] = {"full", "name"};

/* The words that a variable may be; none where its values are no words. */
struct words {
    const char (*list)[WORD_SIZE];
    size_t count;
};
#define WORDS(list)                                                                                          \
    {                                                                                                        \
        list, sizeof list / sizeof *list                                                                     \
    }
static const struct words words[VARIABLE_COUNT] = {
    [VARIABLE_LOG] = WORDS(logs),          [VARIABLE_FORMAT] = WORDS(formats),
    [VARIABLE_LEVEL] = WORDS(levels),      [VARIABLE_ON_ERROR] = WORDS(on_error),
    [VARIABLE_DIAGNOSE] = WORDS(diagnose), [VARIABLE_COMMANDS] = WORDS(commands),
};

/* ---- values ----------------------------------------------------------------------------------- */

/* Takes a value, of which `word` is the index in the variable's words or -1; false if it is none. */
typedef bool taker(struct settings *settings, const char *value, int word);

static bool take_policy(struct settings *settings, const char *value, int word)
{
    (void)word;
    struct shipped_policy shipped;
    settings->policy = value;
    return strchr(value, '/') || shipped_policy_find(value, &shipped);
}

static bool take_rules(struct settings *settings, const char *value, int word)
{
    (void)word;
    settings->rules = value;
    return true;
}

static bool take_log(struct settings *settings, const char *value, int word)
{
    uint64_t fd;
    if (value[0] == '/') {
        settings->log = LOG_FILE;
        settings->log_path = value;
    } else if (strncmp(value, "fd:", 3) == 0) {
        settings->log = LOG_FD;
        if (!text_to_number(value + 3, strlen(value + 3), INT_MAX, &fd))
            return false;
        settings->log_fd = (int)fd;
    } else if (word == LOG_FILE || word < 0) {
        return false;
    } else {
        settings->log = (enum log_kind)word;
    }
    return true;
}

static bool take_format(struct settings *settings, const char *value, int word)
{
    (void)value;
    settings->json = word == 1;
    return word >= 0;
}

static bool take_level(struct settings *settings, const char *value, int word)
{
    (void)value;
    settings->level = word < 0 ? LEVEL_ERROR : (enum level)word;
    return word >= 0;
}

static bool take_on_error(struct settings *settings, const char *value, int word)
{
    (void)value;
    settings->exit_on_error = word == 1;
    return word >= 0;
}

static bool take_diagnose(struct settings *settings, const char *value, int word)
{
    (void)value;
    settings->diagnose = word < 0 ? DIAGNOSE_AUTO : (enum diagnose)word;
    return word >= 0;
}

static bool take_commands(struct settings *settings, const char *value, int word)
{
    (void)value;
    settings->names_only = word == 1;
    return word >= 0;
}

static bool take_budget(struct settings *settings, const char *value, int word)
{
    uint64_t milliseconds;
    (void)word;
    if (!text_to_number(value, strlen(value), 60000, &milliseconds) || milliseconds == 0)
        return false;
    settings->budget_ms = (unsigned)milliseconds;
    return true;
}

static taker *const takers[VARIABLE_COUNT] = {
    [VARIABLE_POLICY] = take_policy,     [VARIABLE_RULES] = take_rules,
    [VARIABLE_LOG] = take_log,           [VARIABLE_FORMAT] = take_format,
    [VARIABLE_LEVEL] = take_level,       [VARIABLE_ON_ERROR] = take_on_error,
    [VARIABLE_DIAGNOSE] = take_diagnose, [VARIABLE_BUDGET_MS] = take_budget,
    [VARIABLE_COMMANDS] = take_commands,
};

static int find_word(enum variable variable, const char *value)
{
    for (size_t i = 0; i < words[variable].count; i++)
        if (strcmp(words[variable].list[i], value) == 0)
            return (int)i;
    return -1;
}

void settings_write_expected(struct text *text, enum variable variable)
{
    for (size_t i = 0; i < words[variable].count; i++) {
        text_or(text, i, words[variable].count);
        text_string(text, words[variable].list[i]);
    }
    if (variable == VARIABLE_BUDGET_MS)
        text_string(text, "milliseconds from 1 to 60000");
    if (variable != VARIABLE_POLICY)
        return;
    for (size_t i = 0; i < shipped_policy_count; i++)
        text_strings(text, shipped_policy_at(i).name, ", ");
    text_string(text, "or the path of a policy file (with a '/')");
}

static void complain_about(enum variable variable, const char *value, struct complaint *complaint)
{
    enum { SHOWN = 80 };
    struct text text = text_in(complaint->line, sizeof complaint->line);
    size_t length = strlen(value);
    text_strings(&text, variable_names[variable], ": '");
    text_escaped(&text, value, length < SHOWN ? length : SHOWN);
    text_string(&text, length > SHOWN ? "...': expected " : "': expected ");
    settings_write_expected(&text, variable);
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
        if (takers[i](&tried, values[i], find_word((enum variable)i, values[i]))) {
            *settings = tried;
            continue;
        }
        if (good)
            complain_about((enum variable)i, values[i], complaint);
        good = false;
    }
    return good;
}
