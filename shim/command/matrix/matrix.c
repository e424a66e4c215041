/* SPDX-License-Identifier: MIT
 *
 * reuseshim matrix: who may bind beside whom, on this kernel and elsewhere.
 */
#include "../subcommands.h"
#include "../terminal.h"
#include "measure.h"
#include "reuseshim/command.h"
#include "reuseshim/errno_name.h"
#include "scene.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char help[] =
    "usage: reuseshim matrix [--system NAME]... [--only WORD]... [--summary] [--csv | --json]\n"
    "       reuseshim matrix --explain SITUATION [--system NAME]... [--json]\n"
    "\n"
    "Who may bind a port that another socket has: tried on this kernel, beside what other systems answer.\n"
    "  -s, --system NAME     a column for it: bsd, freebsd, openbsd, netbsd, macos, solaris, illumos, windows,\n"
    "                        windows-xp, linux-2.6, linux, android, or all; * marks another answer than here\n"
    "      --only WORD       rows that have the word: tcp, udp, none, listen, multicast, connected, time-wait,\n"
    "                        an address, same, different (user), A (reuseaddr), P (reuseport), AP, X, -\n"
    "      --summary         a line for each system\n"
    "      --explain 'udp 0.0.0.0:5353 A + 127.0.0.1:5353 P'\n"
    "                        what each system says to the last socket, and why; behind an address may also\n"
    "                        stand listen, connected, time-wait, other-user, v6only\n"
    "      --csv, --json\n"
    "  -h, --help\n";

enum form { FORM_TEXT, FORM_CSV, FORM_JSON };
enum { WORDS_MAX = 8 };

struct request {
    enum form form;
    bool summary;
    bool systems[SYSTEM_COUNT];
    const char *explain;
    const char *only[WORDS_MAX];
    size_t only_count;
};

struct totals {
    size_t rows, measured, unmeasured, allowed;
    size_t of[SYSTEM_COUNT][2]; /* allowed; another answer than here */
};

struct run {
    const struct request *request;
    struct place place;
    struct totals totals;
};

/* ---- words ----------------------------------------------------------------------------------------------
 */

