/* SPDX-License-Identifier: MIT
 *
 * reuseshim log: records from files or standard input, summed up.
 */
#include "../subcommands.h"
#include "../terminal.h"
#include "input.h"
#include "page.h"
#include "reuseshim/command.h"
#include "reuseshim/text.h"
#include "summary.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: reuseshim log [OPTION]... [FILE]...\n"
    "\n"
    "Sums up records: totals by port, cause, holder and program, and a timeline. It reads records of text and of JSON,\n"
    "by themselves or in a log of syslog or docker, what journalctl shows (best: -o json or -o export), and any of these\n"
    "compressed by gzip. Without FILE, or if FILE is -, it reads standard input:\n"
    "  journalctl -t reuseshim -o json | reuseshim log\n"
    "A damaged record is counted and named; other lines are counted. A million records take as much memory as ten.\n"
    "  -n, --top N      rows of each table (default: 10)\n"
    "  -j, --json       the sums as one JSON object\n"
    "      --html PAGE  the same as a web page by itself, written to the file PAGE (-: standard output)\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0; 100 for wrong use, or if nothing in the input is a record; 111 if a file cannot be read or\n"
    "written.\n";

/* ---- what is read goes into the summary -------------------------------------------------------------- */

struct reading {
    struct summary *summary;
    const char *name; /* of the input that is read */
    bool show_progress, shown;
    struct timespec last;
};

static void take_record(void *context, const struct record_line *record)
{
    const struct reading *reading = context;
    summary_add(reading->summary, record);
}

static void take_damage(void *context, uint64_t line, const char *trouble)
{
    const struct reading *reading = context;
    summary_add_damage(reading->summary, reading->name, line, trouble);
}

static void take_foreign(void *context)
{
    const struct reading *reading = context;
    reading->summary->foreign++;
}

static void show_progress(void *context, uint64_t bytes)
{
    struct reading *reading = context;
    struct timespec now;
    if (!reading->show_progress || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return;
    int64_t since =
        (now.tv_sec - reading->last.tv_sec) * 1000 + (now.tv_nsec - reading->last.tv_nsec) / 1000000;
    if (since < 250)
        return;
    reading->last = now;
    reading->shown = true;
    fprintf(stderr, "\r%llu records, %llu MB\033[K", (unsigned long long)reading->summary->records,
            (unsigned long long)bytes >> 20);
}

/* False after a complaint. */
static bool read_inputs(char **files, struct reading *reading, const struct input_room *room)
{
    const struct records_taker taker = {reading, take_record, take_damage, take_foreign};
    bool good = true;
    clock_gettime(CLOCK_MONOTONIC, &reading->last);
    if (strcmp(*files, "-") == 0 && terminal_is(stdin))
        command_error("log: reads what is typed here; Ctrl-D ends it; see 'reuseshim log --help'",
                      (char *)NULL);
    for (; *files; files++) {
        reading->name = strcmp(*files, "-") == 0 ? "standard input" : *files;
        good &= input_read(*files, room, &taker, show_progress);
    }
    if (reading->shown)
        fputs("\r\033[K", stderr);
    return good;
}

/* Lines, and none of them a record: probably not what was meant. */
static bool is_understood(const struct summary *summary)
{
    if (summary->records || summary->damaged + summary->foreign == 0)
        return true;
    command_error(
        "log: no records in the input: expected what REUSESHIM_LOG=/path/of/a/file or stderr wrote, in either "
        "REUSESHIM_FORMAT; from the journal: journalctl -t reuseshim -o json | reuseshim log",
        (char *)NULL);
    return false;
}

/* ---- the command ------------------------------------------------------------------------------------ */

struct wishes {
    bool json;
    const char *page; /* NULL for none */
    unsigned top;
};

/* False with the exit code in *code if there is nothing left to do. */
static bool read_options(struct wishes *wishes, int argc, char **argv, int *code)
{
    static const struct option options[] = {{"top", required_argument, NULL, 'n'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"html", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int letter;
    optind = 1;
    while ((letter = command_option(argc, argv, "n:jh", options, help, code)) > 0) {
        uint64_t top = 0;
        if (letter == 'n' && (!text_to_number(optarg, strlen(optarg), TALLY_NAMES, &top) || top == 0)) {
            command_error("log: -n '", optarg, "': expected a number from 1 to 8192", (char *)NULL);
            *code = EXIT_USAGE;
            return false;
        }
        wishes->json |= letter == 'j';
        if (letter == 'n')
            wishes->top = (unsigned)top;
        if (letter == 'p')
            wishes->page = optarg;
    }
    if (letter < 0 && wishes->json && wishes->page) {
        command_error("log: --json and --html: expected one of them", (char *)NULL);
        *code = EXIT_USAGE;
        return false;
    }
    return letter < 0;
}

/* The summary in the form that is wished; the exit code. */
static int tell(struct summary *summary, const struct wishes *wishes)
{
    if (wishes->page)
        return page_write(summary, wishes->page, wishes->top) ? EXIT_SUCCESS : EXIT_TROUBLE;
    terminal_begin(stdout);
    (wishes->json ? summary_json : summary_show)(summary, wishes->top);
    return EXIT_SUCCESS;
}

int command_log(int argc, char **argv)
{
    struct wishes wishes = {.top = 10};
    static char standard[] = "-", *from_standard[] = {standard, NULL};
    int result = EXIT_SUCCESS;
    if (!read_options(&wishes, argc, argv, &result))
        return result;
    struct summary *summary = calloc(1, sizeof *summary);
    struct occasions *occasions = wishes.page ? calloc(1, sizeof *occasions) : NULL;
    struct input_room room = {NULL, NULL};
    if (summary == NULL || (wishes.page && occasions == NULL) || !input_room_make(&room)) {
        command_error("log: no memory", (char *)NULL);
        result = EXIT_TROUBLE;
    } else {
        struct reading reading = {.summary = summary, .show_progress = terminal_is(stderr)};
        summary->occasions = occasions;
        bool read = read_inputs(optind < argc ? argv + optind : from_standard, &reading, &room);
        bool understood = is_understood(summary);
        /* A page is not written over with one that has nothing. */
        if (understood || !wishes.page)
            result = tell(summary, &wishes);
        result = !read ? EXIT_TROUBLE : !understood ? EXIT_USAGE : result;
    }
    input_room_free(&room);
    free(occasions);
    free(summary);
    return result;
}
