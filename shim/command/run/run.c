/* SPDX-License-Identifier: MIT
 *
 * reuseshim run: check what can be checked, set the environment, become the program.
 */
#include "../../trap/trap.h"
#include "../program/launcher.h"
#include "../program/library.h"
#include "../program/target.h"
#include "../subcommands.h"
#include "log_place.h"
#include "reuseshim/command.h"
#include "reuseshim/setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: reuseshim run [OPTION]... [--] COMMAND [ARG]...\n"
    "\n"
    "Runs COMMAND with the library preloaded; a static program, and one made by Go, under a trap. An option counts more\n"
    "than the variable beside it:\n"
    "  -p, --policy POLICY   name of a shipped policy, or the path of a file    REUSESHIM_POLICY\n"
    "  -r, --rule RULE       a rule to try before the policy; may be repeated   REUSESHIM_RULES\n"
    "  -l, --log LOG         where records go                                   REUSESHIM_LOG\n"
    "  -f, --format FORMAT   text or json                                       REUSESHIM_FORMAT\n"
    "  -v, --verbose         also record changed options; twice: every call     REUSESHIM_LEVEL\n"
    "      --trap[=try|parent]\n"
    "                        under a trap whatever it is; try: or else as it is; parent: with the supervisor above it\n"
    "      --no-io-uring     under a trap there is no io_uring, which would pass it by\n"
    "  -h, --help\n"
    "\n"
    "The exit code is the program's own; 126 if it cannot be run, 127 if it is not found, 100 for wrong\n"
    "use or a policy with an error, 111 for trouble with the system.\n"
    "\n";

static void print_help(void)
{
    char words[256];
    struct text logs = text_in(words, sizeof words);
    settings_write_expected(&logs, VARIABLE_LOG);
    fputs(help, stdout);
    fputs("Policies: ", stdout);
    for (size_t i = 0; i < shipped_policy_count; i++)
        printf("%s%s", i ? ", " : "", shipped_policy_at(i).name);
    printf("\nLogs: %s\n", text_end(&logs));
}

static bool set_variable(enum variable variable, const char *value)
{
    if (setenv(variable_names[variable], value, 1) == 0)
        return true;
    command_error("no memory for the environment", (char *)NULL);
    return false;
}

/* "BEFORE" "SEPARATOR" "AFTER" in memory of its own; AFTER may be NULL or empty. */
static char *join(const char *before, char separator, const char *after)
{
    size_t size = strlen(before) + (after ? strlen(after) : 0) + 2;
    char *joined = malloc(size);
    if (joined == NULL)
        command_error("no memory", (char *)NULL);
    else if (after && after[0])
        snprintf(joined, size, "%s%c%s", before, separator, after);
    else
        snprintf(joined, size, "%s", before);
    return joined;
}

struct choices {
    char *rules;
    int verbose;
    enum { TRAP_WHERE_NEEDED, TRAP_ALWAYS, TRAP_IF_POSSIBLE, TRAP_AS_PARENT } trap;
    bool no_io_uring;
};

static bool take_trap(struct choices *choices, const char *word)
{
    bool tries = word && strcmp(word, "try") == 0, as_parent = word && strcmp(word, "parent") == 0;
    if (word && !tries && !as_parent)
        command_error("run: --trap: '", word, "': expected --trap, --trap=try or --trap=parent",
                      (char *)NULL);
    choices->trap = tries ? TRAP_IF_POSSIBLE : as_parent ? TRAP_AS_PARENT : TRAP_ALWAYS;
    return word == NULL || tries || as_parent;
}

