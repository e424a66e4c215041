/* SPDX-License-Identifier: MIT
 *
 * One bind, tried for real, and what it met.
 */
#ifndef REUSESHIM_COMMAND_PROBE_H
#define REUSESHIM_COMMAND_PROBE_H

#include "reuseshim/record.h"

enum { PROBES_MAX = 4 };

struct probe {
    bool free_by_rule; /* EACCES: not allowed to try, but nobody there would refuse it */
    int protocol;      /* IPPROTO_*, 0 for AF_UNIX */
    int type;          /* SOCK_STREAM or SOCK_DGRAM */
    struct endpoint local;
    uint16_t last_port; /* the answer is that of all ports from `local` to this one; 0: of one port */
    struct unix_path path;
    char device[IF_NAMESIZE]; /* to bind the socket to; "" for none */
    bool implied;             /* nobody named this address: that the machine does not have it is no trouble */
    bool deserted;            /* nobody was on the port a moment ago: after a success nobody is looked for */
    /* The answer. */
    int error; /* of socket() or bind(), 0 */
    struct newcomer newcomer;
    struct conflict conflict; /* after EADDRINUSE what refused; else all that are on the port */
    struct record record;
    char message[80]; /* of the record; strerror(3) forgets the words of an error that libc does not know */
};

/* Makes a socket, binds it, closes it at once, and looks at who is on the port. `options`: bits of enum
 * socket_option to set. The calls are made directly, past any preloaded library. An AF_UNIX path that the
 * bind made is removed. */
void probe_run(struct probe *probe, unsigned options, unsigned budget_ms, struct scratch *scratch);

/* The bind alone: 0, or the error that socket() or bind() gave. */
int probe_try(const struct probe *probe, unsigned options);

/* Is it refused, is it free? By the kernel's answer, or where the kernel would not say because the port is
 * below 1024 (EACCES), by its rule; both false where that is not certain, or for any other error. */
bool probe_is_refused(const struct probe *probe);
bool probe_is_free(const struct probe *probe);

#endif
