/* SPDX-License-Identifier: MIT
 *
 * Addresses as values: what a sockaddr says, in one shape for all families.
 * No system call, async-signal-safe.
 */
#ifndef REUSESHIM_ADDRESS_H
#define REUSESHIM_ADDRESS_H

#include "reuseshim/text.h"

#include <sys/socket.h>

/* One end of a socket. `family` is AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC for "not known" (a family
 * without a form of its own here counts as not known). */
struct endpoint {
    sa_family_t family;
    uint16_t port;             /* host order */
    uint32_t scope;            /* IPv6 scope id, 0 for none */
    unsigned char address[16]; /* network order; AF_INET uses the first four bytes; nothing for AF_UNIX */
};

/* The name of an AF_UNIX socket. */
struct unix_path {
    uint8_t length;  /* 0 for an unnamed socket */
    char bytes[108]; /* an abstract name begins with NUL */
};

/* Ports from the first to the last one. */
struct port_range {
    uint16_t first, last;
};

/* Room for any sockaddr of the families above, aligned for all of them. */
union any_sockaddr {
    struct sockaddr_storage storage;
    struct sockaddr plain;
};

/* False, and family AF_UNSPEC, for a family not listed above or a length the kernel would refuse.
 * The sockaddr need not be aligned; exactly `length` bytes are looked at, at most. */
bool endpoint_from_sockaddr(struct endpoint *endpoint, const void *address, size_t length);
/* The name in a sockaddr_un of `length` bytes, at most 110. */
struct unix_path unix_path_from_sockaddr(const void *address, size_t length);
/* A sockaddr of an Internet endpoint; returns its length. */
socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, union any_sockaddr *address);
/* An Internet endpoint from raw bytes in network order. */
struct endpoint endpoint_of(sa_family_t family, const void *address, uint16_t port);

bool endpoint_is_internet(const struct endpoint *endpoint);
bool endpoint_is_mapped(const struct endpoint *endpoint);    /* ::ffff:a.b.c.d */
bool endpoint_is_wildcard(const struct endpoint *endpoint);  /* 0.0.0.0, ::, ::ffff:0.0.0.0 */
bool endpoint_is_loopback(const struct endpoint *endpoint);  /* 127/8, ::1, ::ffff:127/104 */
bool endpoint_is_multicast(const struct endpoint *endpoint); /* 224/4, ff00::/8 */
bool endpoint_same_address(const struct endpoint *one, const struct endpoint *other);

/* "10.0.0.0/8", "::1": family, address and the number of leading bits that count. A bare wildcard means
 * exactly itself, so its prefix is the whole length; bits behind the prefix are ignored. */
struct prefix {
    sa_family_t family;
    uint8_t bits;
    unsigned char address[16];
};
enum prefix_error { PREFIX_OK, PREFIX_BAD_ADDRESS, PREFIX_BAD_LENGTH };
enum prefix_error prefix_parse(struct prefix *prefix, const char *text, size_t length);
/* An IPv4 prefix also contains the v4-mapped form of its addresses. */
bool prefix_contains(const struct prefix *prefix, const struct endpoint *endpoint);

/* 10.0.0.1, 2001:db8::1, ::ffff:10.0.0.1 (RFC 5952); nothing for other families. */
void address_write(struct text *text, const struct endpoint *endpoint);
/* 10.0.0.1:80, [::1]:80, "?" where not known. */
void endpoint_write(struct text *text, const struct endpoint *endpoint);
/* The same with the interface, "" for none, as it is typed: "[fe80::1%eth0]:80", "0.0.0.0%eth0:80". */
void endpoint_write_on(struct text *text, const struct endpoint *endpoint, const char *interface);
/* A path, @abstract or (unnamed); escaped for a terminal, and in quotes if it could be taken for the
 * sentence's own punctuation. */
void unix_path_write(struct text *text, const struct unix_path *path);

#endif
