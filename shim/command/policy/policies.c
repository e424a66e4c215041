/* SPDX-License-Identifier: MIT
 *
 * reuseshim policies: what is shipped.
 */
#include "../subcommands.h"
#include "reuseshim/command.h"
#include "reuseshim/policy.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: reuseshim policies [--json] [NAME]\n"
    "\n"
    "Lists the shipped policies, or prints the text of one: a start for a policy of your own.\n"
    "  -j, --json   a line for each policy, with its text\n"
    "  -h, --help\n";

/* The first line of each is "# NAME: PURPOSE.". */
static void print_purpose(const struct shipped_policy *policy)
{
    const char *colon = strstr(policy->start, ": "), *end = strchr(policy->start, '\n');
    int length = colon && end > colon + 3 ? (int)(end - colon - 3) : 0;
    printf("%-13s  %.*s\n", policy->name, length, colon ? colon + 2 : "");
}

static void print_json(const struct shipped_policy *policy)
{
    static char line[16384];
    struct text text = text_in(line, sizeof line);
    text_string(&text, "{\"name\":");
    text_json(&text, policy->name, strlen(policy->name));
    text_string(&text, ",\"text\":");
    text_json(&text, policy->start, (size_t)(policy->end - policy->start));
    text_string(&text, "}");
    puts(text_end(&text));
}

static void print(const struct shipped_policy *policy, bool whole, bool json)
{
    if (json)
        print_json(policy);
    else if (whole)
        fwrite(policy->start, 1, (size_t)(policy->end - policy->start), stdout);
    else
        print_purpose(policy);
}

int command_policies(int argc, char **argv)
{
    bool json;
    int code;
    if (!command_json_option(argc, argv, help, &json, &code))
        return code;
    if (argc - optind > 1) {
        command_error("policies: '", argv[optind + 1], "': expected at most one name", (char *)NULL);
        return EXIT_USAGE;
    }
    struct shipped_policy policy;
    bool one = optind < argc && shipped_policy_find(argv[optind], &policy);
    if (optind < argc && !one) {
        command_error("policies: '", argv[optind],
                      "': expected the name of a shipped policy; 'reuseshim policies' "
                      "lists them",
                      (char *)NULL);
        return EXIT_USAGE;
    }
    if (one)
        print(&policy, true, json);
    for (size_t i = 0; !one && i < shipped_policy_count; i++) {
        policy = shipped_policy_at(i);
        print(&policy, false, json);
    }
    return EXIT_SUCCESS;
}
