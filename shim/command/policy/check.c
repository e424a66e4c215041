/* SPDX-License-Identifier: MIT
 *
 * reuseshim check: the rules as they are understood, or what is wrong with them.
 */
#include "../subcommands.h"
#include "describe.h"
#include "reuseshim/command.h"
#include "reuseshim/errno_name.h"
#include "reuseshim/setup.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: reuseshim check [--json] [POLICY | FILE]\n"
    "\n"
    "Prints the rules of a shipped policy or of a file as the library reads them, in the order in which they are tried,\n"
    "or the first error. Without an argument it checks all variables and prints REUSESHIM_RULES and REUSESHIM_POLICY.\n"
    "  -j, --json   a line for each rule\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0 if there is no error, else 100.\n";

/* One rule a line: where it stands, what it says. */
static void print_rule(const struct rule_text *source, const struct rule *rule, bool json)
{
    char place[600], line[2048], quoted[4096];
    struct text text = text_in(line, sizeof line);
    rule_describe(&text, rule);
    text_end(&text);
    snprintf(place, sizeof place, "%.500s:%u", source->place, rule->line);
    if (json) {
        text = text_in(quoted, sizeof quoted);
        text_string(&text, "{\"place\":");
        text_json(&text, place, strlen(place));
        text_string(&text, ",\"rule\":");
        text_json(&text, line, strlen(line));
        text_string(&text, "}");
        puts(text_end(&text));
        return;
    }
    text = text_in(quoted, sizeof quoted);
    text_escaped(&text, place, strlen(place));
    text_string(&text, "  ");
    text_escaped(&text, line, strlen(line));
    puts(text_end(&text));
}

/* An error is told before anything of that source is printed. */
static int check_source(const struct rule_text *source, bool json)
{
    struct complaint complaint;
    size_t room = policy_capacity(source->start, source->length);
    struct rule *rules = calloc(room + 1, sizeof *rules);
    if (rules == NULL) {
        command_error("check: no memory for the rules", (char *)NULL);
        return EXIT_TROUBLE;
    }
    int count =
        policy_parse(rules, source->start, source->length, source->place, source->from_variable, &complaint);
    if (count < 0)
        command_error(complaint.line, (char *)NULL);
    for (int i = 0; i < count; i++)
        print_rule(source, &rules[i], json);
    free(rules);
    return count < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}

static int check_policy(const char *name, bool json)
{
    struct rule_text source;
    struct file_text file;
    char reason[64];
    int error = rule_text_of_policy(&source, &file, name);
    if (error == 0)
        return check_source(&source, json);
    struct text text = text_in(reason, sizeof reason);
    errno_name_write(&text, -error);
    command_error("check: '", name, "': cannot be read (", text_end(&text),
                  "); expected a shipped policy, or a regular file of at most 1 MiB with rules",
                  (char *)NULL);
    return EXIT_USAGE;
}

static int check_environment(bool json)
{
    const char *values[VARIABLE_COUNT];
    struct settings settings;
    struct complaint complaint;
    command_warn_of_variables();
    for (int i = 0; i < VARIABLE_COUNT; i++)
        values[i] = getenv(variable_names[i]);
    if (!settings_parse(&settings, values, &complaint)) {
        command_error(complaint.line, (char *)NULL);
        return EXIT_USAGE;
    }
    struct rule_text rules = rule_text_of_variable(settings.rules);
    int result = check_source(&rules, json);
    return result ? result : check_policy(settings.policy, json);
}

int command_check(int argc, char **argv)
{
    bool json;
    int code;
    if (!command_json_option(argc, argv, help, &json, &code))
        return code;
    if (argc - optind > 1) {
        command_error("check: '", argv[optind + 1],
                      "': expected at most one policy; see 'reuseshim check --help'", (char *)NULL);
        return EXIT_USAGE;
    }
    return optind < argc ? check_policy(argv[optind], json) : check_environment(json);
}
