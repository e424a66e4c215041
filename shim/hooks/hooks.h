/* SPDX-License-Identifier: MIT
 *
 * What the files behind the doors share. Private to shim/hooks.
 */
#ifndef REUSESHIM_HOOKS_H
#define REUSESHIM_HOOKS_H

#include "reuseshim/conflict.h"
#include "reuseshim/setup.h"

#include <netinet/in.h>
#include <stdatomic.h>

#define SHIM_EXPORT __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* musl neither has it nor declares it. */
int bindresvport(int fd, struct sockaddr_in *address);

/* ---- the next definitions --------------------------------------------------------------------- */

/* Each points to the next definition behind ours (dlsym RTLD_NEXT), or to the raw system call if there is
 * none. They start out at functions that look all of them up, so a door may be called before the
 * constructor ran. */
struct next_definitions {
    int (*_Atomic socket)(int domain, int type, int protocol);
    int (*_Atomic setsockopt)(int fd, int level, int name, const void *value, socklen_t length);
    int (*_Atomic bind)(int fd, const struct sockaddr *address, socklen_t length);
    int (*_Atomic listen)(int fd, int backlog);
    int (*_Atomic connect)(int fd, const struct sockaddr *address, socklen_t length);
    int (*_Atomic bindresvport)(int fd, struct sockaddr_in *address);
};
extern struct next_definitions next;
void next_resolve(void);

/* ---- the state -------------------------------------------------------------------------------- */

extern _Atomic(const struct shim *) shim_published;
/* Reads the settings and the policy, or says that there are none to be had yet. Keeps errno. */
const struct shim *shim_prepare(void);

static inline const struct shim *shim_ready(void)
{
    const struct shim *shim = atomic_load_explicit(&shim_published, memory_order_acquire);
    return UNLIKELY(shim == NULL) ? shim_prepare() : shim;
}

/* ---- one call through a door ------------------------------------------------------------------ */

struct hooked_call {
    const struct shim *shim;
    const struct rule *rule; /* that decided; NULL for none */
    bool decided;
    enum call which;
    int fd;
    int protocol;             /* of the socket, where a rule wanted to know; 0 else */
    struct endpoint argument; /* the address given to the call, AF_UNSPEC where unknown */
    const void *address;      /* as given, after a failure of the real call; else NULL */
    socklen_t length;
    int backlog;                         /* of listen */
    const struct raw_mask *program_mask; /* while signals are held; else NULL */
};

/* Reads a program's sockaddr without the risk of a SIGSEGV; false if it is not to be understood. */
bool hooked_read_address(struct hooked_call *hooked, const struct sockaddr *address, socklen_t length);

/* The same for bindresvport: an address without a port, the wildcard for NULL. */
void hooked_read_reserved(struct hooked_call *hooked, const struct sockaddr_in *address);

/* bind or listen, as the program made it, by the next definition: 0 or its errno. */
int hooked_pass_on(const struct hooked_call *hooked);
/* Has the socket a port? True also where that does not show. */
bool hooked_is_bound(const struct hooked_call *hooked);

/* Which rule is about the call, once: sets `rule`, and traces it. Of listen the address is the socket's own.
 */
void apply_decide(struct hooked_call *hooked);
/* The same for setsockopt: the group that it is to join; false if the option is about something else. */
bool hooked_read_group(struct hooked_call *hooked, int level, int name, const void *value, socklen_t length);

/* Decides and sets options, before the real call. All may overwrite errno. */
void apply_on_bind(struct hooked_call *hooked);
void apply_on_listen(struct hooked_call *hooked);
void apply_on_connect(struct hooked_call *hooked);
/* Returns the type with SOCK_CLOEXEC as the rule wants it. */
int apply_before_socket(struct hooked_call *hooked, int domain, int type, int protocol);
void apply_after_socket(struct hooked_call *hooked);

/* After a refusal: sets the options that the rule retries with and that are off: which ones, as bits. */
unsigned apply_for_retry(const struct hooked_call *hooked);
/* Notes that they helped, or takes them back. */
void apply_after_retry(const struct hooked_call *hooked, unsigned options, bool helped);

/* True if setsockopt(level, name, value) would undo a rule on a bound socket, and so must not reach the
 * kernel. Overwrites errno. */
bool undoes_a_rule(const struct shim *shim, int fd, int level, int name, const void *value, socklen_t length);

/* Records a refusal with all that can be found out about it, if `error` is one. Overwrites errno. */
void report_refusal(const struct hooked_call *hooked, int error);
/* After EADDRINUSE from bind or listen, if the rule that decided says retry, evict or wait, and after
 * EADDRNOTAVAIL from bind, if it says wait: carries it out, records how it ended, and returns 0 or an errno.
 */
int retry(struct hooked_call *hooked, int error);

/* After a success, if the rule that decided says watch: records who else is on the port. Overwrites errno. */
void report_sharing(const struct hooked_call *hooked);
/* The same of bind: which other systems would have refused it. */
void report_portability(const struct hooked_call *hooked);

/* bind or listen under a rule that says emulate: 0, or an errno; with *theirs the refusal of that system,
 * which has been recorded. Overwrites errno. */
int emulate(const struct hooked_call *hooked, bool *theirs);
/* After a failed connect, or before one of a datagram socket: does the emulated system say EADDRINUSE? */
bool emulate_connect(const struct hooked_call *hooked, int error);
/* Records a change, a trace (`level` says which) or an error in the settings (`hooked` NULL). Overwrites
 * errno. */
void report_message(const struct shim *shim, const struct hooked_call *hooked, enum level level,
                    const char *message);

#endif
