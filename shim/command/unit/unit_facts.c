/* SPDX-License-Identifier: MIT
 *
 * Contract in unit_facts.h.
 */
#define _GNU_SOURCE
#include "unit_facts.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char names[UNIT_PROPERTIES][24] = {
    [UNIT_LOAD_STATE] = "LoadState",
    [UNIT_TYPE] = "Type",
    [UNIT_PID_FILE] = "PIDFile",
    [UNIT_IDENTIFIER] = "SyslogIdentifier",
    [UNIT_EXEC_START] = "ExecStart",
    [UNIT_ENVIRONMENT] = "Environment",
    [UNIT_FAMILIES] = "RestrictAddressFamilies",
    [UNIT_SYSTEM_CALLS] = "SystemCallFilter",
    [UNIT_CALL_ERROR] = "SystemCallErrorNumber",
    [UNIT_USER] = "User",
    [UNIT_DYNAMIC_USER] = "DynamicUser",
    [UNIT_AMBIENT] = "AmbientCapabilities",
    [UNIT_BOUNDING] = "CapabilityBoundingSet",
    [UNIT_PRIVATE_NETWORK] = "PrivateNetwork",
    [UNIT_PROTECT_PROC] = "ProtectProc",
    [UNIT_ROOT] = "RootDirectory",
    [UNIT_ROOT_IMAGE] = "RootImage",
    [UNIT_ENVIRONMENT_FILES] = "EnvironmentFiles",
    [UNIT_TRIGGERED_BY] = "TriggeredBy",
    [UNIT_PROTECT_HOME] = "ProtectHome",
    [UNIT_PRIVATE_TMP] = "PrivateTmp",
    [UNIT_INACCESSIBLE] = "InaccessiblePaths",
    [UNIT_TEMPORARY] = "TemporaryFileSystem",
    [UNIT_BIND] = "BindPaths",
    [UNIT_BIND_READ_ONLY] = "BindReadOnlyPaths",
    [UNIT_NO_EXEC] = "NoExecPaths",
    [UNIT_EXEC] = "ExecPaths",
    [UNIT_UNSET] = "UnsetEnvironment",
};

