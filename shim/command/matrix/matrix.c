/* SPDX-License-Identifier: MIT
 *
 * reuseshim matrix: who may bind beside whom, on this kernel and elsewhere.
 */
#include "../subcommands.h"
#include "../terminal.h"
#include "explain.h"
#include "measure.h"
#include "page.h"
#include "progress.h"
#include "reuseshim/command.h"
#include "row.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: reuseshim matrix [--system NAME]... [--only WORD]... [--summary] [--csv | --json | --html FILE]\n"
    "       reuseshim matrix --explain SITUATION [--system NAME]... [--json]\n"
    "\n"
    "Who may bind a port that another socket has: tried on this kernel, beside what other systems answer.\n"
    "  -s, --system NAME     a column for it: bsd, freebsd, openbsd, netbsd, macos, solaris, illumos, windows,\n"
    "                        windows-xp, linux-2.6, linux, android, or all; * marks another answer than here\n"
    "      --only WORD       rows that have the word: tcp, udp, none, listen, multicast, connected, time-wait,\n"
    "                        second-listen (both listen; only then), an address, same, different (user),\n"
    "                        A (reuseaddr), P (reuseport), AP, X, -\n"
    "      --summary         a line for each system\n"
    "      --explain 'udp 0.0.0.0:5353 A + 127.0.0.1:5353 P'\n"
    "                        what each system says to the last socket, and why; behind an address may also\n"
    "                        stand listen, connected, time-wait, other-user, v6only\n"
    "      --csv, --json\n"
    "      --html FILE       one page for a browser, with all systems unless some are named; - is standard output\n"
    "  -h, --help\n";

struct totals {
    size_t rows, measured, unmeasured, allowed;
    size_t of[SYSTEM_COUNT][2]; /* allowed; another answer than here */
};

struct run {
    const struct request *request;
    struct place place;
    struct totals totals;
    struct page *page; /* NULL: none is wanted */
    struct progress progress;
};

static void count(struct run *run, const struct grid_row *row, int measured)
{
    struct totals *totals = &run->totals;
    totals->rows++;
    totals->measured += measured != NOT_MEASURED;
    totals->allowed += measured == 0;
    for (int i = 0; i < SYSTEM_COUNT; i++) {
        bool unsure;
        int error = row_answer((enum system)i, row, &unsure);
        totals->of[i][0] += error == 0;
        totals->of[i][1] += measured != NOT_MEASURED && error != measured;
    }
}

static void take_row(void *context, const struct grid_row *row)
{
    struct run *run = context;
    if (!row_is_wanted(run->request, row))
        return;
    int measured = measure_row(&run->place, row);
    if (run->totals.rows == 0 && !run->page)
        row_print_head(run->request);
    count(run, row, measured);
    progress_step(&run->progress, run->totals.rows);
    if (run->page)
        page_add(run->page, row, measured);
    else if (!run->request->summary)
        row_print(run->request, row, measured);
}

/* ---- all of it --------------------------------------------------------------------------------------- */

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
    run.page = request->html ? page_begin(request) : NULL;
    if (request->html && run.page == NULL)
        return EXIT_TROUBLE;
    place_begin(&run.place);
    /* Rows that come one by one on the same terminal say enough. */
    progress_begin(&run.progress, request->summary || request->html || !terminal_is(stdout));
    grid_rows(take_row, &run);
    progress_end(&run.progress);
    if (run.totals.rows == 0) {
        if (run.page)
            page_drop(run.page);
        command_error("matrix: --only: no row has all of these words", (char *)NULL);
        return EXIT_USAGE;
    }
    if (run.page)
        return page_end(run.page) ? EXIT_SUCCESS : EXIT_TROUBLE;
    if (request->summary)
        print_summary(&run);
    return EXIT_SUCCESS;
}

/* ---- options ----------------------------------------------------------------------------------------- */

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

static bool take_word(struct request *request, const char *word)
{
    if (request->only_count == WORDS_MAX) {
        command_error("matrix: --only: '", word, "': expected at most eight words", (char *)NULL);
        return false;
    }
    request->only[request->only_count++] = word;
    return true;
}

static bool is_any(const bool systems[SYSTEM_COUNT])
{
    bool any = false;
    for (int i = 0; i < SYSTEM_COUNT; i++)
        any |= systems[i];
    return any;
}

static bool read_options(struct request *request, int argc, char **argv, int *code)
{
    static const struct option options[] = {{"system", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"summary", no_argument, NULL, 'S'},
                                            {"explain", required_argument, NULL, 'e'},
                                            {"csv", no_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"html", required_argument, NULL, 'H'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int letter;
    *request = (struct request){.form = FORM_TEXT};
    *code = EXIT_USAGE;
    optind = 1;
    while ((letter = command_option(argc, argv, "s:jh", options, help, code)) > 0) {
        if (letter == 's' && !take_system(request, optarg))
            return false;
        if (letter == 'o' && !take_word(request, optarg))
            return false;
        if (letter == 'e')
            request->explain = optarg;
        if (letter == 'H')
            request->html = optarg;
        request->summary |= letter == 'S';
        request->form = letter == 'c' ? FORM_CSV : letter == 'j' ? FORM_JSON : request->form;
    }
    if (letter == 0)
        return false;
    if (optind < argc) {
        command_error("matrix: '", argv[optind], "': expected no operand", (char *)NULL);
        return false;
    }
    if (request->html && (request->explain || request->summary || request->form != FORM_TEXT)) {
        command_error("matrix: --html: expected neither --explain, --summary, --csv nor --json beside it",
                      (char *)NULL);
        return false;
    }
    if (!is_any(request->systems) && (request->explain || request->summary || request->html))
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
