/* SPDX-License-Identifier: MIT
 *
 * Which sockets are there, asked of the kernel: shim/conflict/sockets. All of it makes system calls and is
 * async-signal-safe. Only the caller's own network namespace can be seen.
 */
#ifndef REUSESHIM_SOCKETS_H
#define REUSESHIM_SOCKETS_H

#include "reuseshim/holder.h"
#include "reuseshim/scratch.h"

/* EARLIER: it is what an earlier answer said. */
enum source { SOURCE_NONE, SOURCE_SOCK_DIAG, SOURCE_PROC, SOURCE_EARLIER, SOURCE_COUNT };

/* States as sets of bits. */
enum { ALL_STATES = (1U << STATE_COUNT) - 1 };

struct question {
    int protocol; /* IPPROTO_*; TCP also brings what MPTCP sockets hold */
    struct port_range ports;
    uint32_t states;
    bool automatic_only; /* only sockets whose port nobody asked for by number (sock_diag alone can tell) */
    int64_t deadline;    /* see deadline.h */
    void (*found)(void *context, const struct holder *holder);
    void *context;
};

/* A question about the newcomer's port, in all states; `found`, `context` and what else differs is to be set.
 */
struct question question_about(const struct newcomer *newcomer, int64_t deadline);

/* Calls `found` for each socket that the question is about: 0, or -errno after what was found so far, -ETIME
 * when the deadline has passed. Asks sock_diag(7), or /proc/net where that is not to be had, and remembers in
 * *source which of the two it was; SOURCE_NONE to begin with. */
int sockets_ask(const struct question *question, enum source *source, struct scratch *scratch);

/* The two by themselves. /proc/net knows less: no bound-only TCP sockets, no device, no v6only, no cgroup. */
int sock_diag_ask(const struct question *question, struct scratch *scratch);
int proc_net_ask(const struct question *question, struct scratch *scratch);

/* Does this source show bound-only TCP sockets, too? */
bool sockets_show_bound(enum source source);

/* Was the socket made in another network namespace than this thread is in, so that what blocks it cannot be
 * listed? False where the kernel does not tell (before 5.14). */
bool sockets_are_elsewhere(const struct newcomer *newcomer);

/* Removes a socket: 0, or -errno (-EPERM without CAP_NET_ADMIN, -EOPNOTSUPP or -EINVAL by a kernel that
 * cannot, -ENOENT if it is gone already). TIME_WAIT can be removed since Linux 6.0. The
 * deadline ends what is no answer; one that comes at once counts whatever the time. */
int sock_diag_destroy(const struct holder *holder, int64_t deadline, struct scratch *scratch);

/* ---- the addresses of this network namespace ---------------------------------------------------- */

struct interface_address {
    struct endpoint address; /* port 0 */
    char interface[IF_NAMESIZE];
    bool up;        /* the interface is */
    bool tentative; /* IPv6: duplicate address detection has not ended; it cannot be bound yet */
    bool duplicate; /* IPv6: it has found another one */
};

/* Calls `found` for each: of IPv4 also those of interfaces that are down, of IPv6 those that
 * /proc/net/if_inet6 has.
 */
void addresses_ask(void (*found)(void *context, const struct interface_address *address), void *context,
                   struct scratch *scratch);
/* True also where that cannot be asked. */
bool interface_is_up(const char *name);

/* ---- AF_UNIX ---------------------------------------------------------------------------------- */

/* The file that a socket was bound to, in the kernel's own numbers; inode 0 for an abstract name. */
struct unix_file {
    uint32_t inode, device;
};

struct unix_question {
    int64_t deadline;
    void (*found)(void *context, const struct holder *holder, const struct unix_file *file);
    void *context;
};

/* Every AF_UNIX socket of this network namespace; the result as of sockets_ask. */
int unix_diag_ask(const struct unix_question *question, struct scratch *scratch);

#endif
