/* SPDX-License-Identifier: MIT
 *
 * The policy, on the way to the kernel. Contract in hooks.h.
 */
#include "hooks.h"

#include "reuseshim/errno_name.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

bool hooked_read_address(struct hooked_call *hooked, const struct sockaddr *address, socklen_t length)
{
    union any_sockaddr copy;
    hooked->argument.family = AF_UNSPEC;
    /* The kernel takes nothing longer than sockaddr_storage (move_addr_to_kernel, net/socket.c). */
    if (length > sizeof copy || !memory_readable(&hooked->shim->memory, address, length))
        return false;
    memcpy(&copy, address, length);
    /* An old server that never set sin_family: bind() takes 0.0.0.0 all the same (inet_bind, compatibility).
     */
    if (hooked->which == CALL_BIND && length >= sizeof(struct sockaddr_in) &&
        copy.plain.sa_family == AF_UNSPEC && ((struct sockaddr_in *)(void *)&copy)->sin_addr.s_addr == 0)
        copy.plain.sa_family = AF_INET;
    if (!endpoint_from_sockaddr(&hooked->argument, &copy, length))
        return false;
    if (hooked->argument.family == AF_UNIX) { /* its name is read when it is asked for */
        hooked->address = address;
        hooked->length = length;
    }
    return true;
}

void hooked_read_reserved(struct hooked_call *hooked, const struct sockaddr_in *address)
{
    static const struct in_addr any;
    const char *bytes = (const char *)address; /* not necessarily aligned */
    hooked->argument = endpoint_of(
        AF_INET, address ? bytes + offsetof(struct sockaddr_in, sin_addr) : (const void *)&any, 0);
}

/* "reuseaddr forced by restart:16" */
static void note(const struct hooked_call *hooked, enum socket_option option, const char *what, int error)
{
    char message[200];
    struct text text = text_in(message, sizeof message);
    if (hooked->shim->settings.level < LEVEL_CHANGE)
        return;
    text_strings(&text, option_table[option].word, " ", what);
    if (error) {
        text_string(&text, " (");
        errno_name_write(&text, error);
        text_char(&text, ')');
    }
    text_string(&text, ", by ");
    rule_write(&text, &hooked->shim->policy, hooked->rule);
    text_end(&text);
    report_message(hooked->shim, hooked, LEVEL_CHANGE, message);
}

/* Options that this socket cannot take, or that would break the call itself. */
static const char *reason_to_skip(const struct hooked_call *hooked, enum socket_option option, bool force)
{
    const struct endpoint *address = &hooked->argument;
    if (!option_fits(option, address->family))
        return "skipped: not an IPv6 socket";
    if (option == OPTION_V6ONLY && force && endpoint_is_mapped(address))
        return "skipped: the address is a mapped IPv4 one, which v6only excludes";
    return NULL;
}

/* False if there is no use in going on: fd is no socket, and the real call will say so. */
static bool set_option(const struct hooked_call *hooked, enum socket_option option, bool force)
{
    const struct option_info *info = &option_table[option];
    const char *skip = reason_to_skip(hooked, option, force);
    const int value = force;
    if (skip) {
        note(hooked, option, skip, 0);
        return true;
    }
    bool tells = hooked->shim->settings.level >= LEVEL_CHANGE;
    int before = tells ? raw_option(hooked->fd, info->level, info->name) : 0;
    int result = raw_setsockopt(hooked->fd, info->level, info->name, &value, sizeof value);
    if (result == -EBADF || result == -ENOTSOCK)
        return false;
    if (result < 0)
        note(hooked, option, "skipped: the socket does not take it", -result);
    else if (tells && (before < 0 || (before != 0) != force))
        note(hooked, option, force ? "forced" : "stripped", 0);
    return true;
}

static void set_options(const struct hooked_call *hooked)
{
    const struct rule *rule = hooked->rule;
    unsigned left = rule ? (rule->force | rule->strip) & ~option_bit(OPTION_CLOEXEC) : 0;
    for (bool going = true; going && left; left &= left - 1) {
        int option = __builtin_ctz(left);
        going = set_option(hooked, (enum socket_option)option,
                           rule->force & option_bit((enum socket_option)option));
    }
}

static void trace(const struct hooked_call *hooked)
{
    if (hooked->shim->settings.level < LEVEL_TRACE)
        return;
    char message[160];
    struct text text = text_in(message, sizeof message);
    if (hooked->rule) {
        rule_write(&text, &hooked->shim->policy, hooked->rule);
        text_string(&text, hooked->rule->keep ? " keeps it as it is" : " decides");
    } else {
        text_string(&text, "no rule matches");
    }
    text_end(&text);
    report_message(hooked->shim, hooked, LEVEL_TRACE, message);
}

/* As a string; an abstract name begins with '@'. */
static const char *write_path(char *buffer, size_t size, struct unix_path path)
{
    struct text text = text_in(buffer, size);
    if (path.length && path.bytes[0] == '\0')
        path.bytes[0] = '@';
    text_bytes(&text, path.bytes, path.length);
    return text_end(&text);
}

/* Is it TCP (or MPTCP)? Asked by a setsockopt() that sets nothing: do_tcp_setsockopt() says EINVAL to an
 * empty value, other protocols that they do not know the option. A program in a sandbox of its own making may
 * be killed for getsockopt(); setsockopt() is what a rule wants to call anyway. */
static int protocol_of_listener(int fd)
{
    return raw_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NULL, 0) == -EINVAL ? IPPROTO_TCP : IPPROTO_IP;
}

