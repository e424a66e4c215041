/* SPDX-License-Identifier: MIT
 *
 * reuseshim why: try the bind, and explain the answer; or list all ports.
 */
#include "../subcommands.h"
#include "../terminal.h"
#include "ask.h"
#include "reuseshim/command.h"
#include "table.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: reuseshim why [OPTION]... [[ADDRESS:]PORT | PATH]...\n"
    "\n"
    "Tries to bind there, closes the socket at once, and explains the answer: who is on the port, why the kernel\n"
    "refuses, and what helps. Without an address it tries the wildcards of IPv4 and of IPv6; without -t or -u, both TCP\n"
    "and UDP. Without a port it lists all sockets that have one, with owner and unit or container; -t, -u, -4 and -6\n"
    "choose among them.\n"
    "  PORT     a number, a range, a name of /etc/services, or several: 8080, 8000-8010, http, 80,443; with a protocol\n"
    "           before or behind it: udp:53, 53/udp\n"
    "  ADDRESS  10.0.0.1, [2001:db8::1], [fe80::1%eth0], 127.0.0.53%lo, localhost, *; also :::80, as netstat prints it\n"
    "  PATH     an AF_UNIX socket: /run/x.sock, unix:/run/x.sock or @abstract\n"
    "  -t, --tcp        TCP only (of AF_UNIX: streams)\n"
    "  -u, --udp        UDP only (of AF_UNIX: datagrams)\n"
    "  -4, -6           IPv4 only, IPv6 only\n"
    "  -a, --reuseaddr  with SO_REUSEADDR on the socket\n"
    "  -p, --reuseport  with SO_REUSEPORT\n"
    "      --v6only     with IPV6_V6ONLY, where it is an IPv6 socket\n"
    "  -j, --json       the answers as records, one a line; without a port each line of the list as an object\n"
    "  -q, --quiet      no answer but the exit code\n"
    "  -w, --watch      keep looking at one port and print what changes, until interrupted\n"
    "  -h, --help\n"
    "\n"
    "The exit code is 0 if all of it is free, 1 if anything is in use (with --watch: in the last answer), 100 for\n"
    "wrong use, 111 if it could not be tried. Without a port it is 0.\n"
    "With -a or -p on a UDP port that others use, a datagram that arrives at that moment may be lost.\n";

/* What asks about ports and not about a list of them. */
static const char *misplaced(const struct request *request, bool single)
{
    if (request->count == 0 && (request->options || request->quiet || request->watch))
        return "expected a port or a path with --reuseaddr, --reuseport, --v6only, --quiet or --watch";
    if (request->watch && (request->count != 1 || !single || request->operands[0].address_count == 0))
        return "expected one port with --watch"; /* each look at a path would make and remove the file */
    if (request->quiet && (request->json || request->watch))
        return "expected --quiet without --json and --watch";
    return NULL;
}

/* False with the exit code in *code if there is nothing left to do. */
static bool read_options(struct request *request, int argc, char **argv, int *code)
{
    static const struct option options[] = {
        {"tcp", no_argument, NULL, 't'},       {"udp", no_argument, NULL, 'u'},
        {"reuseaddr", no_argument, NULL, 'a'}, {"reuseport", no_argument, NULL, 'p'},
        {"v6only", no_argument, NULL, 'o'},    {"json", no_argument, NULL, 'j'},
        {"quiet", no_argument, NULL, 'q'},     {"watch", no_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0}};
    static const char socket_letters[] = {
        [OPTION_REUSEADDR] = 'a', [OPTION_REUSEPORT] = 'p', [OPTION_V6ONLY] = 'o'};
    const struct {
        char letter;
        bool *flag;
    } flags[] = {{'t', &request->asked.tcp}, {'u', &request->asked.udp}, {'4', &request->asked.v4},
                 {'6', &request->asked.v6},  {'j', &request->json},      {'q', &request->quiet},
                 {'w', &request->watch}};
    int letter;
    optind = 1;
    while ((letter = command_option(argc, argv, "tu46apjqwh", options, help, code)) > 0) {
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (flags[i].letter == letter)
                *flags[i].flag = true;
        for (size_t i = 0; i < sizeof socket_letters; i++)
            if (socket_letters[i] == letter)
                request->options |= option_bit((enum socket_option)i);
    }
    return letter != 0;
}

static int answer(struct request *request, int argc, char **argv)
{
    if (!request_read(request, argv + optind, argc - optind))
        return EXIT_USAGE;
    const char *trouble = misplaced(request, request->count && operand_is_single(&request->operands[0]));
    if (trouble) {
        command_error("why: ", trouble, "; see 'reuseshim why --help'", (char *)NULL);
        return EXIT_USAGE;
    }
    terminal_begin(stdout);
    return request->count ? ask_all(request) : table_show(request);
}

int command_why(int argc, char **argv)
{
    struct request request = {0};
    int code;
    request_keep_words(&request, argc, argv);
    if (read_options(&request, argc, argv, &code))
        code = answer(&request, argc, argv);
    request_free(&request);
    return code;
}
