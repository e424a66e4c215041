/* SPDX-License-Identifier: MIT
 *
 * reuseshim why: try the bind, and explain the answer.
 */
#include "../terminal.h"
#include "answer.h"
#include "reuseshim/command.h"
#include "watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: reuseshim why [OPTION]... [ADDRESS:]PORT | PATH\n"
    "\n"
    "Tries to bind there, closes the socket at once, and explains the answer: who is on the port, why the kernel\n"
    "refuses, and what helps. Without an address it asks for the wildcard of IPv4 and of IPv6, without -t or -u for\n"
    "TCP and for UDP. ADDRESS is 10.0.0.1, [2001:db8::1], [fe80::1%eth0] or localhost; PATH is an AF_UNIX socket,\n"
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
    "With -a or -p on a UDP port that others use, a datagram that comes in that moment may be lost.\n";

enum { BUDGET_MS = 3000, PROBES_MAX = 8 };

struct request {
    unsigned options;
    bool tcp, udp, v4, v6, json, watch;
    size_t count;
    struct probe *probes;
};

static int usage(const char *word, const char *expected)
{
    command_error("why: '", word, "': expected ", expected, "; see 'reuseshim why --help'", (char *)NULL);
    return EXIT_USAGE + 1;
}

/* 0 to go on, else an exit code plus one. */
static int read_options(struct request *request, int argc, char **argv)
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
    int letter, code = EXIT_SUCCESS;
    optind = 1;
    while ((letter = command_option(argc, argv, "tu46apjwh", options, help, &code)) > 0) {
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (flags[i].letter == letter)
                *flags[i].flag = true;
        for (size_t i = 0; i < sizeof socket_letters; i++)
            if (socket_letters[i] == letter)
                request->options |= 1U << i;
    }
    if (letter == 0)
        return code + 1;
    if (argc - optind == 1)
        return 0;
    command_error("why: expected one [ADDRESS:]PORT or PATH; see 'reuseshim why --help'", (char *)NULL);
    return EXIT_USAGE + 1;
}

/* ---- what is asked for ------------------------------------------------------------------------------ */

static void add(struct request *request, int protocol, struct endpoint local, bool implied)
{
    if ((local.family == AF_INET && request->v6 && !request->v4) ||
        (local.family == AF_INET6 && request->v4 && !request->v6))
        return;
    request->probes[request->count++] =
        (struct probe){.protocol = protocol,
                       .type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM,
                       .local = local,
                       .implied = implied};
}

static void add_address(struct request *request, const struct endpoint *locals, size_t count)
{
    bool both = request->tcp == request->udp;
    for (int tcp = 1; tcp >= 0; tcp--)
        for (size_t i = 0; i < count; i++)
            if (both || (tcp ? request->tcp : request->udp))
                add(request, tcp ? IPPROTO_TCP : IPPROTO_UDP, locals[i], count > 1);
}

/* "10.0.0.1", "[::1]", "[fe80::1%eth0]"; without brackets an IPv6 address and a port could not be told apart.
 */
static bool read_address(struct endpoint *endpoint, const char *word, size_t length, uint16_t port)
{
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 4];
    unsigned char bytes[16];
    if (length >= sizeof text)
        return false;
    memcpy(text, word, length);
    text[length] = '\0';
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *endpoint = endpoint_of(AF_INET, bytes, port);
        return true;
    }
    if (length < 2 || text[0] != '[' || text[length - 1] != ']')
        return false;
    text[length - 1] = '\0';
    char *scope = strchr(text, '%');
    if (scope)
        *scope++ = '\0';
    if (inet_pton(AF_INET6, text + 1, bytes) != 1)
        return false;
    *endpoint = endpoint_of(AF_INET6, bytes, port);
    endpoint->scope = scope ? if_nametoindex(scope) : 0;
    return scope == NULL || endpoint->scope;
}

static int read_internet(struct request *request, const char *word)
{
    static const unsigned char zero[16], v6_loopback[16] = {[15] = 1}, v4_loopback[4] = {127, 0, 0, 1};
    const char *colon = strrchr(word, ':');
    const char *digits = colon ? colon + 1 : word;
    size_t length = colon ? (size_t)(colon - word) : 0;
    uint64_t port;
    if (colon == NULL && word[strspn(word, "0123456789")] != '\0')
        return usage(word, "a port, as in 127.0.0.1:8080 or [::1]:8080");
    if (!text_to_number(digits, strlen(digits), UINT16_MAX, &port))
        return usage(word, "[ADDRESS:]PORT with a port from 0 to 65535, or an absolute path, or @name");
    bool localhost = length == 9 && strncmp(word, "localhost", 9) == 0;
    if (length == 0 || (length == 1 && word[0] == '*') || localhost) {
        struct endpoint both[] = {endpoint_of(AF_INET, localhost ? v4_loopback : zero, (uint16_t)port),
                                  endpoint_of(AF_INET6, localhost ? v6_loopback : zero, (uint16_t)port)};
        add_address(request, both, 2);
        return 0;
    }
    struct endpoint one;
    if (!read_address(&one, word, length, (uint16_t)port))
        return usage(word,
                     "an address like 10.0.0.1, [2001:db8::1], [fe80::1%eth0] or localhost before the port");
    add_address(request, &one, 1);
    return request->count ? 0 : usage(word, "an address of the family that -4 or -6 asks for");
}

/* A path is one for all types of socket; of abstract names each type has its own (unix(7)). */
static int read_unix(struct request *request, const char *word)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    size_t length = strlen(word);
    struct probe probe = {.local = {.family = AF_UNIX}};
    bool both = request->tcp == request->udp;
    /* Each look would make and remove the file. */
    if (request->watch)
        return usage(word, "a port with --watch");
    if (length < 2 || length >= sizeof probe.path.bytes)
        return usage(word, "a name of 1 to 107 bytes");
    probe.path.length = (uint8_t)length;
    memcpy(probe.path.bytes, word, length);
    if (word[0] == '@')
        probe.path.bytes[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        probe.type = types[i];
        if (both ? i == 0 || word[0] == '@' : (i == 0) == request->tcp)
            request->probes[request->count++] = probe;
    }
    return 0;
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
    static char buffer[BUFFER_SIZE];
    for (size_t i = 0; i < request->count; i++)
        probe_run(&request->probes[i], request->options, BUDGET_MS, buffer);
    if (request->watch)
        return watch_port(request->probes, request->count, request->options, request->json, buffer)
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
    int result = read_options(&request, argc, argv);
    if (result)
        return result - 1;
    request.probes = calloc(PROBES_MAX, sizeof *request.probes);
    if (request.probes == NULL) {
        command_error("why: no memory", (char *)NULL);
        return EXIT_TROUBLE;
    }
    const char *word = argv[optind];
    result = word[0] == '/' || word[0] == '@' ? read_unix(&request, word) : read_internet(&request, word);
    terminal_begin(stdout);
    if (result == 0)
        result = answer(&request) + 1;
    free(request.probes);
    return result - 1;
}
