/* SPDX-License-Identifier: MIT
 *
 * reuseshim unit: a drop-in for a systemd service, made for what the unit allows.
 */
#include "../program/library.h"
#include "../program/target.h"
#include "../subcommands.h"
#include "costs.h"
#include "reach.h"
#include "reuseshim/command.h"
#include "socket_unit.h"
#include "starter.h"
#include "trapped.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: reuseshim unit [OPTION]... UNIT\n"
    "\n"
    "Prints a drop-in that puts a systemd service under the library:\n"
    "  mkdir -p /etc/systemd/system/foo.service.d\n"
    "  reuseshim unit foo.service -p restart > /etc/systemd/system/foo.service.d/reuseshim.conf\n"
    "The drop-in fits the unit's hardening, as systemctl tells it, with notes on what that hardening hides.\n"
    "  -p, --policy POLICY   name of a shipped policy, or the path of a file (default: restart)\n"
    "  -f, --format FORMAT   text or json\n"
    "  -o, --offline         ask systemd nothing: for a unit of an image, or of another machine\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0; 126 and 127 for a program that 'reuseshim run' would refuse; 100 for wrong use, a unit that is\n"
    "not there or a policy with an error; 111 if the library is not found, hidden from the service, or may be changed by\n"
    "users other than root.\n";

/* What a diagnosis asks of the kernel under a seccomp filter, besides what every program does. All of them
 * are in systemd's @system-service; tests/unit.bats traces that there are no more. */
static const char *const calls[] = {
    "clock_gettime",  "close",           "connect",     "fcntl",      "fstat",      "getdents64",
    "getpeername",    "getpid",          "getsockname", "getsockopt", "gettid",     "getuid",
    "ioctl",          "madvise",         "mmap",        "munmap",     "newfstatat", "openat",
    "ppoll",          "pwritev2",        "read",        "readlinkat", "recvfrom",   "rt_sigpending",
    "rt_sigprocmask", "rt_sigtimedwait", "sendto",      "socket",     "statfs",     "uname",
    "write"};

/* ---- the lines -------------------------------------------------------------------------------------- */

/* A value of Environment=: '%' is a specifier there, and quotes keep blanks together. */
static void print_variable(const char *name, const char *value)
{
    printf("Environment=\"%s=", name);
    for (; *value; value++) {
        if (strchr("\"\\", *value))
            putchar('\\');
        fputs(*value == '%' ? "%%" : (char[]){*value, '\0'}, stdout);
    }
    puts("\"");
}

static bool print_preload(const struct plan *plan, const char *library)
{
    char others[LIBRARY_PATH_MAX];
    unit_variable(&plan->facts, "LD_PRELOAD", others, sizeof others);
    char *list = library_list(library, others);
    if (list == NULL)
        return false;
    print_variable("LD_PRELOAD", list);
    free(list);
    return true;
}

/* Does the filter of the unit kill for this call? One that answers with an error harms nobody. */
static bool kills_for(const struct plan *plan, const char *call)
{
    const char *error = plan->facts.values[UNIT_CALL_ERROR];
    bool kills = error[0] == '\0' || strcmp(error, "0") == 0 || strcmp(error, "kill") == 0 ||
                 strcmp(error, "2147483646") == 0;
    return kills && !unit_allows(plan->facts.values[UNIT_SYSTEM_CALLS], call);
}

/* Into the journal with fields, which takes a socket of its own. */
static void print_log(const struct plan *plan)
{
    bool may = unit_allows(plan->facts.values[UNIT_FAMILIES], "AF_UNIX") && !kills_for(plan, "socket") &&
               !kills_for(plan, "connect") && !kills_for(plan, "sendto");
    if (!may)
        puts(
            "# The service may not open a socket to the journal: records reach it through stderr, without fields.");
    print_variable("REUSESHIM_LOG", may ? "journal" : "stderr");
    if (plan->format)
        print_variable("REUSESHIM_FORMAT", plan->format);
}

static void print_diagnose(const struct plan *plan)
{
    bool missing = false;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!kills_for(plan, calls[i]))
            continue;
        printf(
            missing
                ? " %s"
                : "# SystemCallFilter= would kill the service for calls that a diagnosis makes, so records will not\n"
                  "# name holders. To have them, allow these calls and set REUSESHIM_DIAGNOSE=always:\n"
                  "#SystemCallFilter=%s",
            calls[i]);
        missing = true;
    }
    if (missing)
        puts("");
    /* Most hardening settings are seccomp filters, and auto asks nothing under any of them. */
    if (plan->facts.asked)
        print_variable("REUSESHIM_DIAGNOSE", missing ? "never" : "always");
}

/* ---- the command ------------------------------------------------------------------------------------ */

static int load_policy(struct plan *plan)
{
    const char *values[VARIABLE_COUNT] = {[VARIABLE_POLICY] = plan->policy, [VARIABLE_FORMAT] = plan->format};
    const struct names nobody = {.program = ""};
    struct settings settings;
    struct complaint complaint;
    if (settings_parse(&settings, values, &complaint) &&
        policy_load(&plan->rules, NULL, 0, &settings, &nobody, &complaint))
        return 0;
    command_error(complaint.line, (char *)NULL);
    return EXIT_USAGE;
}

/* With RootDirectory= the program on this machine's path is not the one that will run. */
static int look_at_program(const struct plan *plan, struct target *target)
{
    char program[TARGET_PATH_MAX];
    unit_program(&plan->facts, program, sizeof program);
    if (program[0] == '\0' || plan->facts.values[UNIT_ROOT][0] || plan->facts.values[UNIT_ROOT_IMAGE][0])
        return 0;
    return target_look(target, program);
}

