/* SPDX-License-Identifier: MIT
 *
 * Contract in explain.h.
 */
#include "explain.h"

#include "../terminal.h"
#include "reuseshim/command.h"
#include "row.h"
#include "scene.h"
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>

static void print_one(enum system system, int error, const char *reason, bool unsure, bool json)
{
    char word[ANSWER_ROOM];
    answer_word(word, error);
    if (json) {
        printf(
            "{\"system\":\"%s\",\"answer\":\"%s\",\"reason\":\"%s\",\"unsure\":%s,\"source\":\"%s\",\"doubt\":",
            system_word(system), word, reason, unsure ? "true" : "false", system_source(system));
        printf(system_doubt(system)[0] ? "\"%s\"}\n" : "null}\n", system_doubt(system));
        return;
    }
    printf("%-11s  ", system_word(system));
    enum { ANSWER = 13 };
    int left = ANSWER - cell_print(error, unsure ? "?" : "");
    printf("%*s%s%s\n", left, "", reason, unsure ? " (not sure: not read)" : "");
}

static void explain_one(const struct scene *scene, enum system system, bool json)
{
    size_t last = scene->count - 1;
    const struct system_answer answer = system_judge(system, scene->sockets, last, &scene->sockets[last]);
    print_one(system, answer.error, answer.reason, answer.unsure, json);
}

int explain(const struct request *request)
{
    struct scene scene;
    if (!scene_read(&scene, request->explain))
        return EXIT_USAGE;
    terminal_begin(stdout);
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (request->systems[i])
            explain_one(&scene, (enum system)i, request->form == FORM_JSON);
    return EXIT_SUCCESS;
}
