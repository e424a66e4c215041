/* SPDX-License-Identifier: MIT
 *
 * The doors: every function that this library puts in front of libc's, and nothing else.
 */
#include "hooks.h"

#include "reuseshim/version.h"

#include <errno.h>
#include <sys/socket.h>

int __connect(int fd, const struct sockaddr *address, socklen_t length);
const char *reuseshim_version(void);

/* After a failure: the kernel has read `address`, unless it said EFAULT. Leaves errno as the real call set
 * it. */
static __attribute__((noinline, cold)) void refused(struct hooked_call *hooked,
                                                    const struct sockaddr *address, socklen_t length)
{
    int error = errno;
    if (error == EFAULT)
        return;
    if (hooked->argument.family == AF_UNSPEC && address)
        hooked_read_address(hooked, address, length);
    hooked->address = address;
    hooked->length = length;
    report_refusal(hooked, error);
    errno = error;
}

static bool is_retried(const struct hooked_call *hooked)
{
    const struct rule *rule = hooked->rule;
    return rule && ((errno == EADDRINUSE && (rule->retry || rule->evict || rule->wait_ms)) ||
                    (errno == EADDRNOTAVAIL && hooked->which == CALL_BIND && rule->wait_ms));
}

/* Tries again as the rule says; -1 with errno, or 0 with errno as it was before the call. */
static __attribute__((noinline, cold)) int try_again(struct hooked_call *hooked, int before)
{
    int error = retry(hooked, errno);
    errno = error ? error : before;
    return error ? -1 : 0;
}

/* ---- socket ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) int socket_by_rules(const struct shim *shim, int domain, int type,
                                                     int protocol)
{
    struct hooked_call hooked = {.shim = shim, .which = CALL_SOCKET};
    int saved = errno;
    int wanted = apply_before_socket(&hooked, domain, type, protocol);
    errno = saved;
    hooked.fd = next.socket(domain, wanted, protocol);
    if (hooked.fd < 0)
        return hooked.fd;
    apply_after_socket(&hooked);
    errno = saved;
    return hooked.fd;
}

SHIM_EXPORT int socket(int domain, int type, int protocol)
{
    const struct shim *shim = shim_ready();
    if (UNLIKELY(shim->ruled_calls & WHEN_SOCKET))
        return socket_by_rules(shim, domain, type, protocol);
    return next.socket(domain, type, protocol);
}

/* ---- setsockopt ------------------------------------------------------------------------------- */

static __attribute__((noinline)) int setsockopt_by_rules(const struct shim *shim, int fd, int level, int name,
                                                         const void *value, socklen_t length)
{
    int saved = errno;
    bool undone = undoes_a_rule(shim, fd, level, name, value, length);
    errno = saved;
    return undone ? 0 : next.setsockopt(fd, level, name, value, length);
}

/* A multicast group that is joined twice. */
static __attribute__((noinline, cold)) void setsockopt_refused(const struct shim *shim, int fd, int level,
                                                               int name, const void *value, socklen_t length)
{
    struct hooked_call hooked = {.shim = shim, .which = CALL_SETSOCKOPT, .fd = fd};
    int error = errno;
    if (error == EADDRINUSE && hooked_read_group(&hooked, level, name, value, length))
        report_refusal(&hooked, error);
    errno = error;
}

SHIM_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    const struct shim *shim = shim_ready();
    /* The other options a rule can set do nothing any more, or are refused, on a bound socket. */
    if (UNLIKELY(level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_REUSEPORT) &&
                 (shim->guard_on | shim->guard_off)))
        return setsockopt_by_rules(shim, fd, level, name, value, length);
    int result = next.setsockopt(fd, level, name, value, length);
    if (UNLIKELY(result < 0))
        setsockopt_refused(shim, fd, level, name, value, length);
    return result;
}

/* ---- bind ------------------------------------------------------------------------------------- */

/* A refusal, or a rule that watches: only now it matters which rule is about the call. */
static __attribute__((noinline, cold)) int after_bind(struct hooked_call *hooked,
                                                      const struct sockaddr *address, socklen_t length,
                                                      int result, int saved)
{
    int error = errno;
    if (result < 0 && error == EFAULT) /* nothing there to be read */
        return result;
    if (hooked->shim->ruled_calls & WHEN_BIND &&
        (hooked->argument.family != AF_UNSPEC || hooked_read_address(hooked, address, length)))
        apply_decide(hooked);
    errno = error;
    if (result < 0 && is_retried(hooked)) {
        hooked->address = address;
        hooked->length = length;
        result = try_again(hooked, saved);
    } else if (result < 0) {
        refused(hooked, address, length);
    }
    if (result == 0 && hooked->rule && hooked->rule->watch) {
        report_portability(hooked);
        report_sharing(hooked);
    }
    if (result == 0)
        errno = saved;
    return result;
}

static inline bool is_emulated(const struct hooked_call *hooked)
{
    return hooked->rule && hooked->rule->emulate && rule_system(hooked->rule) != SYSTEM_LINUX;
}

static __attribute__((noinline, cold)) int
bind_elsewhere(struct hooked_call *hooked, const struct sockaddr *address, socklen_t length, int saved)
{
    bool theirs;
    hooked->address = address;
    hooked->length = length;
    int error = emulate(hooked, &theirs);
    errno = error ? error : saved;
    return theirs ? -1 : after_bind(hooked, address, length, error ? -1 : 0, saved);
}