static int find_library(const struct plan *plan, const struct target *target, struct library *library)
{
    int result = target->path[0] ? target_judge(target) : 0;
    if (result == 0)
        result = library_find(library, target->path[0] ? &target->elf : NULL);
    if (result == 0)
        result = reach_check(plan, library->file);
    return result ? result : reach_check_writers(plan, library->file);
}

static int print_drop_in(struct plan *plan)
{
    static struct library library;
    static struct target target;
    static struct trapped_lines lines;
    int result = look_at_program(plan, &target);
    bool trapped = result == 0 && target.path[0] && target_wants_trap(&target);
    if (result == 0)
        result = trapped ? trapped_prepare(&lines, plan) : find_library(plan, &target, &library);
    if (result == 0 && policy_is_path(plan->policy))
        result = reach_check(plan, plan->policy);
    if (result)
        return result;
    printf("# mkdir -p /etc/systemd/system/%s.d, this as reuseshim.conf in it, then:\n"
           "# systemctl daemon-reload; systemctl restart %s\n",
           plan->unit, plan->unit);
    if (plan->facts.asked)
        socket_units_tell(plan);
    else
        printf("# systemd was not asked about %s, so its hardening is not considered here.\n", plan->unit);
    if (!trapped)
        starter_tell(plan, library.file);
    puts("[Service]");
    if (trapped)
        trapped_print(&lines, plan, &target);
    else if (!print_preload(plan, library.path)) {
        command_error("unit: no memory", (char *)NULL);
        return EXIT_TROUBLE;
    }
    print_variable("REUSESHIM_POLICY", plan->policy);
    print_log(plan);
    if (!trapped)
        print_diagnose(plan);
    costs_print(plan);
    return EXIT_SUCCESS;
}

/* Only a service has processes of its own. A name without one of systemd's suffixes is a service's, as for
 * systemctl. */
static bool name_unit(char unit[256], const char *word)
{
    static const char *const suffixes[] = {".service", ".socket", ".target", ".timer", ".mount", ".automount",
                                           ".swap",    ".path",   ".slice",  ".scope", ".device"};
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
    size_t length = strlen(word), found = sizeof suffixes / sizeof *suffixes;
    if (length == 0 || length > 240 || word[0] == '-' || word[strspn(word, allowed)] != '\0')
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (length > strlen(suffixes[i]) && strcmp(word + length - strlen(suffixes[i]), suffixes[i]) == 0)
            found = i;
    snprintf(unit, 256, "%s%s", word, found ? ".service" : "");
    if (found == 0)
        unit[length] = '\0';
    return found == 0 || found == sizeof suffixes / sizeof *suffixes;
}

/* systemd reads unit files as lines of UTF-8; others it passes over, and the policy would be another one. */
static bool fits_a_line(const char *value)
{
    char buffer[8192];
    struct text text = text_in(buffer, sizeof buffer);
    text_escaped(&text, value, strlen(value));
    return !text.full && strcmp(text_end(&text), value) == 0;
}

/* A drop-in for a unit that is not there would wait for ever without a word. */
static int ask(struct plan *plan)
{
    const char *state;
    unit_facts_ask(&plan->facts, plan->unit);
    state = plan->facts.values[UNIT_LOAD_STATE];
    if (plan->facts.asked)
        return 0;
    if (!plan->facts.answered) {
        command_error("unit: systemd does not answer here, so nothing is known of ", plan->unit,
                      "; the drop-in does not consider its hardening", (char *)NULL);
        return 0;
    }
    command_error("unit: ", plan->unit, ": ",
                  strcmp(state, "not-found") == 0
                      ? "there is no such unit; 'systemctl list-unit-files' lists them"
                  : strcmp(state, "masked") == 0 ? "is masked; 'systemctl unmask' it first"
                                                 : "systemd cannot load it; 'systemctl status' says why",
                  "; --offline prints a drop-in all the same", (char *)NULL);
    return EXIT_USAGE;
}

static int make_plan(struct plan *plan, const char *word)
{
    char unit[256];
    if (!name_unit(unit, word)) {
        command_error("unit: '", word,
                      "': expected the name of a service, as foo.service; systemd itself binds the ",
                      "sockets of a socket unit, with what that says (ReusePort=)", (char *)NULL);
        return EXIT_USAGE;
    }
    char *path = strchr(plan->policy, '/') && plan->policy[0] != '/' ? realpath(plan->policy, NULL) : NULL;
    plan->policy = path ? path : plan->policy;
    plan->unit = unit;
    int result = load_policy(plan);
    if (result == 0 && !fits_a_line(plan->policy)) {
        command_error("unit: '", plan->policy, "': expected a path without control characters, in UTF-8",
                      (char *)NULL);
        result = EXIT_USAGE;
    }
    unit_facts_begin(&plan->facts);
    if (result == 0 && !plan->offline)
        result = ask(plan);
    if (result == 0)
        result = print_drop_in(plan);
    unit_facts_free(&plan->facts);
    policy_drop(&plan->rules);
    free(path);
    return result;
}

int command_unit(int argc, char **argv)
{
    static const struct option options[] = {{"policy", required_argument, NULL, 'p'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"offline", no_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {.policy = "restart"};
    int letter, code = EXIT_SUCCESS;
    optind = 1;
    while ((letter = command_option(argc, argv, "p:f:oh", options, help, &code)) > 0) {
        if (letter == 'o')
            plan.offline = true;
        else if (letter == 'p')
            plan.policy = optarg;
        else
            plan.format = optarg;
    }
    if (letter == 0)
        return code;
    if (argc - optind != 1) {
        command_error("unit: expected one UNIT; see 'reuseshim unit --help'", (char *)NULL);
        return EXIT_USAGE;
    }
    return make_plan(&plan, argv[optind]);
}
