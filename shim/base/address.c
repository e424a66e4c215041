/* SPDX-License-Identifier: MIT
 *
 * Addresses as values. Contract in address.h.
 */
#include "reuseshim/address.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct endpoint endpoint_of(sa_family_t family, const void *address, uint16_t port)
{
    struct endpoint endpoint = {.family = family, .port = port};
    memcpy(endpoint.address, address, family == AF_INET ? 4 : 16);
    return endpoint;
}

bool endpoint_from_sockaddr(struct endpoint *endpoint, const void *address, size_t length)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6 = {.sin6_scope_id = 0};
    *endpoint = (struct endpoint){.family = AF_UNSPEC};
    if (length < sizeof endpoint->family)
        return false;
    memcpy(&endpoint->family, address, sizeof endpoint->family);
    switch (endpoint->family) {
    case AF_INET:
        if (length < sizeof v4)
            break;
        memcpy(&v4, address, sizeof v4);
        *endpoint = endpoint_of(AF_INET, &v4.sin_addr, ntohs(v4.sin_port));
        return true;
    case AF_INET6:
        if (length < 24) /* SIN6_LEN_RFC2133: the kernel takes it without a scope id */
            break;
        memcpy(&v6, address, length < sizeof v6 ? 24 : sizeof v6);
        *endpoint = endpoint_of(AF_INET6, &v6.sin6_addr, ntohs(v6.sin6_port));
        endpoint->scope = v6.sin6_scope_id;
        return true;
    case AF_UNIX:
        return length <= sizeof(struct sockaddr_un);
    default:
        break;
    }
    endpoint->family = AF_UNSPEC;
    return false;
}

struct unix_path unix_path_from_sockaddr(const void *address, size_t length)
{
    struct unix_path path = {.length = 0};
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t room = length > head ? length - head : 0;
    if (room > sizeof path.bytes)
        room = sizeof path.bytes;
    memcpy(path.bytes, (const char *)address + head, room);
    /* A path ends at its first NUL; an abstract name is all of the given length. */
    path.length = (uint8_t)(room && path.bytes[0] ? strnlen(path.bytes, room) : room);
    return path;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, union any_sockaddr *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(endpoint->port), .sin6_scope_id = endpoint->scope};
    memset(address, 0, sizeof *address);
    memcpy(&v4.sin_addr, endpoint->address, 4);
    memcpy(&v6.sin6_addr, endpoint->address, 16);
    if (endpoint->family == AF_INET)
        memcpy(address, &v4, sizeof v4);
    else
        memcpy(address, &v6, sizeof v6);
    return endpoint->family == AF_INET ? sizeof v4 : sizeof v6;
}

bool endpoint_is_internet(const struct endpoint *endpoint)
{
    return endpoint->family == AF_INET || endpoint->family == AF_INET6;
}

bool endpoint_is_mapped(const struct endpoint *endpoint)
{
    return endpoint->family == AF_INET6 &&
           memcmp(endpoint->address, mapped_prefix, sizeof mapped_prefix) == 0;
}

/* The IPv4 address of an AF_INET or v4-mapped endpoint, else NULL. */
static const unsigned char *ipv4_part(const struct endpoint *endpoint)
{
    if (endpoint->family == AF_INET)
        return endpoint->address;
    return endpoint_is_mapped(endpoint) ? endpoint->address + 12 : NULL;
}

bool endpoint_is_wildcard(const struct endpoint *endpoint)
{
    static const unsigned char zero[16];
    const unsigned char *v4 = ipv4_part(endpoint);
    if (v4)
        return memcmp(v4, zero, 4) == 0;
    return endpoint->family == AF_INET6 && memcmp(endpoint->address, zero, 16) == 0;
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
    static const unsigned char one[16] = {[15] = 1};
    const unsigned char *v4 = ipv4_part(endpoint);
    if (v4)
        return v4[0] == 127;
    return endpoint->family == AF_INET6 && memcmp(endpoint->address, one, 16) == 0;
}

bool endpoint_is_multicast(const struct endpoint *endpoint)
{
    const unsigned char *v4 = ipv4_part(endpoint);
    if (v4)
        return v4[0] >> 4 == 14;
    return endpoint->family == AF_INET6 && endpoint->address[0] == 0xff;
}

bool endpoint_same_address(const struct endpoint *one, const struct endpoint *other)
{
    const unsigned char *v4 = ipv4_part(one);
    const unsigned char *other_v4 = ipv4_part(other);
    if (v4 || other_v4)
        return v4 && other_v4 && memcmp(v4, other_v4, 4) == 0;
    return one->family == other->family && memcmp(one->address, other->address, 16) == 0;
}

bool prefix_contains(const struct prefix *prefix, const struct endpoint *endpoint)
{
    const unsigned char *address = endpoint->address;
    if (prefix->family == AF_INET)
        address = ipv4_part(endpoint);
    else if (endpoint->family != AF_INET6)
        return false;
    if (address == NULL)
        return false;
    size_t whole = prefix->bits / 8;
    unsigned rest = prefix->bits % 8;
    if (memcmp(address, prefix->address, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ prefix->address[whole]) >> (8 - rest) == 0;
}

static void ipv4_write(struct text *text, const unsigned char *address)
{
    for (int i = 0; i < 4; i++) {
        if (i)
            text_char(text, '.');
        text_unsigned(text, address[i]);
    }
}

void address_write(struct text *text, const struct endpoint *endpoint)
{
    if (endpoint->family == AF_INET) {
        ipv4_write(text, endpoint->address);
        return;
    }
    if (endpoint->family != AF_INET6)
        return;
    if (endpoint_is_mapped(endpoint)) {
        text_string(text, "::ffff:");
        ipv4_write(text, endpoint->address + 12);
        return;
    }
    unsigned groups[8];
    int zeros = -1, zeros_length = 1; /* the first longest run of two or more zero groups becomes "::" */
    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)endpoint->address[2 * i] << 8 | endpoint->address[2 * i + 1];
    for (int i = 0; i < 8; i++) {
        int end = i;
        while (end < 8 && groups[end] == 0)
            end++;
        if (end - i > zeros_length) {
            zeros = i;
            zeros_length = end - i;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == zeros) {
            text_string(text, "::");
            i += zeros_length - 1;
            continue;
        }
        if (i > 0 && i != zeros + zeros_length)
            text_char(text, ':');
        text_hex(text, groups[i]);
    }
}

void endpoint_write(struct text *text, const struct endpoint *endpoint)
{
    endpoint_write_on(text, endpoint, "");
}

void endpoint_write_on(struct text *text, const struct endpoint *endpoint, const char *interface)
{
    switch (endpoint->family) {
    case AF_INET:
    case AF_INET6:
        if (endpoint->family == AF_INET6)
            text_char(text, '[');
        address_write(text, endpoint);
        text_string(text, interface[0] ? "%" : "");
        text_escaped(text, interface, strlen(interface));
        text_string(text, endpoint->family == AF_INET6 ? "]:" : ":");
        text_unsigned(text, endpoint->port);
        break;
    default:
        text_char(text, '?');
    }
}

void unix_path_write(struct text *text, const struct unix_path *path)
{
    if (path->length == 0) {
        text_string(text, "(unnamed)");
        return;
    }
    bool is_abstract = path->bytes[0] == '\0', quoted = false;
    const char *name = path->bytes + is_abstract;
    size_t length = path->length - is_abstract;
    for (size_t i = 0; i < length; i++)
        quoted |= name[i] && strchr(" ();,\"", name[i]);
    text_string(text, is_abstract ? "@" : "");
    (quoted ? text_quoted : text_escaped)(text, name, length);
}
