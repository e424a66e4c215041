/* SPDX-License-Identifier: MIT
 *
 * The table of launchers. Contract in launcher.h.
 */
#include "launcher.h"

#include <string.h>

#define SYSTEMD_STARTS "systemd starts the service, without the library"
#define MANAGER_STARTS "the manager starts the program, without the library"
#define UNIT           "'reuseshim unit %' prints a drop-in that puts it under the library"
#define OTHER_USER     "it clears the environment for the other user, so the program will not have the library"
#define OTHER_MACHINE  "the program starts on the other machine, without the library"
#define CONTAINER      "a program in a container has neither this environment nor the library's file"
#define ENGINE                                                                                               \
    "give both to the container: -v LIBRARY:LIBRARY:ro -e LD_PRELOAD=LIBRARY, and -e REUSESHIM_... for each setting"
#define LATER           "the program is started later, by a daemon, without the library"
#define START_WORDS     "start restart try-restart reload-or-restart condrestart force-reload"
#define CONTAINER_WORDS "run create start restart exec up"

/* clang-format off */
static const struct launcher launchers[] = {
    {"systemctl", START_WORDS " try-reload-or-restart enable reenable isolate", NULL, SYSTEMD_STARTS, UNIT},
    {"service", START_WORDS, NULL, "an init script or systemd starts the service, in a clean environment", UNIT},
    {"invoke-rc.d", START_WORDS, NULL, "an init script or systemd starts the service, in a clean environment", NULL},
    {"rc-service", START_WORDS, NULL, "OpenRC starts the service, in a clean environment", "set LD_PRELOAD in its file below /etc/conf.d"},
    {"initctl", START_WORDS, NULL, MANAGER_STARTS, "put 'reuseshim run' before the program in its configuration"},
    {"supervisorctl", START_WORDS " reload update", NULL, MANAGER_STARTS, "put 'reuseshim run' before the program in command="},
    {"sv", "start restart up once force-restart", NULL, MANAGER_STARTS, "put 'reuseshim run' before the program in its run script"},
    {"s6-rc", "start change", NULL, MANAGER_STARTS, "put 'reuseshim run' before the program in its run script"},
    {"s6-svc", NULL, NULL, MANAGER_STARTS, "put 'reuseshim run' before the program in its run script"},
    {"systemd-run", NULL, "--scope", "systemd starts the program, without the library",
        "put 'reuseshim run' inside: systemd-run reuseshim run COMMAND"},
    {"machinectl", "shell start login", NULL, "the program starts in the machine, without the library",
        "put 'reuseshim run' inside: machinectl shell MACHINE /usr/bin/reuseshim run COMMAND"},
    {"systemd-nspawn", NULL, NULL, CONTAINER, "give both to it: --bind-ro=LIBRARY --setenv=LD_PRELOAD=LIBRARY"},
    {"docker", CONTAINER_WORDS, NULL, CONTAINER, ENGINE},
    {"podman", CONTAINER_WORDS " play", NULL, CONTAINER, ENGINE},
    {"nerdctl", CONTAINER_WORDS, NULL, CONTAINER, ENGINE},
    {"docker-compose", CONTAINER_WORDS, NULL, CONTAINER, "give both in the file: volumes: LIBRARY:LIBRARY:ro, environment: LD_PRELOAD"},
    {"podman-compose", CONTAINER_WORDS, NULL, CONTAINER, "give both in the file: volumes: LIBRARY:LIBRARY:ro, environment: LD_PRELOAD"},
    {"ctr", CONTAINER_WORDS, NULL, CONTAINER, "give both to it: --mount and --env LD_PRELOAD=..."},
    {"crictl", CONTAINER_WORDS " runp", NULL, CONTAINER, "set LD_PRELOAD and a mount in the container's configuration"},
    {"lxc", "launch exec start restart", NULL, CONTAINER, "put 'reuseshim run' inside: lxc exec NAME -- reuseshim run COMMAND"},
    {"incus", "launch exec start restart", NULL, CONTAINER, "put 'reuseshim run' inside: incus exec NAME -- reuseshim run COMMAND"},
    {"chroot", NULL, NULL, "the program sees only what is below its new root", "put the library there, too, at the same path: LIBRARY"},
    {"lxc-start", NULL, NULL, CONTAINER, "set lxc.environment and lxc.mount.entry in its configuration"},
    {"lxc-attach", NULL, NULL, CONTAINER, "put 'reuseshim run' inside: lxc-attach -n NAME -- reuseshim run COMMAND"},
    {"kubectl", "run create apply replace exec debug rollout scale", NULL, "the cluster starts the program, without the library",
        "set LD_PRELOAD and a volume in the pod"},
    {"flatpak", "run", NULL, "the program runs in a sandbox without the library's file", NULL},
    {"snap", "run start restart", NULL, "the program runs in a sandbox without the library's file", NULL},
    {"sudo", NULL, NULL, OTHER_USER, "put 'reuseshim run' inside: sudo reuseshim run COMMAND"},
    {"doas", NULL, NULL, OTHER_USER, "put 'reuseshim run' inside: doas reuseshim run COMMAND"},
    {"pkexec", NULL, NULL, OTHER_USER, "put 'reuseshim run' inside: pkexec reuseshim run COMMAND"},
    {"run0", NULL, NULL, OTHER_USER, "put 'reuseshim run' inside: run0 reuseshim run COMMAND"},
    {"su", NULL, NULL, OTHER_USER, "put 'reuseshim run' inside: su USER -c 'reuseshim run COMMAND'"},
    /* Without one of these it keeps the environment. */
    {"runuser", "- -l --login", NULL, OTHER_USER, "put 'reuseshim run' inside: runuser -l USER -c 'reuseshim run COMMAND'"},
    {"ssh", NULL, "-N -V", OTHER_MACHINE, "put 'reuseshim run' inside: ssh HOST reuseshim run COMMAND"},
    {"rsh", NULL, NULL, OTHER_MACHINE, "put 'reuseshim run' inside: rsh HOST reuseshim run COMMAND"},
    {"mosh", NULL, NULL, OTHER_MACHINE, "put 'reuseshim run' inside: mosh HOST -- reuseshim run COMMAND"},
    {"at", NULL, "-l -r -d -c -V", LATER, "put 'reuseshim run' inside: echo 'reuseshim run COMMAND' | at TIME"},
    {"batch", NULL, NULL, LATER, "put 'reuseshim run' inside: echo 'reuseshim run COMMAND' | batch"},
    {"crontab", NULL, "-l -r -V", LATER, "put 'reuseshim run' before the command in the table"},
};
/* clang-format on */

