/* SPDX-License-Identifier: MIT
 *
 * connect() where the 4-tuple exists already. The BSDs and Windows say EADDRINUSE (in_pcbconnect();
 * Microsoft, connect function), of TCP and UDP alike; Linux says EADDRNOTAVAIL of TCP, and lets UDP. Contract
 * in hooks.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"
#include "reuseshim/sockets.h"

#include "workspace.h"

#include <errno.h>

struct twin {
    struct endpoint local;
    const struct endpoint *remote;
    uint64_t own; /* inode of the socket itself */
    bool found;
};

static void compare(void *context, const struct holder *holder)
{
    struct twin *twin = context;
    twin->found |= holder->inode != twin->own && holder->remote.port == twin->remote->port &&
                   endpoint_same_address(&holder->remote, twin->remote) &&
                   endpoint_same_address(&holder->local, &twin->local);
}

/* Bound to a wildcard: the address that the kernel would take, as a datagram socket learns it, which sends
 * nothing. */
static bool find_source(struct endpoint *local, const struct endpoint *remote)
{
    union any_sockaddr peer, name;
    socklen_t length = endpoint_to_sockaddr(remote, &peer), room = sizeof name;
    uint16_t port = local->port;
    int fd = raw_socket(remote->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && raw_connect(fd, &peer, length) == 0 && raw_getsockname(fd, &name, &room) == 0 &&
                 endpoint_from_sockaddr(local, &name, room);
    if (fd >= 0)
        raw_close(fd);
    local->port = port;
    return found;
}

static bool has_twin(const struct hooked_call *hooked, const struct endpoint *local, int protocol,
                     struct workspace *work)
{
    struct raw_identity identity = {0};
    struct twin twin = {*local, &hooked->argument, 0, false};
    struct question question = {.protocol = protocol,
                                .ports = {local->port, local->port},
                                .states = ALL_STATES & ~(1U << STATE_LISTEN),
                                .deadline = deadline_in(hooked->shim->settings.budget_ms),
                                .found = compare,
                                .context = &twin};
    enum source source = SOURCE_NONE;
    workspace_begin(work);
    if (!workspace_may_ask(work, hooked->shim) || !raw_identify(hooked->fd, &identity) ||
        (endpoint_is_wildcard(local) && !find_source(&twin.local, &hooked->argument)))
        return false;
    twin.own = identity.inode;
    (void)sockets_ask(&question, &source, &work->scratch);
    return twin.found;
}

static bool is_told_so(const struct rule *rule)
{
    const enum system system = rule_system(rule);
    return system <= SYSTEM_MACOS || system == SYSTEM_WINDOWS || system == SYSTEM_WINDOWS_XP;
}

bool emulate_connect(const struct hooked_call *hooked, int error)
{
    struct hooked_call own = {.shim = hooked->shim, .which = CALL_LISTEN, .fd = hooked->fd};
    if (!endpoint_is_internet(&hooked->argument))
        return false;
    apply_decide(&own); /* the rule on bind for the socket's own address */
    if (own.rule == NULL || own.rule->emulate == 0 || own.argument.port == 0 || !is_told_so(own.rule))
        return false;
    int protocol = raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL);
    if (error ? !protocol_is_tcp(protocol) : !protocol_is_udp(protocol))
        return false;
    struct raw_mask mask;
    raw_mask_hold(&mask);
    struct workspace *work = raw_map(sizeof *work);
    bool found = work && has_twin(hooked, &own.argument, protocol, work);
    if (work)
        raw_unmap(work, sizeof *work);
    raw_mask_release(&mask);
    return found;
}
