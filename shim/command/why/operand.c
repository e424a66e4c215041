/* SPDX-License-Identifier: MIT
 *
 * Contract in operand.h.
 */
#include "operand.h"

#include "reuseshim/command.h"
#include "reuseshim/protocol.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

/* A word on its way. */
struct reader {
    const char *command, *word;
    struct operand *operand;
};

static bool usage(const struct reader *reader, const char *expected)
{
    command_error(reader->command, ": '", reader->word, "': expected ", expected, "; see 'reuseshim ",
                  reader->command, " --help'", (char *)NULL);
    return false;
}

/* ---- protocols -------------------------------------------------------------------------------------- */

static const struct {
    char word[5];
    struct kinds kinds;
} protocol_words[] = {
    {"tcp", {true, false, true, true}},   {"udp", {false, true, true, true}},
    {"tcp4", {true, false, true, false}}, {"udp4", {false, true, true, false}},
    {"tcp6", {true, false, false, true}}, {"udp6", {false, true, false, true}},
};

static bool narrow(struct kinds *kinds, const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof protocol_words / sizeof *protocol_words; i++)
        if (strlen(protocol_words[i].word) == length && memcmp(protocol_words[i].word, word, length) == 0) {
            kinds->tcp &= protocol_words[i].kinds.tcp;
            kinds->udp &= protocol_words[i].kinds.udp;
            kinds->v4 &= protocol_words[i].kinds.v4;
            kinds->v6 &= protocol_words[i].kinds.v6;
            return true;
        }
    return false;
}

/* "8080/tcp", "tcp:8080", "tcp/8080", "tcp://127.0.0.1:8080": takes the protocol off both ends. */
static void take_protocol(struct kinds *kinds, const char **word, size_t *length)
{
    const char *slash = memchr(*word, '/', *length);
    size_t prefix = strcspn(*word, ":/");
    if (slash && narrow(kinds, slash + 1, *length - (size_t)(slash + 1 - *word))) {
        *length = (size_t)(slash - *word);
    } else if (prefix < *length && narrow(kinds, *word, prefix)) {
        prefix += strncmp(*word + prefix, "://", 3) == 0 ? 3 : 1;
        *word += prefix;
        *length -= prefix;
    }
}

/* ---- addresses -------------------------------------------------------------------------------------- */

static bool is(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The index behind '%', 0 if there is no such interface. */
static unsigned interface_index(const char *name)
{
    uint64_t number;
    char there[IF_NAMESIZE];
    unsigned index = if_nametoindex(name);
    if (index == 0 && text_to_number(name, strlen(name), INT32_MAX, &number) &&
        if_indextoname((unsigned)number, there))
        index = (unsigned)number;
    return index;
}

/* An interface that stands behind an address: of a link-local one it is part of the address, else the socket
 * is to be bound to it, as SO_BINDTODEVICE does. */
static bool take_device(struct reader *reader, const char *name)
{
    struct operand *operand = reader->operand;
    struct endpoint *address = &operand->addresses[0];
    unsigned index = interface_index(name);
    if (index == 0 || if_indextoname(index, operand->device) == NULL)
        return usage(reader, "a network interface of this machine behind '%'");
    bool scoped =
        address->family == AF_INET6 && address->address[0] == 0xfe && (address->address[1] & 0xc0) == 0x80;
    if (scoped) {
        address->scope = index;
        operand->device[0] = '\0';
    }
    return true;
}

/* "*" and "localhost" are an address of either family. */
static bool take_both(struct operand *operand, bool loopback)
{
    static const unsigned char zero[16], v6_loopback[16] = {[15] = 1}, v4_loopback[4] = {127, 0, 0, 1};
    operand->addresses[0] = endpoint_of(AF_INET, loopback ? v4_loopback : zero, 0);
    operand->addresses[1] = endpoint_of(AF_INET6, loopback ? v6_loopback : zero, 0);
    operand->address_count = 2;
    return true;
}

/* "10.0.0.1", "::1", "[::1]", "[fe80::1%eth0]", "[fe80::1]%eth0", "127.0.0.53%lo". */
static bool take_address(struct reader *reader, const char *word, size_t length)
{
    static const char expected[] =
        "an address like 10.0.0.1, [2001:db8::1], [fe80::1%eth0] or localhost before the port";
    struct operand *operand = reader->operand;
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 4], *start = text, *device, *bracket;
    unsigned char bytes[16];
    if (length >= sizeof text)
        return usage(reader, expected);
    memcpy(text, word, length);
    text[length] = '\0';
    if (text[0] == '[') {
        start++;
        bracket = strchr(text, ']');
        if (bracket == NULL || (bracket[1] && bracket[1] != '%'))
            return usage(reader, expected);
        memmove(bracket, bracket + 1, strlen(bracket));
    }
    if ((device = strchr(start, '%')) != NULL)
        *device++ = '\0';
    if (start == text && (is(text, strlen(text), "*") || (text[0] == '\0' && device == NULL)))
        take_both(operand, false);
    else if (start == text && is(text, strlen(text), "localhost"))
        take_both(operand, true);
    else if (start == text && inet_pton(AF_INET, start, bytes) == 1)
        operand->addresses[operand->address_count++] = endpoint_of(AF_INET, bytes, 0);
    else if (inet_pton(AF_INET6, start, bytes) == 1)
        operand->addresses[operand->address_count++] = endpoint_of(AF_INET6, bytes, 0);
    else
        return usage(reader, expected);
    return device == NULL || take_device(reader, device);
}