const struct launcher *launcher_find(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        if (strcmp(launchers[i].name, name) == 0)
            return &launchers[i];
    return NULL;
}

/* ---- what only stands before a command ----------------------------------------------------------------- */

/* With the letters of those options that have an argument of their own, and how many operands come before the
 * command. */
static const struct wrapper {
    char name[10], letters[6];
    int operands;
} wrappers[] = {{"env", "uCS", 0},   {"nohup", "", 0},  {"setsid", "", 0},    {"nice", "n", 0},
                {"ionice", "cn", 0}, {"time", "fo", 0}, {"timeout", "ks", 1}, {"stdbuf", "ioe", 0},
                {"chrt", "TPD", 1},  {"taskset", "", 1}};

static const struct wrapper *find_wrapper(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strcmp(wrappers[i].name, name) == 0)
            return &wrappers[i];
    return NULL;
}

/* env -i, env -u LD_PRELOAD */
static bool takes_the_library_away(char *const *option)
{
    const char *word = *option;
    if (strcmp(word, "-") == 0 || strcmp(word, "--ignore-environment") == 0 ||
        strcmp(word, "--unset=LD_PRELOAD") == 0 || strcmp(word, "-uLD_PRELOAD") == 0)
        return true;
    if (strcmp(word, "-u") == 0 || strcmp(word, "--unset") == 0)
        return option[1] && strcmp(option[1], "LD_PRELOAD") == 0;
    return word[0] == '-' && word[1] != '-' && strchr(word, 'i') && word[strspn(word, "-iv0")] == '\0';
}

static char *const *skip_options(char *const *word, const struct wrapper *wrapper, const char **trouble)
{
    bool is_env = strcmp(wrapper->name, "env") == 0;
    while (*word && word[0][0] == '-') {
        const char *option = *word++;
        if (is_env && takes_the_library_away(word - 1))
            *trouble = "it takes the library out of the environment; put 'reuseshim run' behind it";
        if (strcmp(option, "--") == 0)
            break;
        bool has_argument = option[1] && option[2] == '\0' && strchr(wrapper->letters, option[1]);
        has_argument |= is_env && strcmp(option, "--unset") == 0;
        word += has_argument && *word;
    }
    for (int i = 0; *word && i < wrapper->operands; i++)
        word++;
    while (is_env && *word && strchr(*word, '='))
        word++;
    return word;
}

char *const *launcher_unwrap(char *const *command, const char **trouble)
{
    const struct wrapper *wrapper;
    *trouble = NULL;
    while ((wrapper = find_wrapper(*command)) != NULL) {
        char *const *behind = skip_options(command + 1, wrapper, trouble);
        if (*behind == NULL || *trouble)
            break;
        command = behind;
    }
    return command;
}

/* ---- what has others started ----------------------------------------------------------------------------
 */

static bool is_among(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; length && (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && strchr(" ", at[length]))
            return true;
    return false;
}

/* Where one of the words stands among the arguments, NULL if none does. */
static char *const *find_word(char *const *command, const char *words)
{
    for (char *const *argument = command + 1; *argument; argument++)
        if (is_among(words, *argument))
            return argument;
    return NULL;
}

/* "systemctl start NAME", "service NAME start". */
static const char *operand(char *const *command, char *const *word)
{
    for (char *const *argument = word + 1; *argument; argument++)
        if (argument[0][0] != '-')
            return *argument;
    return word > command + 1 && word[-1][0] != '-' ? word[-1] : "NAME";
}

/* '%' is the operand, LIBRARY the file. */
static void fill_in(struct text *text, const char *line, const char *name, const char *library)
{
    static const char word[] = "LIBRARY";
    while (*line) {
        if (*line == '%') {
            text_string(text, name);
            line++;
        } else if (strncmp(line, word, sizeof word - 1) == 0) {
            text_string(text, library);
            line += sizeof word - 1;
        } else {
            text_char(text, *line++);
        }
    }
}

bool launcher_explain(struct text *text, const struct launcher *launcher, char *const *command,
                      const char *library)
{
    char *const *word = launcher->when ? find_word(command, launcher->when) : command;
    if (word == NULL || (launcher->unless && find_word(command, launcher->unless)))
        return false;
    text_string(text, launcher->who);
    if (launcher->instead) {
        text_string(text, "; ");
        fill_in(text, launcher->instead, launcher->when ? operand(command, word) : "", library);
    }
    return true;
}
