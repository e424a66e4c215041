/* SPDX-License-Identifier: MIT
 *
 * reuseshim wait: until a port is free, or taken.
 */
#include "../subcommands.h"
#include "../why/operand.h"
#include "goal.h"
#include "reuseshim/command.h"
#include "reuseshim/deadline.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: reuseshim wait [OPTION]... [ADDRESS:]PORT | PATH\n"
    "\n"
    "Waits until a server could bind there, which is tried, or until somebody listens there. PORT, ADDRESS and PATH\n"
    "are as for 'reuseshim why', but for one port. Without -t or -u, TCP and UDP must both be free, or either be taken.\n"
    "A TCP socket is tried with SO_REUSEADDR, as most servers and all under the policy restart have it.\n"
    "      --taken         until somebody listens; nothing is bound, and nobody is connected to\n"
    "      --timeout TIME  how long to wait: 500ms, 30s, 2m, 1h, or none; the default is 30s; 0 looks once\n"
    "      --plain         without SO_REUSEADDR, for a server that does not set it\n"
    "  -t, --tcp           TCP only (of AF_UNIX: streams)\n"
    "  -u, --udp           UDP only (of AF_UNIX: datagrams)\n"
    "  -4, -6              IPv4 only, IPv6 only\n"
    "  -q, --quiet         say nothing when the time is up\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0 when it is so, 1 when the time is up, with a line that says who has the port, 100 for wrong\n"
    "use, 111 if it cannot be tried.\n";

enum { SHORTEST_PAUSE_MS = 5, LONGEST_PAUSE_MS = 250 };

struct request {
    struct kinds asked;
    bool quiet;
    const char *limit; /* as it was typed */
    int64_t limit_ms;  /* -1: none */
};

static bool read_duration(const char *word, int64_t *milliseconds)
{
    static const struct {
        char word[3];
        double milliseconds;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
    const double longest = 365.0 * 86400000; /* a year */
    size_t digits = strspn(word, "0123456789.");
    if (strcmp(word, "none") == 0) {
        *milliseconds = -1;
        return true;
    }
    char *end;
    double value = strtod(word, &end);
    if (word[0] < '0' || word[0] > '9' || end != word + digits)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].word) == 0 && value * units[i].milliseconds <= longest) {
            *milliseconds = (int64_t)(value * units[i].milliseconds);
            return true;
        }
    return false;
}

/* False with the exit code in *code if there is nothing left to do. */
static bool read_options(struct request *request, struct goal *goal, int argc, char **argv, int *code)
{
    static const struct option options[] = {
        {"taken", no_argument, NULL, 'k'}, {"timeout", required_argument, NULL, 'o'},
        {"plain", no_argument, NULL, 'p'}, {"tcp", no_argument, NULL, 't'},
        {"udp", no_argument, NULL, 'u'},   {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},  {NULL, 0, NULL, 0}};
    const struct {
        char letter;
        bool *flag;
    } flags[] = {{'t', &request->asked.tcp}, {'u', &request->asked.udp}, {'4', &request->asked.v4},
                 {'6', &request->asked.v6},  {'q', &request->quiet},     {'k', &goal->taken},
                 {'p', &goal->plain}};
    int letter;
    optind = 1;
    *code = EXIT_USAGE;
    while ((letter = command_option(argc, argv, "tu46qh", options, help, code)) > 0) {
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (flags[i].letter == letter)
                *flags[i].flag = true;
        if (letter == 'o' && !read_duration(request->limit = optarg, &request->limit_ms)) {
            command_error("wait: '", optarg, "': expected a time such as 500ms, 30s, 2m or none",
                          (char *)NULL);
            return false;
        }
    }
    if (letter == 0)
        return false;
    if (argc - optind == 1)
        return true;
    command_error("wait: expected one [ADDRESS:]PORT or PATH; see 'reuseshim wait --help'", (char *)NULL);
    return false;
}

static void pause_for(int64_t milliseconds)
{
    const struct timespec pause = {.tv_sec = (time_t)(milliseconds / 1000),
                                   .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* Looks at once, then after growing pauses, and a last time at the end. */
static enum look wait_for(struct goal *goal, int64_t limit_ms, struct scratch *scratch)
{
    int64_t started = raw_clock(CLOCK_MONOTONIC), pause = SHORTEST_PAUSE_MS;
    for (;;) {
        enum look look = goal_look(goal, scratch);
        int64_t left = limit_ms < 0 ? pause : limit_ms - microseconds_since(started) / 1000;
        if (look != LOOK_NOT_YET || left <= 0)
            return look;
        pause_for(pause < left ? pause : left);
        pause = pause * 3 / 2 < LONGEST_PAUSE_MS ? pause * 3 / 2 : LONGEST_PAUSE_MS;
    }
}

static void complain(struct goal *goal, const char *word, const char *limit, struct scratch *scratch)
{
    static char line[4096];
    char when[64];
    struct text text = text_in(line, sizeof line), after = text_in(when, sizeof when);
    if (limit)
        text_strings(&after, " after ", limit);
    goal_write_trouble(&text, goal, text_end(&after), scratch);
    command_error("wait: ", word, ": ", text_end(&text), (char *)NULL);
}

int command_wait(int argc, char **argv)
{
    static struct goal goal;
    static struct scratch scratch;
    static struct operand operand;
    struct request request = {.limit = "30s", .limit_ms = 30000};
    int code;
    if (!read_options(&request, &goal, argc, argv, &code))
        return code;
    if (!operand_read(&operand, &request.asked, "wait", argv[optind]))
        return EXIT_USAGE;
    if (!operand_is_single(&operand) || (operand.address_count && operand.ranges[0].first == 0)) {
        command_error("wait: '", argv[optind], "': expected one port, from 1 on", (char *)NULL);
        return EXIT_USAGE;
    }
    goal.count = operand_probes(&operand, operand.ranges[0].first, goal.probes);
    enum look look = wait_for(&goal, request.limit_ms, &scratch);
    if (look == LOOK_REACHED)
        return EXIT_SUCCESS;
    if (look == LOOK_HOPELESS)
        complain(&goal, argv[optind], NULL, &scratch);
    else if (!request.quiet)
        complain(&goal, argv[optind], request.limit, &scratch);
    return look == LOOK_HOPELESS ? EXIT_TROUBLE : EXIT_FAILURE;
}