static void decide(struct hooked_call *hooked, enum when when, bool with_address)
{
    struct situation situation = {.when = when,
                                  .protocol = PROTOCOL_NOT_ASKED,
                                  .family = hooked->argument.family,
                                  .address = with_address ? &hooked->argument : NULL};
    char path[sizeof(struct unix_path) + 1];
    if (situation.family == AF_UNIX && hooked->address)
        situation.path =
            write_path(path, sizeof path, unix_path_from_sockaddr(hooked->address, hooked->length));
    hooked->rule = policy_match(&hooked->shim->policy, &situation);
    if (situation.resume) {
        situation.protocol = when == WHEN_LISTEN ? protocol_of_listener(hooked->fd)
                                                 : raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL);
        hooked->protocol = when != WHEN_LISTEN && situation.protocol > 0 ? situation.protocol : 0;
        if (situation.protocol >= 0)
            hooked->rule = policy_match(&hooked->shim->policy, &situation);
    }
    trace(hooked);
}

/* The socket's own address, of one that is about to listen. */
static bool read_own_address(struct hooked_call *hooked)
{
    union any_sockaddr name;
    socklen_t length = sizeof name;
    return raw_getsockname(hooked->fd, &name, &length) == 0 &&
           endpoint_from_sockaddr(&hooked->argument, &name, length) &&
           endpoint_is_internet(&hooked->argument);
}

void apply_decide(struct hooked_call *hooked)
{
    bool known = hooked->which == CALL_LISTEN
                     ? read_own_address(hooked)
                     : endpoint_is_internet(&hooked->argument) || hooked->argument.family == AF_UNIX;
    if (known && !hooked->decided)
        decide(hooked, WHEN_BIND, true);
    hooked->decided = true;
}

void apply_on_bind(struct hooked_call *hooked)
{
    apply_decide(hooked);
    set_options(hooked);
}

/* The rules on bind go on to count for what happens at listen; those on listen set options and are done. */
void apply_on_listen(struct hooked_call *hooked)
{
    bool by_address = hooked->shim->listen_by_address;
    if (!(hooked->shim->ruled_calls & WHEN_LISTEN) || (by_address && !read_own_address(hooked)))
        return;
    decide(hooked, WHEN_LISTEN, by_address);
    set_options(hooked);
    hooked->rule = NULL;
}

unsigned apply_for_retry(const struct hooked_call *hooked)
{
    unsigned changed = 0;
    for (unsigned left = hooked->rule->retry; left; left &= left - 1) {
        const enum socket_option option = (enum socket_option)__builtin_ctz(left);
        const struct option_info *info = &option_table[option];
        const int on = 1;
        if (reason_to_skip(hooked, option, true) == NULL &&
            raw_option(hooked->fd, info->level, info->name) == 0 &&
            raw_setsockopt(hooked->fd, info->level, info->name, &on, sizeof on) == 0)
            changed |= option_bit(option);
    }
    return changed;
}

/* What a rule on listen will set again is not needed in between, where it would let others in beside a port
 * that is bound as a lock. */
static bool is_given_at_listen(const struct hooked_call *hooked, enum socket_option option)
{
    struct situation situation = {.when = WHEN_LISTEN,
                                  .protocol = hooked->protocol ? hooked->protocol : PROTOCOL_NOT_ASKED,
                                  .family = hooked->argument.family,
                                  .address = &hooked->argument};
    if (hooked->which != CALL_BIND || !endpoint_is_internet(&hooked->argument))
        return false;
    const struct rule *rule = policy_match(&hooked->shim->policy, &situation);
    if (situation.resume) {
        situation.protocol = raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL);
        rule = policy_match(&hooked->shim->policy, &situation);
    }
    return rule && rule->force & option_bit(option);
}

void apply_after_retry(const struct hooked_call *hooked, unsigned options, bool helped)
{
    for (; options; options &= options - 1) {
        const enum socket_option option = (enum socket_option)__builtin_ctz(options);
        const int off = 0;
        bool passing = helped && is_given_at_listen(hooked, option);
        if (helped)
            note(hooked, option, passing ? "set for a second try after EADDRINUSE" : "set after EADDRINUSE",
                 0);
        if (!helped || passing)
            (void)raw_setsockopt(hooked->fd, option_table[option].level, option_table[option].name, &off,
                                 sizeof off);
    }
}

bool hooked_is_bound(const struct hooked_call *hooked)
{
    union any_sockaddr name;
    struct endpoint local;
    socklen_t length = sizeof name;
    return raw_getsockname(hooked->fd, &name, &length) < 0 ||
           !endpoint_from_sockaddr(&local, &name, length) || local.port != 0;
}

void apply_on_connect(struct hooked_call *hooked)
{
    if (!endpoint_is_internet(&hooked->argument))
        return;
    decide(hooked, WHEN_CONNECT, true);
    if (hooked->rule && (hooked->rule->force | hooked->rule->strip) && !hooked_is_bound(hooked))
        set_options(hooked);
}

int apply_before_socket(struct hooked_call *hooked, int domain, int type, int protocol)
{
    const int plain_type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct situation situation = {.when = WHEN_SOCKET,
                                  .protocol = protocol ? protocol : protocol_of_type(plain_type),
                                  .family = (sa_family_t)domain};
    if (domain != AF_INET && domain != AF_INET6)
        return type;
    hooked->argument.family = (sa_family_t)domain;
    hooked->rule = policy_match(&hooked->shim->policy, &situation);
    const unsigned cloexec = option_bit(OPTION_CLOEXEC);
    if (hooked->rule && hooked->rule->force & cloexec)
        return type | SOCK_CLOEXEC;
    if (hooked->rule && hooked->rule->strip & cloexec)
        return type & ~SOCK_CLOEXEC;
    return type;
}

void apply_after_socket(struct hooked_call *hooked)
{
    set_options(hooked);
    trace(hooked);
}
