/* SPDX-License-Identifier: MIT
 *
 * Contract in row.h.
 */
#include "row.h"

#include "../terminal.h"
#include "measure.h"
#include "reuseshim/errno_name.h"
#include "scene.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- words ------------------------------------------------------------------------------------------- */

/* "ok" or the errno's name. */
const char *answer_word(char room[ANSWER_ROOM], int error)
{
    struct text text = text_in(room, ANSWER_ROOM);
    if (error == 0)
        text_string(&text, "ok");
    else if (error == NOT_MEASURED)
        text_string(&text, "not measured here");
    else
        errno_name_write(&text, error);
    return text_end(&text);
}

static const char *asks_word(char room[8], uint8_t asks)
{
    struct text text = text_in(room, 8);
    asks_write(&text, asks);
    return text_end(&text);
}

static const char *protocol_word_of(int protocol)
{
    return protocol == IPPROTO_TCP ? "tcp" : "udp";
}

/* ---- rows -------------------------------------------------------------------------------------------- */

static bool has_word(const struct grid_row *row, const char *word)
{
    char one[8], two[8];
    return strcasecmp(word, protocol_word_of(row->protocol)) == 0 ||
           strcasecmp(word, mode_word(row->mode)) == 0 ||
           strcasecmp(word, row->other_user ? "different" : "same") == 0 ||
           strcmp(word, row->address1) == 0 || strcmp(word, row->address2) == 0 ||
           strcasecmp(word, asks_word(one, row->asks1)) == 0 ||
           strcasecmp(word, asks_word(two, row->asks2)) == 0;
}

/* Beside the modes of one bind the second listen has rows of its own, where somebody asks for them. */
static bool is_asked_for(const struct request *request, const struct grid_row *row)
{
    bool asked = row->mode != MODE_SECOND_LISTEN || request->html;
    for (size_t i = 0; i < request->only_count; i++)
        asked |= strcasecmp(request->only[i], mode_word(row->mode)) == 0;
    return asked;
}

bool row_is_wanted(const struct request *request, const struct grid_row *row)
{
    if (!is_asked_for(request, row))
        return false;
    for (size_t i = 0; i < request->only_count; i++)
        if (!has_word(row, request->only[i]))
            return false;
    return true;
}

int row_answer(enum system system, const struct grid_row *row, bool *unsure)
{
    struct system_answer answer = grid_judge(system, row);
    *unsure = answer.unsure;
    return answer.error;
}

static void print_csv(const struct request *request, const struct grid_row *row, int measured)
{
    char one[8], two[8], word[ANSWER_ROOM];
    bool unsure;
    printf("%s,%s,%s,%s,%s,%s,%s,%s", protocol_word_of(row->protocol), mode_word(row->mode), row->address1,
           row->address2, asks_word(one, row->asks1), asks_word(two, row->asks2),
           row->other_user ? "different" : "same", answer_word(word, measured));
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (request->systems[i])
            printf(",%s", answer_word(word, row_answer((enum system)i, row, &unsure)));
    putchar('\n');
}

static void print_json(const struct request *request, const struct grid_row *row, int measured)
{
    char one[8], two[8], word[ANSWER_ROOM];
    const char *comma = "";
    printf("{\"protocol\":\"%s\",\"mode\":\"%s\",\"address1\":\"%s\",\"address2\":\"%s\",\"options1\":\"%s\","
           "\"options2\":\"%s\",\"user\":\"%s\",\"measured\":",
           protocol_word_of(row->protocol), mode_word(row->mode), row->address1, row->address2,
           asks_word(one, row->asks1), asks_word(two, row->asks2), row->other_user ? "different" : "same");
    printf(measured == NOT_MEASURED ? "null" : "\"%s\"", answer_word(word, measured));
    printf(",\"systems\":{");
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (request->systems[i]) {
            bool unsure;
            int error = row_answer((enum system)i, row, &unsure);
            printf("%s\"%s\":{\"answer\":\"%s\",\"unsure\":%s}", comma, system_word((enum system)i),
                   answer_word(word, error), unsure ? "true" : "false");
            comma = ",";
        }
    puts("}}");
}

int cell_print(int error, const char *mark)
{
    char word[ANSWER_ROOM];
    answer_word(word, error);
    size_t length = strlen(word);
    snprintf(word + length, sizeof word - length, "%s", mark);
    terminal_paint(stdout, error == 0 ? PAINT_GOOD : error == NOT_MEASURED ? PAINT_UNSURE : PAINT_BAD, word);
    return (int)strlen(word);
}

/* The columns of this kernel's answer, and of each system's. */
enum { HERE = 19, THERE = 14 };

static void print_text(const struct request *request, const struct grid_row *row, int measured)
{
    char one[8], two[8];
    printf("%-3s  %-13s  %-9s %-2s  + %-9s %-2s  %-9s  ", protocol_word_of(row->protocol),
           mode_word(row->mode), row->address1, asks_word(one, row->asks1), row->address2,
           asks_word(two, row->asks2), row->other_user ? "different" : "same");
    int left = HERE - cell_print(measured, "");
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (request->systems[i]) {
            bool unsure;
            int error = row_answer((enum system)i, row, &unsure);
            bool differs = measured != NOT_MEASURED && error != measured;
            printf("%*s", left, "");
            left = THERE - cell_print(error, differs ? (unsure ? "*?" : "*") : unsure ? "?" : "");
        }
    putchar('\n');
}

void row_print_head(const struct request *request)
{
    bool csv = request->form == FORM_CSV;
    if (request->summary || request->form == FORM_JSON)
        return;
    printf(csv ? "protocol,mode,address1,address2,options1,options2,user,measured"
               : "     mode           first         + second        user       here");
    int left = HERE - (int)strlen("here");
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (request->systems[i]) {
            const char *word = system_word((enum system)i);
            csv ? printf(",%s", word) : printf("%*s%s", left, "", word);
            left = THERE - (int)strlen(word);
        }
    putchar('\n');
}

void row_print(const struct request *request, const struct grid_row *row, int measured)
{
    (request->form == FORM_CSV    ? print_csv
     : request->form == FORM_JSON ? print_json
                                  : print_text)(request, row, measured);
}
