/* SPDX-License-Identifier: MIT
 *
 * reuseshim log: records from files or standard input, summed up.
 */
#include "../subcommands.h"
#include "../terminal.h"
#include "reuseshim/command.h"
#include "reuseshim/text.h"
#include "summary.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: reuseshim log [OPTION]... [FILE]...\n"
    "\n"
    "Sums up records written with REUSESHIM_FORMAT=json: totals by port, cause, holder and program, and a timeline.\n"
    "Without FILE, or if FILE is -, it reads standard input:\n"
    "  journalctl -a -t reuseshim -o json | jq -r '.REUSESHIM_JSON // .MESSAGE' | reuseshim log\n"
    "A line that is not a record is counted and named. A million records take as much memory as ten.\n"
    "  -n, --top N   rows of each table (default: 10)\n"
    "  -j, --json    the sums as one JSON object\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0; 100 for wrong use; 111 if a file cannot be read.\n";

enum { BLOCK = 1 << 20 };

struct input {
    const char *name;
    int fd;
    uint64_t line, bytes;
    char *block; /* BLOCK bytes, one for the newline that ends everything, RECORD_LINE_BEHIND */
    size_t used;
    bool skipping; /* inside a line that is longer than a block */
};

/* ---- progress --------------------------------------------------------------------------------------- */

struct progress {
    bool wanted, shown;
    struct timespec last;
};

static void show_progress(struct progress *progress, const struct summary *summary, uint64_t bytes)
{
    struct timespec now;
    if (!progress->wanted || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return;
    int64_t since =
        (now.tv_sec - progress->last.tv_sec) * 1000 + (now.tv_nsec - progress->last.tv_nsec) / 1000000;
    if (since < 250)
        return;
    progress->last = now;
    progress->shown = true;
    fprintf(stderr, "\r%llu records, %llu MB\033[K", (unsigned long long)summary->records,
            (unsigned long long)bytes >> 20);
}

static void end_progress(const struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static void take_line(struct input *input, struct summary *summary, const char *line, const char *end)
{
    struct record_line record;
    input->line++;
    if (input->skipping) {
        input->skipping = false;
        return;
    }
    if (line == end || (*line == '\r' && line + 1 == end))
        return;
    const char *trouble = record_line_read(&record, line, end);
    if (trouble)
        summary_add_damage(summary, input->name, input->line, trouble);
    else
        summary_add(summary, &record);
}

/* All whole lines of the block; what is left moves to its front. */
static void take_lines(struct input *input, struct summary *summary)
{
    char *at = input->block, *end = at + input->used, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        take_line(input, summary, at, newline);
        at = newline + 1;
    }
    input->used = (size_t)(end - at);
    if (input->used == BLOCK) {
        if (!input->skipping)
            summary_add_damage(summary, input->name, input->line + 1, "longer than a mebibyte");
        input->skipping = true;
        input->used = 0;
    }
    memmove(input->block, at, input->used);
}

static int read_input(struct input *input, struct summary *summary, struct progress *progress)
{
    for (;;) {
        ssize_t got = read(input->fd, input->block + input->used, BLOCK - input->used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            command_error(input->name, ": ", strerror(errno), (char *)NULL);
            return EXIT_TROUBLE;
        }
        if (got == 0)
            break;
        input->used += (size_t)got;
        input->bytes += (uint64_t)got;
        take_lines(input, summary);
        show_progress(progress, summary, input->bytes);
    }
    if (input->used) { /* no newline at the end */
        input->block[input->used++] = '\n';
        take_lines(input, summary);
    }
    return EXIT_SUCCESS;
}

static int read_file(const char *name, char *block, struct summary *summary, struct progress *progress)
{
    bool standard = strcmp(name, "-") == 0;
    struct input input = {.name = standard ? "standard input" : name, .block = block};
    input.fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input.fd < 0) {
        command_error(name, ": ", strerror(errno), (char *)NULL);
        return EXIT_TROUBLE;
    }
    int result = read_input(&input, summary, progress);
    if (!standard)
        close(input.fd);
    return result;
}

/* ---- the command ------------------------------------------------------------------------------------ */

struct wishes {
    bool json;
    unsigned top;
};

/* False with the exit code in *code if there is nothing left to do. */
static bool read_options(struct wishes *wishes, int argc, char **argv, int *code)
{
    static const struct option options[] = {{"top", required_argument, NULL, 'n'},
                                            {"json", no_argument, NULL, 'j'},
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
    }
    return letter < 0;
}

int command_log(int argc, char **argv)
{
    struct wishes wishes = {.top = 10};
    struct progress progress = {.wanted = terminal_is(stderr)};
    static char standard[] = "-", *from_standard[] = {standard, NULL};
    int result = EXIT_SUCCESS;
    if (!read_options(&wishes, argc, argv, &result))
        return result;
    struct summary *summary = calloc(1, sizeof *summary);
    char *block = calloc(1, BLOCK + 1 + RECORD_LINE_BEHIND);
    if (summary == NULL || block == NULL) {
        command_error("log: no memory", (char *)NULL);
        free(summary);
        free(block);
        return EXIT_TROUBLE;
    }
    clock_gettime(CLOCK_MONOTONIC, &progress.last);
    for (char **file = optind < argc ? argv + optind : from_standard; *file; file++)
        result = read_file(*file, block, summary, &progress) ? EXIT_TROUBLE : result;
    end_progress(&progress);
    terminal_begin(stdout);
    (wishes.json ? summary_json : summary_show)(summary, wishes.top);
    free(summary);
    free(block);
    return result;
}
