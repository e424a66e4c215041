/* SPDX-License-Identifier: MIT
 *
 * Contract in request.h.
 */
#include "request.h"

#include "reuseshim/command.h"
#include "reuseshim/protocol.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

static bool usage(const char *word, const char *expected)
{
    command_error("why: '", word, "': expected ", expected, "; see 'reuseshim why --help'", (char *)NULL);
    return false;
}

static void add(struct request *request, int protocol, struct endpoint local, bool implied)
{
    if ((local.family == AF_INET && request->v6 && !request->v4) ||
        (local.family == AF_INET6 && request->v4 && !request->v6))
        return;
    request->probes[request->count++] = (struct probe){
        .protocol = protocol, .type = protocol_find(protocol)->type, .local = local, .implied = implied};
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

static bool read_internet(struct request *request, const char *word)
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
        return true;
    }
    struct endpoint one;
    if (!read_address(&one, word, length, (uint16_t)port))
        return usage(word,
                     "an address like 10.0.0.1, [2001:db8::1], [fe80::1%eth0] or localhost before the port");
    add_address(request, &one, 1);
    return request->count || usage(word, "an address of the family that -4 or -6 asks for");
}

/* A path is one for all types of socket; of abstract names each type has its own (unix(7)). */
static bool read_unix(struct request *request, const char *word)
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
    return true;
}

bool request_read(struct request *request, const char *word)
{
    return word[0] == '/' || word[0] == '@' ? read_unix(request, word) : read_internet(request, word);
}