/* All that a command writes, NULL if it failed or could not be run. */
static char *output_of(char *const *command)
{
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *file = error ? NULL : fdopen(ends[0], "r");
    char *text = NULL;
    size_t size = 0;
    int status = 1;
    if (file == NULL || getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    else
        close(ends[0]);
    if (!error)
        waitpid(pid, &status, 0);
    if (status != 0) {
        free(text);
        text = NULL;
    }
    return text;
}

/* "Name=value" lines, cut where they stand. */
static void take_apart(struct unit_facts *facts)
{
    for (char *line = strtok(facts->text, "\n"); line; line = strtok(NULL, "\n")) {
        char *equals = strchr(line, '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        for (int i = 0; i < UNIT_PROPERTIES; i++)
            if (strcmp(line, names[i]) == 0)
                facts->values[i] = equals + 1;
    }
}

void unit_facts_begin(struct unit_facts *facts)
{
    *facts = (struct unit_facts){0};
    for (int i = 0; i < UNIT_PROPERTIES; i++)
        facts->values[i] = "";
}

/* What systemctl says of a unit, in memory to be freed; NULL if it does not answer. */
static char *ask(char *word, char *option, const char *unit)
{
    char systemctl[] = "systemctl", end[] = "--", *copy = strdup(unit);
    char *text = copy ? output_of((char *const[]){systemctl, word, option, end, copy, NULL}) : NULL;
    free(copy);
    return text;
}

static char *show(char *list, const char *unit)
{
    char word[] = "show";
    return ask(word, list, unit);
}

char *unit_files(const char *unit)
{
    char word[] = "cat", option[] = "--no-pager";
    return ask(word, option, unit);
}

/* "Listen=[::]:22 (Stream)": others are paths, @names and words (kobject-uevent 1). */
static bool listens_on_port(const char *text)
{
    static const char key[] = "Listen=[0123456789";
    const size_t equals = sizeof "Listen=" - 1;
    bool found = false;
    for (; *text && !found; text += strcspn(text, "\n"), text += *text == '\n')
        found = strncmp(text, key, equals) == 0 && text[equals] && strchr(key + equals, text[equals]);
    return found;
}

struct socket_facts unit_socket_ask(const char *socket, const char *unit)
{
    char list[] = "--property=LoadState,ActiveState,UnitFileState,Triggers,Listen";
    char *text = show(list, socket), triggers[300];
    struct socket_facts facts = {false, false, false};
    snprintf(triggers, sizeof triggers, "Triggers=%s\n", unit);
    if (text) {
        facts.starts_it = strstr(text, "LoadState=loaded") && strstr(text, triggers);
        facts.has_port = listens_on_port(text);
        facts.in_use = strstr(text, "ActiveState=active") || strstr(text, "UnitFileState=enabled");
    }
    free(text);
    return facts;
}

void unit_facts_ask(struct unit_facts *facts, const char *unit)
{
    char list[1024] = "--property=";
    for (int i = 0; i < UNIT_PROPERTIES; i++) {
        strcat(list, i ? "," : "");
        strcat(list, names[i]);
    }
    char instance[300];
    const char *template = strstr(unit, "@.");
    if (template)
        snprintf(instance, sizeof instance, "%.*s@reuseshim%s", (int)(template - unit), unit, template + 1);
    facts->text = show(list, template ? instance : unit);
    if (facts->text)
        take_apart(facts);
    facts->answered = facts->values[UNIT_LOAD_STATE][0] != '\0';
    facts->asked = strcmp(facts->values[UNIT_LOAD_STATE], "loaded") == 0;
}

void unit_facts_free(struct unit_facts *facts)
{
    free(facts->text);
}

/* Words may carry an error of their own: "name:EPERM". */
static bool contains(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
        if ((at == list || at[-1] == ' ' || at[-1] == '~') && strchr(" :", at[length]))
            return true;
    return false;
}

bool unit_allows(const char *list, const char *word)
{
    if (list[0] == '\0')
        return true;
    return contains(list, word) == (list[0] != '~');
}

void unit_program(const struct unit_facts *facts, char *path, size_t size)
{
    static const char key[] = "path=", trapped[] = "/reuseshim run --trap -- ";
    const char *at = strstr(facts->values[UNIT_EXEC_START], key);
    path[0] = '\0';
    if (at == NULL)
        return;
    at += sizeof key - 1;
    const char *arguments = strstr(at, "argv[]="), *run = arguments ? strstr(arguments, trapped) : NULL;
    /* "argv[]=/usr/bin/reuseshim run --trap -- PROGRAM": before it there is one word. */
    if (run && memchr(arguments, ' ', (size_t)(run - arguments)) == NULL)
        at = run + sizeof trapped - 1;
    snprintf(path, size, "%.*s", (int)strcspn(at, " ;"), at);
}

/* One word of a list as systemctl prints it: plain, or in quotes with backslashes before what needs one.
 * Where the next one begins. */
static const char *read_word(const char *at, char *word, size_t size)
{
    bool quoted = *at == '"';
    size_t used = 0;
    for (at += quoted; *at && *at != (quoted ? '"' : ' '); at++) {
        at += *at == '\\' && at[1];
        if (used + 1 < size)
            word[used++] = *at;
    }
    word[used] = '\0';
    at += quoted && *at == '"';
    return at + strspn(at, " ");
}

void unit_variable(const struct unit_facts *facts, const char *name, char *value, size_t size)
{
    char word[8192];
    size_t length = strlen(name);
    value[0] = '\0';
    for (const char *at = facts->values[UNIT_ENVIRONMENT]; *at;) {
        at = read_word(at, word, sizeof word);
        if (strncmp(word, name, length) == 0 && word[length] == '=')
            snprintf(value, size, "%s", word + length + 1);
    }
}