SHIM_EXPORT int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    struct hooked_call hooked = {.shim = shim_ready(), .which = CALL_BIND, .fd = fd};
    int saved = errno;
    if (hooked.shim->before_bind) {
        if (hooked_read_address(&hooked, address, length))
            apply_on_bind(&hooked);
        errno = saved;
        if (UNLIKELY(is_emulated(&hooked)))
            return bind_elsewhere(&hooked, address, length, saved);
    }
    int result = next.bind(fd, address, length);
    if (UNLIKELY(result < 0 || hooked.shim->watches))
        return after_bind(&hooked, address, length, result, saved);
    return result;
}

/* libc's bindresvport() calls bind inside itself and never passes our door. No port is asked for: 0. */
SHIM_EXPORT int bindresvport(int fd, struct sockaddr_in *address)
{
    struct hooked_call hooked = {.shim = shim_ready(), .which = CALL_BINDRESVPORT, .fd = fd};
    int saved = errno;
    hooked_read_reserved(&hooked, address);
    if (hooked.shim->before_bind || hooked.shim->watches)
        apply_on_bind(&hooked);
    errno = saved;
    int result = next.bindresvport(fd, address);
    if (UNLIKELY(result < 0)) {
        refused(&hooked, NULL, 0);
    } else if (UNLIKELY(hooked.rule && hooked.rule->watch)) {
        report_sharing(&hooked);
        errno = saved;
    }
    return result;
}

/* ---- listen ----------------------------------------------------------------------------------- */

/* Some rule acts at listen; it is matched by the socket's own address. A repeated listen() only changes the
 * backlog and is not recorded again. */
static __attribute__((noinline)) int listen_by_rules(const struct shim *shim, int fd, int backlog)
{
    struct hooked_call hooked = {.shim = shim, .which = CALL_LISTEN, .fd = fd, .backlog = backlog};
    int saved = errno;
    bool is_news = shim->watches && raw_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0;
    apply_on_listen(&hooked);
    if (UNLIKELY(shim->emulates))
        apply_decide(&hooked);
    errno = saved;
    bool theirs;
    int error = is_emulated(&hooked) ? emulate(&hooked, &theirs) : next.listen(fd, backlog) < 0 ? errno : 0;
    int result = error ? -1 : 0;
    if (result < 0 || is_news)
        apply_decide(&hooked);
    errno = error;
    if (result < 0 && is_retried(&hooked))
        result = try_again(&hooked, saved);
    else if (result < 0)
        refused(&hooked, NULL, 0);
    if (result == 0 && is_news && hooked.rule && hooked.rule->watch)
        report_sharing(&hooked);
    if (result == 0)
        errno = saved;
    return result;
}

SHIM_EXPORT int listen(int fd, int backlog)
{
    const struct shim *shim = shim_ready();
    if (UNLIKELY(shim->at_listen))
        return listen_by_rules(shim, fd, backlog);
    int result = next.listen(fd, backlog);
    if (UNLIKELY(result < 0)) {
        struct hooked_call hooked = {.shim = shim, .which = CALL_LISTEN, .fd = fd};
        refused(&hooked, NULL, 0);
    }
    return result;
}

/* ---- connect ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) int connect_by_rules(const struct shim *shim, int fd,
                                                      const struct sockaddr *address, socklen_t length)
{
    struct hooked_call hooked = {.shim = shim, .which = CALL_CONNECT, .fd = fd};
    int saved = errno;
    if (hooked_read_address(&hooked, address, length))
        apply_on_connect(&hooked);
    bool taken = UNLIKELY(shim->emulates) && emulate_connect(&hooked, 0);
    errno = taken ? EADDRINUSE : saved;
    int result = taken ? -1 : next.connect(fd, address, length);
    if (UNLIKELY(result < 0 && errno == EADDRNOTAVAIL && shim->emulates))
        errno = emulate_connect(&hooked, EADDRNOTAVAIL) ? EADDRINUSE : EADDRNOTAVAIL;
    if (result < 0)
        refused(&hooked, address, length);
    return result;
}

static __attribute__((noinline, cold)) void connect_refused(const struct shim *shim, int fd,
                                                            const struct sockaddr *address, socklen_t length)
{
    struct hooked_call hooked = {.shim = shim, .which = CALL_CONNECT, .fd = fd};
    if (errno == EADDRNOTAVAIL || errno == EAGAIN || errno == EADDRINUSE)
        refused(&hooked, address, length);
}

static inline int connect_here(int fd, const struct sockaddr *address, socklen_t length)
{
    const struct shim *shim = shim_ready();
    if (UNLIKELY(shim->ruled_calls & WHEN_CONNECT))
        return connect_by_rules(shim, fd, address, length);
    int result = next.connect(fd, address, length);
    if (UNLIKELY(result < 0))
        connect_refused(shim, fd, address, length);
    return result;
}

SHIM_EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return connect_here(fd, address, length);
}

/* glibc exports this name too, and a program linked to it would pass us by. */
SHIM_EXPORT int __connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return connect_here(fd, address, length);
}

SHIM_EXPORT const char *reuseshim_version(void)
{
    /* The words in front are what the command looks for in the file. */
    static const char marked[] = "libreuseshim " REUSESHIM_VERSION;
    return marked + sizeof "libreuseshim";
}
