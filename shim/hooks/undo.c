/* SPDX-License-Identifier: MIT
 *
 * A program that takes back, after bind, what a rule has set. Contract in hooks.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/sockets.h"
#include "reuseshim/status.h"

#include "hooks.h"

#include <errno.h>
#include <string.h>

static bool read_endpoint(int fd, int (*ask)(int, void *, socklen_t *), struct endpoint *endpoint)
{
    union any_sockaddr name;
    socklen_t length = sizeof name;
    return ask(fd, &name, &length) == 0 && endpoint_from_sockaddr(endpoint, &name, length) &&
           endpoint_is_internet(endpoint) && endpoint->port != 0;
}

static const struct rule *rule_about(const struct policy *policy, enum when when, int protocol,
                                     const struct endpoint *address, uint8_t option_bit)
{
    struct situation situation = {.when = when,
                                  .protocol = protocol,
                                  .family = address->family,
                                  .address = when == WHEN_SOCKET ? NULL : address};
    const struct rule *rule = policy_match(policy, &situation);
    return rule && (rule->force | rule->strip) & option_bit ? rule : NULL;
}

struct sought_listener {
    const struct endpoint *local;
    bool found;
};

static void look_at(void *context, const struct holder *holder)
{
    struct sought_listener *sought = context;
    static const uint8_t wildcard[sizeof holder->local.address];
    const struct endpoint *has = &holder->local;
    sought->found |= holder->state == STATE_LISTEN && has->port == sought->local->port &&
                     (memcmp(has->address, wildcard, sizeof wildcard) == 0 ||
                      memcmp(has->address, sought->local->address, sizeof wildcard) == 0);
}

/* A socket that was accepted does not say so. It has the local port of a listener, and a client has not. */
static bool is_listened_at(const struct shim *shim, const struct endpoint *local, int protocol)
{
    struct sought_listener sought = {local, false};
    struct question question = {.protocol = protocol,
                                .ports = {local->port, local->port},
                                .states = 1U << STATE_LISTEN,
                                .deadline = deadline_in(shim->settings.budget_ms),
                                .found = look_at,
                                .context = &sought};
    struct thread_status status;
    enum source source = SOURCE_NONE;
    struct raw_mask mask;
    raw_mask_hold(&mask);
    struct scratch *scratch = raw_map(sizeof *scratch);
    if (scratch) {
        thread_status_read(&status, scratch->bytes, sizeof scratch->bytes);
        if (!status.filtered)
            (void)sockets_ask(&question, &source, scratch);
        raw_unmap(scratch, sizeof *scratch);
    }
    raw_mask_release(&mask);
    return sought.found;
}

/* What listened, or came in by a listener, has what a rule on listen gave it. */
static bool has_listened(const struct shim *shim, int fd, const struct endpoint *local, int protocol)
{
    struct endpoint remote;
    return raw_option(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0 ||
           (read_endpoint(fd, raw_getpeername, &remote) && is_listened_at(shim, local, protocol));
}

static const struct rule *find_rule(const struct shim *shim, int fd, const struct endpoint *local,
                                    uint8_t bit)
{
    struct endpoint remote;
    const uint8_t calls = shim->policy.when;
    int protocol = raw_option(fd, SOL_SOCKET, SO_PROTOCOL);
    const struct rule *rule = rule_about(&shim->policy, WHEN_BIND, protocol, local, bit);
    const struct rule *on_listen =
        calls & WHEN_LISTEN ? rule_about(&shim->policy, WHEN_LISTEN, protocol, local, bit) : NULL;
    if (rule == NULL && on_listen && has_listened(shim, fd, local, protocol))
        rule = on_listen;
    if (rule == NULL && calls & WHEN_CONNECT && read_endpoint(fd, raw_getpeername, &remote))
        rule = rule_about(&shim->policy, WHEN_CONNECT, protocol, &remote, bit);
    if (rule == NULL && calls & WHEN_SOCKET)
        rule = rule_about(&shim->policy, WHEN_SOCKET, protocol, local, bit);
    return rule;
}

static void note(const struct shim *shim, int fd, const struct rule *rule, int option,
                 const struct endpoint *local)
{
    char message[200];
    struct text text = text_in(message, sizeof message);
    struct hooked_call hooked = {
        .shim = shim, .rule = rule, .which = CALL_SETSOCKOPT, .fd = fd, .argument = *local};
    text_strings(&text, "the program's ", option_table[option].word,
                 rule->force & option_bit((enum socket_option)option)
                     ? "=0 is answered with success but not carried out"
                     : "=1 is answered with success but not carried out",
                 ", by ");
    rule_write(&text, &shim->policy, rule);
    text_end(&text);
    report_message(shim, &hooked, LEVEL_CHANGE, message);
}

bool undoes_a_rule(const struct shim *shim, int fd, int level, int name, const void *value, socklen_t length)
{
    int option = option_find(level, name), wanted;
    struct endpoint local;
    if (option < 0)
        return false;
    const uint8_t bit = (uint8_t)option_bit((enum socket_option)option);
    if (!((shim->guard_on | shim->guard_off) & bit))
        return false;
    /* What the kernel would refuse goes to the kernel, so that it is the one to say EBADF, EINVAL or EFAULT.
     */
    if ((int)length < (int)sizeof wanted || !memory_readable(&shim->memory, value, sizeof wanted))
        return false;
    memcpy(&wanted, value, sizeof wanted);
    /* The commonest call, a server that sets SO_REUSEADDR itself, ends here without a system call. */
    if (!((wanted ? shim->guard_off : shim->guard_on) & bit) || !read_endpoint(fd, raw_getsockname, &local))
        return false;
    /* If the option is as the program wants it, no rule acted here (a socket bound before, or bound to port
     * 0): then there is nothing to undo. */
    int now = raw_option(fd, level, name);
    if (now < 0 || (now != 0) == (wanted != 0))
        return false;
    const struct rule *rule = find_rule(shim, fd, &local, bit);
    if (rule == NULL || (wanted != 0) == ((rule->force & bit) != 0))
        return false;
    note(shim, fd, rule, option, &local);
    return true;
}