/* "ok" or the errno's name. */
static const char *answer_word(char room[32], int error)
{
    struct text text = text_in(room, 32);
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

/* ---- rows -----------------------------------------------------------------------------------------------
 */

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

static bool is_wanted(const struct request *request, const struct grid_row *row)
{
    for (size_t i = 0; i < request->only_count; i++)
        if (!has_word(row, request->only[i]))
            return false;
    return true;
}

static int judge_row(enum system system, const struct grid_row *row, bool *unsure)
{
    struct system_socket sockets[2];
    grid_sockets(row, 1, sockets);
    struct system_answer answer = system_judge(system, &sockets[0], 1, &sockets[1]);
    *unsure = answer.unsure;
    return answer.error;
}

static void print_csv(const struct run *run, const struct grid_row *row, int measured)
{
    char one[8], two[8], word[32];
    bool unsure;
    printf("%s,%s,%s,%s,%s,%s,%s,%s", protocol_word_of(row->protocol), mode_word(row->mode), row->address1,
           row->address2, asks_word(one, row->asks1), asks_word(two, row->asks2),
           row->other_user ? "different" : "same", answer_word(word, measured));
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (run->request->systems[i])
            printf(",%s", answer_word(word, judge_row((enum system)i, row, &unsure)));
    putchar('\n');
}

static void print_json(const struct run *run, const struct grid_row *row, int measured)
{
    char one[8], two[8], word[32];
    const char *comma = "";
    printf("{\"protocol\":\"%s\",\"mode\":\"%s\",\"address1\":\"%s\",\"address2\":\"%s\",\"options1\":\"%s\","
           "\"options2\":\"%s\",\"user\":\"%s\",\"measured\":",
           protocol_word_of(row->protocol), mode_word(row->mode), row->address1, row->address2,
           asks_word(one, row->asks1), asks_word(two, row->asks2), row->other_user ? "different" : "same");
    printf(measured == NOT_MEASURED ? "null" : "\"%s\"", answer_word(word, measured));
    printf(",\"systems\":{");
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (run->request->systems[i]) {
            bool unsure;
            int error = judge_row((enum system)i, row, &unsure);
            printf("%s\"%s\":{\"answer\":\"%s\",\"unsure\":%s}", comma, system_word((enum system)i),
                   answer_word(word, error), unsure ? "true" : "false");
            comma = ",";
        }
    puts("}}");
}

/* An answer in `width` columns, with its mark. */
static void print_cell(int error, const char *mark, int width)
{
    char word[40];
    answer_word(word, error);
    size_t length = strlen(word);
    snprintf(word + length, sizeof word - length, "%s", mark);
    terminal_paint(stdout, error == 0 ? PAINT_GOOD : error == NOT_MEASURED ? PAINT_UNSURE : PAINT_BAD, word);
    printf("%*s", width > (int)strlen(word) ? width - (int)strlen(word) : 1, "");
}

static void print_text(const struct run *run, const struct grid_row *row, int measured)
{
    char one[8], two[8];
    printf("%-3s  %-9s  %-9s %-2s  + %-9s %-2s  %-9s  ", protocol_word_of(row->protocol),
           mode_word(row->mode), row->address1, asks_word(one, row->asks1), row->address2,
           asks_word(two, row->asks2), row->other_user ? "different" : "same");
    print_cell(measured, "", 19);
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (run->request->systems[i]) {
            bool unsure;
            int error = judge_row((enum system)i, row, &unsure);
            bool differs = measured != NOT_MEASURED && error != measured;
            print_cell(error, differs ? (unsure ? "*?" : "*") : unsure ? "?" : "", 14);
        }
    putchar('\n');
}

static void count(struct run *run, const struct grid_row *row, int measured)
{
    struct totals *totals = &run->totals;
    totals->rows++;
    totals->measured += measured != NOT_MEASURED;
    totals->allowed += measured == 0;
    for (int i = 0; i < SYSTEM_COUNT; i++) {
        bool unsure;
        int error = judge_row((enum system)i, row, &unsure);
        totals->of[i][0] += error == 0;
        totals->of[i][1] += measured != NOT_MEASURED && error != measured;
    }
}

static void take_row(void *context, const struct grid_row *row)
{
    struct run *run = context;
    if (!is_wanted(run->request, row))
        return;
    int measured = measure_row(&run->place, row);
    count(run, row, measured);
    if (run->request->summary)
        return;
    (run->request->form == FORM_CSV    ? print_csv
     : run->request->form == FORM_JSON ? print_json
                                       : print_text)(run, row, measured);
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

static void print_head(const struct request *request)
{
    bool csv = request->form == FORM_CSV;
    if (request->summary || request->form == FORM_JSON)
        return;
    printf(csv ? "protocol,mode,address1,address2,options1,options2,user,measured"
               : "     mode       first         + second        user       here               ");
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (request->systems[i])
            printf(csv ? ",%s" : "%-14s", system_word((enum system)i));
    putchar('\n');
}

static void print_summary(const struct run *run)
{
    const struct totals *totals = &run->totals;
    bool json = run->request->form == FORM_JSON, csv = run->request->form == FORM_CSV;
    const char *form =
        json  ? "{\"system\":\"%s\",\"rows\":%zu,\"allowed\":%zu,\"differ\":%zu}\n"
        : csv ? "%s,%zu,%zu,%zu\n"
              : "%-11s  of %zu rows %zu are allowed, %zu are answered in another way than here\n";
    if (csv)
        puts("system,rows,allowed,differ");
    printf(form, "measured", totals->measured, totals->allowed, (size_t)0);
    for (int i = 0; i < SYSTEM_COUNT; i++)
        if (run->request->systems[i])
            printf(form, system_word((enum system)i), totals->rows, totals->of[i][0], totals->of[i][1]);
}

static int print_grid(const struct request *request)
{
    struct run run = {.request = request};
    terminal_begin(stdout);
    place_begin(&run.place);
    print_head(request);
    grid_rows(take_row, &run);
    if (run.totals.rows == 0) {
        command_error("matrix: --only: no row has all of these words", (char *)NULL);
        return EXIT_USAGE;
    }
    if (request->summary)
        print_summary(&run);
    return EXIT_SUCCESS;
}

static void explain_one(const struct scene *scene, enum system system, bool json)
{
    char word[32];
    const struct system_answer answer =
        system_judge(system, scene->sockets, scene->count - 1, &scene->sockets[scene->count - 1]);
    answer_word(word, answer.error);
    if (json) {
        printf(
            "{\"system\":\"%s\",\"answer\":\"%s\",\"reason\":\"%s\",\"unsure\":%s,\"source\":\"%s\",\"doubt\":",
            system_word(system), word, answer.reason, answer.unsure ? "true" : "false",
            system_source(system));
        printf(system_doubt(system)[0] ? "\"%s\"}\n" : "null}\n", system_doubt(system));
        return;
    }
    printf("%-11s  ", system_word(system));
    print_cell(answer.error, answer.unsure ? "?" : "", 13);
    printf("%s%s\n", answer.reason, answer.unsure ? " (not sure: not read)" : "");
}

static int explain(const struct request *request)
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

/* ---- options --------------------------------------------------------------------------------------------
 */

static bool take_system(struct request *request, const char *word)
{
    char names[256];
    struct text text = text_in(names, sizeof names);
    enum system system = system_find(word);
    bool all = strcmp(word, "all") == 0;
    for (int i = 0; i < SYSTEM_COUNT; i++) {
        request->systems[i] |= all || i == (int)system;
        text_strings(&text, system_word((enum system)i), ", ");
    }
    if (!all && system == SYSTEM_COUNT)
        command_error("matrix: --system: '", word, "': expected ", text_end(&text), "or all", (char *)NULL);
    return all || system != SYSTEM_COUNT;
}

static bool is_any(const bool systems[SYSTEM_COUNT])
{
    return memchr(systems, true, SYSTEM_COUNT) != NULL;
}

static bool read_options(struct request *request, int argc, char **argv, int *code)
{
    static const struct option options[] = {
        {"system", required_argument, NULL, 's'}, {"only", required_argument, NULL, 'o'},
        {"summary", no_argument, NULL, 'S'},      {"explain", required_argument, NULL, 'e'},
        {"csv", no_argument, NULL, 'c'},          {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int letter;
    *request = (struct request){.form = FORM_TEXT};
    *code = EXIT_USAGE;
    optind = 1;
    while ((letter = command_option(argc, argv, "s:jh", options, help, code)) > 0) {
        if (letter == 's' && !take_system(request, optarg))
            return false;
        if (letter == 'o' && request->only_count < WORDS_MAX)
            request->only[request->only_count++] = optarg;
        if (letter == 'e')
            request->explain = optarg;
        request->summary |= letter == 'S';
        request->form = letter == 'c' ? FORM_CSV : letter == 'j' ? FORM_JSON : request->form;
    }
    if (letter == 0)
        return false;
    if (optind < argc) {
        command_error("matrix: '", argv[optind], "': expected no operand", (char *)NULL);
        return false;
    }
    if (!is_any(request->systems) && (request->explain || request->summary))
        memset(request->systems, true, sizeof request->systems);
    return true;
}

int command_matrix(int argc, char **argv)
{
    struct request request;
    int code;
    if (!read_options(&request, argc, argv, &code))
        return code;
    return request.explain ? explain(&request) : print_grid(&request);
}