/* False with the exit code in *code if there is nothing left to do. */
static bool read_options(struct choices *choices, int argc, char **argv, int *code)
{
    static const struct option_row {
        char letter;
        enum variable variable;
    } rows[] = {{'p', VARIABLE_POLICY}, {'l', VARIABLE_LOG}, {'f', VARIABLE_FORMAT}};
    static const struct option options[] = {{"policy", required_argument, NULL, 'p'},
                                            {"rule", required_argument, NULL, 'r'},
                                            {"log", required_argument, NULL, 'l'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"trap", optional_argument, NULL, 't'},
                                            {"no-io-uring", no_argument, NULL, 'I'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int letter;
    optind = 1;
    *code = EXIT_TROUBLE; /* of what may fail on the way */
    while ((letter = command_option(argc, argv, "+p:r:l:f:vh", options, NULL, code)) > 0) {
        if (letter == 'h') {
            print_help();
            *code = EXIT_SUCCESS;
            return false;
        }
        if (letter == 'v')
            choices->verbose++;
        choices->no_io_uring |= letter == 'I';
        if (letter == 't' && !take_trap(choices, optarg)) {
            *code = EXIT_USAGE;
            return false;
        }
        if (letter == 'r') {
            char *rules = choices->rules ? join(choices->rules, '\n', optarg) : join(optarg, '\n', NULL);
            if (rules == NULL)
                return false;
            free(choices->rules);
            choices->rules = rules;
        }
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (rows[i].letter == letter && !set_variable(rows[i].variable, optarg))
                return false;
    }
    return letter < 0;
}

/* The same reading that the library will do, so that an error shows now and not inside the program. */
static int check_settings(void)
{
    const struct names nobody = {.program = ""};
    const char *values[VARIABLE_COUNT];
    struct settings settings;
    struct policy policy;
    struct complaint complaint;
    for (int i = 0; i < VARIABLE_COUNT; i++)
        values[i] = getenv(variable_names[i]);
    if (!settings_parse(&settings, values, &complaint) ||
        !policy_load(&policy, NULL, 0, &settings, &nobody, &complaint)) {
        command_error(complaint.line, (char *)NULL);
        return EXIT_USAGE;
    }
    policy_drop(&policy);
    command_warn_of_variables();
    return log_place_check(&settings);
}

/* Ours comes first: what other libraries change on a socket, they change behind our doors. */
static int preload(struct library *library, const struct elf *target)
{
    int result = library_find(library, target);
    if (result)
        return result;
    char *list = library_list(library->path, getenv("LD_PRELOAD"));
    if (list == NULL || setenv("LD_PRELOAD", list, 1) != 0) {
        command_error("no memory for the environment", (char *)NULL);
        result = EXIT_TROUBLE;
    }
    free(list);
    return result;
}

/* The rules given here come before those that the environment has already. */
static bool add_rules(struct choices *choices)
{
    if (choices->rules == NULL)
        return true;
    char *all = join(choices->rules, '\n', getenv(variable_names[VARIABLE_RULES]));
    bool set = all && set_variable(VARIABLE_RULES, all);
    free(all);
    free(choices->rules);
    return set;
}

static bool raise_level(const struct choices *choices)
{
    const char *now = getenv(variable_names[VARIABLE_LEVEL]);
    if (choices->verbose == 0 || (now && strcmp(now, "trace") == 0))
        return true;
    return set_variable(VARIABLE_LEVEL, choices->verbose > 1 ? "trace" : "change");
}

/* Children of the program may be started elsewhere. A path that is not there is complained about later. */
static bool make_path_absolute(void)
{
    const char *policy = getenv(variable_names[VARIABLE_POLICY]);
    char *path = policy && strchr(policy, '/') && policy[0] != '/' ? realpath(policy, NULL) : NULL;
    bool set = path == NULL || set_variable(VARIABLE_POLICY, path);
    free(path);
    return set;
}

/* It is run all the same: what it starts may be meant to be as it is. */
static void warn_of_launcher(const struct target *target, char **command, const char *library)
{
    const char *trouble;
    char *const *inner = launcher_unwrap(command, &trouble);
    const struct launcher *launcher = launcher_find(inner == command ? target->path : *inner);
    char line[LIBRARY_PATH_MAX];
    struct text text = text_in(line, sizeof line);
    if (trouble)
        command_error(*inner, ": ", trouble, (char *)NULL);
    else if (launcher && launcher_explain(&text, launcher, inner, library))
        command_error(launcher->name, ": ", text_end(&text), (char *)NULL);
}

/* As execvp(3), which would give a damaged program to the shell as well: the file is executed, and a text
 * that is no script is read by /bin/sh. Returns if that fails. */
static int execute(struct target *target, char **command, int count)
{
    execv(target->path, command);
    if (errno == ENOEXEC && target->is_text) {
        char **shell = calloc((size_t)count + 2, sizeof *shell);
        if (shell == NULL) {
            command_error(command[0], ": no memory", (char *)NULL);
            return EXIT_TROUBLE;
        }
        char name[] = "/bin/sh";
        shell[0] = name;
        shell[1] = target->path;
        memcpy(shell + 2, command + 1, (size_t)count * sizeof *shell);
        execv(name, shell);
        free(shell);
    }
    const char *reason =
        errno != ENOEXEC ? strerror(errno)
        : target->elf.is_elf
            ? "the kernel does not run it: damaged, or for a machine that this one is not"
            : "neither a program that the kernel runs nor a script: it begins with binary bytes";
    int result = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
    command_error(command[0], ": ", reason, (char *)NULL);
    return result;
}

/* A program that our library reaches as well would have each refusal told twice, the second time with less.
 */
static bool keep_library_out(void)
{
    const char *before = getenv("LD_PRELOAD");
    char *list = before ? library_list(NULL, before) : NULL;
    bool done =
        before == NULL || (list && (list[0] ? setenv("LD_PRELOAD", list, 1) : unsetenv("LD_PRELOAD")) == 0);
    free(list);
    return done;
}

static bool may_go_under(const struct target *target, struct text *reason, enum reach *reach)
{
    if (target_gains_rights(target) && trap_takes_rights()) {
        text_string(
            reason,
            "the trap would keep it from the rights that its file gives it (set-user-ID, file capabilities); "
            "start it with CAP_SYS_ADMIN, or give it the rights another way, such as AmbientCapabilities= of systemd");
        return false;
    }
    return trap_rehearse(reason, reach);
}

/* 0, also where it was only to be tried and does not work; TRAP_LESS where the library may do something
 * instead; or an exit code. */
enum { TRAP_LESS = -1 };
static int put_under_trap(const struct target *target, const struct choices *choices, const char *name)
{
    char words[512];
    struct text reason = text_in(words, sizeof words);
    struct trap_choices start = {.no_io_uring = choices->no_io_uring,
                                 .as_parent = choices->trap == TRAP_AS_PARENT};
    if (may_go_under(target, &reason, &start.reach))
        return keep_library_out() ? trap_start(&start) : EXIT_TROUBLE;
    bool tried = choices->trap == TRAP_IF_POSSIBLE;
    bool loads = choices->trap == TRAP_WHERE_NEEDED && target->elf.interpreter[0];
    command_error(name,
                  target_wants_trap(target) ? ": only a trap reaches it: " : ": --trap: ", text_end(&reason),
                  tried ? "; it runs without" : "", (char *)NULL);
    return tried ? 0 : loads ? TRAP_LESS : EXIT_NOT_RUN;
}

static int become(char **command, int count, const struct choices *choices)
{
    static struct target target;
    static struct library library;
    int result = check_settings();
    if (result == 0)
        result = target_look(&target, command[0]);
    if (result)
        return result;
    if (choices->trap != TRAP_WHERE_NEEDED || target_wants_trap(&target)) {
        result = put_under_trap(&target, choices, command[0]);
        if (result != TRAP_LESS)
            return result ? result : execute(&target, command, count);
    }
    result = target_judge(&target);
    if (result == 0)
        result = preload(&library, &target.elf);
    if (result)
        return result;
    warn_of_launcher(&target, command, library.file);
    return execute(&target, command, count);
}

int command_run(int argc, char **argv)
{
    struct choices choices = {.rules = NULL};
    int code;
    if (!read_options(&choices, argc, argv, &code))
        return code;
    if (optind >= argc) {
        command_error("run: expected a command; see 'reuseshim run --help'", (char *)NULL);
        return EXIT_USAGE;
    }
    if (!add_rules(&choices) || !raise_level(&choices) || !make_path_absolute())
        return EXIT_TROUBLE;
    return become(argv + optind, argc - optind, &choices);
}
