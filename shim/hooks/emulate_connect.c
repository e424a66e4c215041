/* SPDX-License-Identifier: MIT
 *
 * connect() where the 4-tuple exists already. The BSDs and Windows say EADDRINUSE (in_pcbconnect();
 * Microsoft, connect function), of TCP and UDP alike; Linux says EADDRNOTAVAIL of TCP, and lets UDP. Contract
 * in hooks.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"
#include "reuseshim/sockets.h"

#include "hooks.h"

#include <errno.h>

struct twin {
    const struct endpoint *local, *remote;
    bool found;
};

static void compare(void *context, const struct holder *holder)
{
    struct twin *twin = context;
    twin->found |= holder->remote.port == twin->remote->port &&
                   endpoint_same_address(&holder->remote, twin->remote) &&
                   (endpoint_is_wildcard(twin->local) || endpoint_same_address(&holder->local, twin->local));
}

static bool has_twin(const struct hooked_call *hooked, const struct endpoint *local)
{
    struct twin twin = {local, &hooked->argument, false};
    struct question question = {.protocol = IPPROTO_UDP,
                                .ports = {local->port, local->port},
                                .states = 1U << STATE_ESTABLISHED,
                                .deadline = deadline_in(hooked->shim->settings.budget_ms),
                                .found = compare,
                                .context = &twin};
    enum source source = SOURCE_NONE;
    struct scratch *scratch = raw_map(sizeof *scratch);
    if (scratch) {
        (void)sockets_ask(&question, &source, scratch);
        raw_unmap(scratch, sizeof *scratch);
    }
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
    bool datagrams = protocol_is_udp(raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL));
    return error ? !datagrams && error == EADDRNOTAVAIL : datagrams && has_twin(hooked, &own.argument);
}