/* ---- ports ------------------------------------------------------------------------------------------ */

static bool service_port(const char *name, const char *protocol, uint16_t *port)
{
    const struct servent *service = getservbyname(name, protocol);
    if (service)
        *port = ntohs((uint16_t)service->s_port);
    return service != NULL;
}

/* "http" is a name for TCP alone: of the protocols asked for those count that have it. */
static bool take_service(struct operand *operand, const char *name, struct port_range *range)
{
    uint16_t tcp_port = 0, udp_port = 0;
    struct kinds *kinds = &operand->kinds;
    bool tcp = service_port(name, "tcp", &tcp_port), udp = service_port(name, "udp", &udp_port);
    if (!tcp && !udp)
        return false;
    if ((kinds->tcp && tcp) || (kinds->udp && udp)) {
        kinds->tcp &= tcp;
        kinds->udp &= udp;
    }
    range->first = range->last = tcp && (kinds->tcp || !udp) ? tcp_port : udp_port;
    return true;
}

static bool take_ports(struct reader *reader, const char *word, size_t length)
{
    struct operand *operand = reader->operand;
    char name[64];
    uint64_t first, last;
    const char *dash = memchr(word, '-', length);
    size_t digits = dash ? (size_t)(dash - word) : length;
    struct port_range *range = &operand->ranges[operand->range_count];
    if (operand->range_count == RANGES_MAX)
        return usage(reader, "at most 16 ports in one word");
    operand->range_count++;
    if (text_to_number(word, digits, UINT16_MAX, &first)) {
        bool is_range = dash && text_to_number(dash + 1, length - digits - 1, UINT16_MAX, &last);
        *range = (struct port_range){(uint16_t)first, (uint16_t)(is_range ? last : first)};
        if (dash == NULL || (is_range && first && first <= last))
            return true;
        if (is_range)
            return usage(reader, first ? "a range that ends behind its beginning" : "a range from 1 on");
    }
    if (length && length < sizeof name && word[strspn(word, "0123456789-")] != '\0') {
        memcpy(name, word, length);
        name[length] = '\0';
        if (take_service(operand, name, range))
            return true;
    }
    return usage(reader, "[ADDRESS:]PORT with a port from 0 to 65535, a range like 8000-8010 or a name of "
                         "/etc/services; or an absolute path, or @name");
}

static bool is_address(int family, const char *word, size_t length)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (length >= sizeof text)
        return false;
    memcpy(text, word, length);
    text[length] = '\0';
    return inet_pton(family, text, bytes) == 1;
}

