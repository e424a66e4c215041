/* SPDX-License-Identifier: MIT
 *
 * reuseshim check: the rules as they are understood, or what is wrong with them.
 */
#include "../run/log_place.h"
#include "../subcommands.h"
#include "describe.h"
#include "never.h"
#include "reuseshim/command.h"
#include "reuseshim/errno_name.h"
#include "reuseshim/setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: reuseshim check [--json] [POLICY | FILE]\n"
    "\n"
    "Prints the rules of a shipped policy or of a file as the library reads them, in the order in which they are tried,\n"
    "or the first error. Rules that never match get a warning. '-' is standard input, and so is no argument if that is a\n"
    "file ('reuseshim check < FILE'); else, without an argument, it checks all variables and prints REUSESHIM_RULES and\n"
    "REUSESHIM_POLICY.\n"
    "  -j, --json   a line for each rule, with its warning or null\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0 if there is no error, else 100.\n";

/* On a terminal, right below the rule. */
static void warn(const char *place, const char *doubt)
{
    fflush(stdout);
    command_error(place, ": ", doubt, (char *)NULL);
}

/* One rule a line: where it stands, what it says. */
static void print_rule(const struct rule_text *source, const struct rule *rules, size_t index, bool json)
{
    char place[600], line[2048], quoted[4096], doubt[512];
    struct text text = text_in(doubt, sizeof doubt);
    bool doubtful = rule_never(&text, rules, index);
    text_end(&text);
    text = text_in(line, sizeof line);
    rule_describe(&text, &rules[index]);
    text_end(&text);
    snprintf(place, sizeof place, "%.500s:%u", source->place, rules[index].line);
    if (json) {
        text = text_in(quoted, sizeof quoted);
        text_string(&text, "{\"place\":");
        text_json(&text, place, strlen(place));
        text_string(&text, ",\"rule\":");
        text_json(&text, line, strlen(line));
        text_string(&text, ",\"warning\":");
        text_json(&text, doubtful ? doubt : NULL, strlen(doubt));
        text_string(&text, "}");
        puts(text_end(&text));
        return;
    }
    text = text_in(quoted, sizeof quoted);
    text_escaped(&text, place, strlen(place));
    text_string(&text, "  ");
    text_escaped(&text, line, strlen(line));
    puts(text_end(&text));
    if (doubtful)
        warn(place, doubt);
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
    struct policy policy = {.name = source->place, .rules = rules, .count = count < 0 ? 0 : (size_t)count};
    if (count >= 0 && !source->from_variable && !policy_settle(&policy, rules, &complaint))
        count = -1;
    if (count < 0)
        command_error(complaint.line, (char *)NULL);
    for (int i = 0; i < count; i++)
        print_rule(source, rules, (size_t)i, json);
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

/* Rules that come through a pipe, or out of a file. */
static int check_standard_input(bool json)
{
    static char start[FILE_TEXT_MAX + 1];
    size_t length = fread(start, 1, sizeof start, stdin);
    if (ferror(stdin) || length > FILE_TEXT_MAX) {
        command_error("check: standard input: ", ferror(stdin) ? strerror(errno) : "expected at most 1 MiB",
                      (char *)NULL);
        return ferror(stdin) ? EXIT_TROUBLE : EXIT_USAGE;
    }
    struct rule_text source = {.place = "standard input", .start = start, .length = length};
    return check_source(&source, json);
}

/* "reuseshim check < FILE". A file that somebody else is reading, such as the script of the shell that calls
 * us, has got further than its beginning. */
static bool is_given_a_file(void)
{
    struct stat status;
    return fstat(0, &status) == 0 && S_ISREG(status.st_mode) && lseek(0, 0, SEEK_CUR) == 0;
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
    struct policy policy;
    if (!policy_load(&policy, NULL, 0, &settings, &(struct names){.program = ""}, &complaint)) {
        command_error(complaint.line, (char *)NULL);
        return EXIT_USAGE;
    }
    policy_drop(&policy);
    int log = log_place_check(&settings), result = check_source(&rules, json);
    if (result == 0)
        result = check_policy(settings.policy, json);
    return result ? result : log;
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
    const char *name = optind < argc ? argv[optind] : is_given_a_file() ? "-" : NULL;
    if (name == NULL)
        return check_environment(json);
    return strcmp(name, "-") == 0 ? check_standard_input(json) : check_policy(name, json);
}
