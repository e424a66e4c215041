/* SPDX-License-Identifier: MIT
 *
 * A word that names ports or a path, by the habits of those who type it: "8080", "8000-8010", "http",
 * "8080/tcp", "tcp:80", "localhost:80", "*:80", ":::3000", "[fe80::1%eth0]:80", "127.0.0.53%lo:53",
 * "/run/x.sock", "unix:/run/x.sock", "@abstract".
 */
#ifndef REUSESHIM_COMMAND_OPERAND_H
#define REUSESHIM_COMMAND_OPERAND_H

#include "probe.h"

enum { RANGES_MAX = 16, ADDRESSES_MAX = 2 };

/* What is asked for in protocols and families; two that are equal: nobody said, so both. */
struct kinds {
    bool tcp, udp; /* of AF_UNIX: streams, datagrams */
    bool v4, v6;
};

struct operand {
    struct kinds kinds;                       /* of it, both are set where both are meant */
    size_t address_count;                     /* 0: it is a path */
    struct endpoint addresses[ADDRESSES_MAX]; /* more than one: nobody named them */
    char device[IF_NAMESIZE];                 /* "" for none */
    size_t range_count;
    struct port_range ranges[RANGES_MAX];
    struct unix_path path;
};

/* False after a complaint in the name of that subcommand. */
bool operand_read(struct operand *operand, const struct kinds *asked, const char *command, const char *word);
/* Is it about one port, or one path? */
bool operand_is_single(const struct operand *operand);
/* The probes for one of its ports, or for its path, into `probes` (room for PROBES_MAX): how many. */
size_t operand_probes(const struct operand *operand, uint16_t port, struct probe *probes);

#endif
