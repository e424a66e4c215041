/* SPDX-License-Identifier: MIT
 *
 * reuseshim why: try the bind, and explain the answer.
 */
#include "../subcommands.h"
#include "../terminal.h"
#include "answer.h"
#include "request.h"
#include "reuseshim/command.h"
#include "watch.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: reuseshim why [OPTION]... [ADDRESS:]PORT | PATH\n"
    "\n"
    "Tries to bind there, closes the socket at once, and explains the answer: who is on the port, why the kernel\n"
    "refuses, and what helps. Without an address it tries the wildcards of IPv4 and of IPv6; without -t or -u, both TCP\n"
    "and UDP. ADDRESS is 10.0.0.1, [2001:db8::1], [fe80::1%eth0] or localhost; PATH is an AF_UNIX socket,\n"
    "/run/x.sock or @abstract.\n"
    "  -t, --tcp        TCP only (of AF_UNIX: streams)\n"
    "  -u, --udp        UDP only (of AF_UNIX: datagrams)\n"
    "  -4, -6           IPv4 only, IPv6 only\n"
    "  -a, --reuseaddr  with SO_REUSEADDR on the socket\n"
    "  -p, --reuseport  with SO_REUSEPORT\n"
    "      --v6only     with IPV6_V6ONLY, where it is an IPv6 socket\n"
    "  -j, --json       the answers as records, one a line\n"
    "  -w, --watch      keep looking and print what changes, until interrupted\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0 if all of it is free, 1 if anything is in use (with --watch: in the last answer), 100 for\n"
    "wrong use, 111 if it could not be tried.\n"
    "With -a or -p on a UDP port that others use, a datagram that arrives at that moment may be lost.\n";

enum { BUDGET_MS = 3000 };

/* False with the exit code in *code if there is nothing left to do. */
static bool read_options(struct request *request, int argc, char **argv, int *code)
{
    static const struct option options[] = {{"tcp", no_argument, NULL, 't'},
                                            {"udp", no_argument, NULL, 'u'},
                                            {"reuseaddr", no_argument, NULL, 'a'},
                                            {"reuseport", no_argument, NULL, 'p'},
                                            {"v6only", no_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"watch", no_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static const char socket_letters[] = {
        [OPTION_REUSEADDR] = 'a', [OPTION_REUSEPORT] = 'p', [OPTION_V6ONLY] = 'o'};
    const struct {
        char letter;
        bool *flag;
    } flags[] = {{'t', &request->tcp}, {'u', &request->udp},  {'4', &request->v4},
                 {'6', &request->v6},  {'j', &request->json}, {'w', &request->watch}};
    int letter;
    optind = 1;
    while ((letter = command_option(argc, argv, "tu46apjwh", options, help, code)) > 0) {
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (flags[i].letter == letter)
                *flags[i].flag = true;
        for (size_t i = 0; i < sizeof socket_letters; i++)
            if (socket_letters[i] == letter)
                request->options |= option_bit((enum socket_option)i);
    }
    if (letter == 0)
        return false;
    if (argc - optind == 1)
        return true;
    command_error("why: expected one [ADDRESS:]PORT or PATH; see 'reuseshim why --help'", (char *)NULL);
    *code = EXIT_USAGE;
    return false;
}

/* ---- the answer ------------------------------------------------------------------------------------- */

/* An address that nobody named and that the machine does not have is passed over, if there is another. */
static int exit_code(const struct request *request)
{
    size_t free = 0, absent = 0;
    for (size_t i = 0; i < request->count; i++) {
        const struct probe *probe = &request->probes[i];
        if (probe_is_refused(probe))
            return EXIT_FAILURE;
        free += probe_is_free(probe);
        absent += probe->implied && (probe->error == EADDRNOTAVAIL || probe->error == EAFNOSUPPORT);
    }
    return free && free + absent == request->count ? EXIT_SUCCESS : EXIT_TROUBLE;
}

static int answer(struct request *request)
{
    static struct scratch scratch;
    for (size_t i = 0; i < request->count; i++)
        probe_run(&request->probes[i], request->options, BUDGET_MS, &scratch);
    if (request->watch)
        return watch_port(request->probes, request->count, request->options, request->json, &scratch)
                   ? exit_code(request)
                   : EXIT_TROUBLE;
    if (request->json)
        answer_json(request->probes, request->count);
    else
        answer_show(request->probes, request->count);
    return exit_code(request);
}

int command_why(int argc, char **argv)
{
    struct request request = {0};
    int code;
    if (!read_options(&request, argc, argv, &code))
        return code;
    request.probes = calloc(PROBES_MAX, sizeof *request.probes);
    if (request.probes == NULL) {
        command_error("why: no memory", (char *)NULL);
        return EXIT_TROUBLE;
    }
    terminal_begin(stdout);
    code = request_read(&request, argv[optind]) ? answer(&request) : EXIT_USAGE;
    free(request.probes);
    return code;
}
