/* SPDX-License-Identifier: MIT
 *
 * Contract in unit_facts.h.
 */
#define _GNU_SOURCE
#include "unit_facts.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char names[UNIT_PROPERTIES][24] = {
    [UNIT_LOAD_STATE] = "LoadState",
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
};

/* All that a command writes, NULL if it failed or could not be run. */
static char *output_of(char *const *command)
{
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, 02000000 /* O_CLOEXEC */) != 0)
        return NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
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

bool unit_facts_ask(struct unit_facts *facts, const char *unit)
{
    char list[512] = "--property=", *copy = strdup(unit);
    for (int i = 0; i < UNIT_PROPERTIES; i++) {
        strcat(list, i ? "," : "");
        strcat(list, names[i]);
    }
    *facts = (struct unit_facts){0};
    for (int i = 0; i < UNIT_PROPERTIES; i++)
        facts->values[i] = "";
    if (copy == NULL)
        return false;
    char systemctl[] = "systemctl", show[] = "show", end[] = "--";
    facts->text = output_of((char *const[]){systemctl, show, list, end, copy, NULL});
    free(copy);
    if (facts->text)
        take_apart(facts);
    facts->asked = strcmp(facts->values[UNIT_LOAD_STATE], "loaded") == 0;
    return true;
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
    static const char key[] = "path=";
    const char *at = strstr(facts->values[UNIT_EXEC_START], key);
    path[0] = '\0';
    if (at)
        snprintf(path, size, "%.*s", (int)strcspn(at + sizeof key - 1, " ;"), at + sizeof key - 1);
}

void unit_variable(const struct unit_facts *facts, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    const char *list = facts->values[UNIT_ENVIRONMENT];
    value[0] = '\0';
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        bool quoted = at > list && at[-1] == '"';
        if ((at != list && at[-1] != ' ' && !quoted) || at[length] != '=')
            continue;
        snprintf(value, size, "%.*s", (int)strcspn(at + length + 1, quoted ? "\"" : " "), at + length + 1);
    }
}