static bool read_internet(struct reader *reader, const char *word, size_t length)
{
    size_t host = length;
    while (host && word[host - 1] != ':' && word[host - 1] != ']')
        host--;
    /* "::1:80" is the address ::1 with a port, as netstat prints it; "::1" is nothing with a port. */
    if (is_address(AF_INET, word, length) || (host && word[host - 1] == ']') ||
        (is_address(AF_INET6, word, length) && !is_address(AF_INET6, word, host - 1)))
        return usage(reader, "a port behind the address, as in 127.0.0.1:8080 or [::1]:8080");
    if (!take_address(reader, word, host ? host - 1 : 0))
        return false;
    for (size_t at = host; at <= length;) {
        const char *comma = memchr(word + at, ',', length - at);
        size_t size = comma ? (size_t)(comma - word) - at : length - at;
        if (!take_ports(reader, word + at, size))
            return false;
        at += size + 1;
    }
    return true;
}

/* ---- paths ------------------------------------------------------------------------------------------ */

static bool read_unix(struct reader *reader, const char *word)
{
    struct unix_path *path = &reader->operand->path;
    size_t length = strlen(word);
    if (word[0] != '/' && word[0] != '@')
        return usage(reader, "an absolute path or @name behind 'unix:'");
    if (length < 2 || length >= sizeof path->bytes)
        return usage(reader, "a name of 1 to 107 bytes");
    path->length = (uint8_t)length;
    memcpy(path->bytes, word, length);
    if (word[0] == '@')
        path->bytes[0] = '\0';
    return true;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

/* Leaves the addresses of the families that are asked for. */
static bool narrow_addresses(struct operand *operand)
{
    size_t kept = 0;
    for (size_t i = 0; i < operand->address_count; i++)
        if (operand->addresses[i].family == AF_INET ? operand->kinds.v4 : operand->kinds.v6)
            operand->addresses[kept++] = operand->addresses[i];
    operand->address_count = kept;
    return kept > 0;
}

bool operand_read(struct operand *operand, const struct kinds *asked, const char *command, const char *word)
{
    struct reader reader = {command, word, operand};
    *operand = (struct operand){.address_count = 0};
    operand->kinds = (struct kinds){asked->tcp || !asked->udp, asked->udp || !asked->tcp,
                                    asked->v4 || !asked->v6, asked->v6 || !asked->v4};
    if (strncmp(word, "unix:", 5) == 0)
        return read_unix(&reader, word + (strncmp(word, "unix:///", 8) == 0 ? 7 : 5));
    if (word[0] == '/' || word[0] == '@')
        return read_unix(&reader, word);
    const char *rest = word;
    size_t length = strlen(word);
    take_protocol(&operand->kinds, &rest, &length);
    if (!operand->kinds.tcp && !operand->kinds.udp)
        return usage(&reader, "a protocol that -t or -u asks for");
    if (!read_internet(&reader, rest, length))
        return false;
    return narrow_addresses(operand) || usage(&reader, "an address of the family that is asked for");
}

bool operand_is_single(const struct operand *operand)
{
    return operand->address_count == 0 ||
           (operand->range_count == 1 && operand->ranges[0].first == operand->ranges[0].last);
}

/* A path is one for all types of socket; of abstract names each type has its own (unix(7)). */
static size_t unix_probes(const struct operand *operand, struct probe *probes)
{
    bool abstract = operand->path.bytes[0] == '\0', both = operand->kinds.tcp && operand->kinds.udp;
    size_t count = 0;
    if (operand->kinds.tcp)
        probes[count++] =
            (struct probe){.type = SOCK_STREAM, .local = {.family = AF_UNIX}, .path = operand->path};
    if (operand->kinds.udp && (abstract || !both))
        probes[count++] =
            (struct probe){.type = SOCK_DGRAM, .local = {.family = AF_UNIX}, .path = operand->path};
    return count;
}

size_t operand_probes(const struct operand *operand, uint16_t port, struct probe *probes)
{
    size_t count = 0;
    if (operand->address_count == 0)
        return unix_probes(operand, probes);
    for (int tcp = 1; tcp >= 0; tcp--)
        for (size_t i = 0; i < operand->address_count; i++) {
            if (!(tcp ? operand->kinds.tcp : operand->kinds.udp))
                continue;
            struct probe *probe = &probes[count++];
            *probe = (struct probe){.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                    .type = tcp ? SOCK_STREAM : SOCK_DGRAM,
                                    .local = operand->addresses[i],
                                    .implied = operand->address_count > 1};
            probe->local.port = port;
            memcpy(probe->device, operand->device, sizeof probe->device);
        }
    return count;
}
