/* SPDX-License-Identifier: MIT
 *
 * bind is refused, and not because of another socket: the address is not to be had, or a right is missing.
 * Contract in steps.h.
 */
#include "reuseshim/proc.h"
#include "reuseshim/text.h"
#include "steps.h"

#include <errno.h>
#include <string.h>

/* ---- addresses ------------------------------------------------------------------------------------ */

/* The one that is asked for, among those that are here. */
struct address_search {
    struct conflict *conflict;
    const struct endpoint *wanted;
    struct interface_address found;
    bool any, elsewhere; /* the latter: on another interface than the one that was named */
};

static bool is_link_local(const struct endpoint *address)
{
    return address->family == AF_INET6 && address->address[0] == 0xfe && (address->address[1] & 0xc0) == 0x80;
}

static void look_at(void *context, const struct interface_address *address)
{
    struct address_search *search = context;
    struct conflict *conflict = search->conflict;
    bool link_local = address->address.family == AF_INET6 && address->address.address[0] == 0xfe;
    if (endpoint_same_address(&address->address, search->wanted)) {
        uint32_t scope = is_link_local(search->wanted) ? search->wanted->scope : 0;
        bool named = scope == 0 || scope == address->address.scope;
        if (named || !search->any)
            search->found = *address;
        search->elsewhere = !named && (search->elsewhere || !search->any);
        search->any = true;
    } else if (address->up && !address->tentative && !link_local &&
               conflict->address_count < MACHINE_ADDRESSES_MAX) {
        conflict->addresses[conflict->address_count++] = address->address;
    }
}

static struct address_search find_address(struct conflict *conflict, const struct endpoint *wanted,
                                          struct scratch *scratch)
{
    struct address_search search = {.conflict = conflict, .wanted = wanted};
    conflict->address_count = 0;
    addresses_ask(look_at, &search, scratch);
    return search;
}

void machine_addresses(struct conflict *conflict, struct scratch *scratch)
{
    static const struct endpoint none = {.family = AF_UNSPEC};
    (void)find_address(conflict, &none, scratch);
}

/* "1" in the setting of all interfaces, or no IPv6 in the kernel at all. */
static bool ipv6_is_off(const struct endpoint *address)
{
    char value[8];
    struct raw_identity file;
    if (!raw_identify_path("/proc/thread-self/net/if_inet6", &file))
        return raw_identify_path("/proc/thread-self/net/tcp", &file); /* else there is no /proc to tell */
    const char *setting = endpoint_is_loopback(address) ? "/proc/sys/net/ipv6/conf/lo/disable_ipv6"
                                                        : "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    return proc_read(setting, value, sizeof value) > 0 && value[0] == '1';
}

static enum cause cause_of_address(struct conflict *conflict, const struct endpoint *wanted,
                                   struct scratch *scratch)
{
    static const char loopback[] = "lo";
    struct address_search search = find_address(conflict, wanted, scratch);
    struct refusal *refusal = &conflict->refusal;
    memcpy(refusal->interface, search.found.interface, IF_NAMESIZE);
    refusal->duplicate = search.found.duplicate;
    if (wanted->family == AF_INET6 && !endpoint_is_mapped(wanted) && ipv6_is_off(wanted))
        return CAUSE_IPV6_OFF;
    if (endpoint_is_loopback(wanted) && !interface_is_up(loopback)) {
        memcpy(refusal->interface, loopback, sizeof loopback);
        return CAUSE_INTERFACE_DOWN;
    }
    if (!search.any)
        return CAUSE_ADDRESS_ABSENT;
    refusal->on_another = search.elsewhere;
    if (search.elsewhere)
        return CAUSE_NO_INTERFACE;
    if (!search.found.up)
        return CAUSE_INTERFACE_DOWN;
    if (search.found.tentative || search.found.duplicate)
        return CAUSE_ADDRESS_TENTATIVE;
    return CAUSE_UNKNOWN;
}

/* ---- rights --------------------------------------------------------------------------------------- */

/* Is the bit set in "CapEff:\t00000000a80425fb"? */
static bool has_capability(const char *status, unsigned bit)
{
    static const char label[] = "\nCapEff:\t";
    const char *at = strstr(status, label);
    if (at == NULL)
        return false;
    at += sizeof label - 1;
    size_t digits = strspn(at, "0123456789abcdef");
    if (digits < bit / 4 + 1)
        return false;
    char c = at[digits - 1 - bit / 4];
    unsigned value = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    return value >> bit % 4 & 1;
}

static void read_rights(struct conflict *conflict, struct scratch *scratch)
{
    enum { CAP_NET_BIND_SERVICE = 10, USUAL = 1024 };
    struct refusal *refusal = &conflict->refusal;
    char number[16];
    uint64_t first = USUAL;
    if (proc_read("/proc/sys/net/ipv4/ip_unprivileged_port_start", number, sizeof number) > 0)
        (void)text_to_number(number, strspn(number, "0123456789"), 65536, &first);
    refusal->first_unprivileged = (uint32_t)first;
    (void)proc_read("/proc/thread-self/status", scratch->bytes, sizeof scratch->bytes);
    refusal->has_right = has_capability(scratch->bytes, CAP_NET_BIND_SERVICE);
}

static bool is_privileged(const struct conflict *conflict, const struct newcomer *newcomer)
{
    enum { LAST_RESERVED = 1023 }; /* of those that bindresvport tries */
    uint32_t port = newcomer->call == CALL_BINDRESVPORT ? LAST_RESERVED : newcomer->local.port;
    return port && port < conflict->refusal.first_unprivileged;
}

static enum cause cause_of_access(struct conflict *conflict, const struct newcomer *newcomer,
                                  struct scratch *scratch)
{
    read_rights(conflict, scratch);
    conflict->refusal.of_cgroup = newcomer->error == EPERM;
    return newcomer->error == EACCES && is_privileged(conflict, newcomer) ? CAUSE_PRIVILEGED_PORT
                                                                          : CAUSE_DENIED;
}

/* EINVAL: what the kernel says to many things. */
static enum cause cause_of_invalid(struct conflict *conflict, const struct newcomer *newcomer,
                                   struct scratch *scratch)
{
    union any_sockaddr name;
    struct endpoint own;
    socklen_t length = sizeof name;
    if (raw_getsockname(newcomer->asked, &name, &length) == 0 &&
        endpoint_from_sockaddr(&own, &name, length) && endpoint_is_internet(&own) && own.port != 0)
        return CAUSE_ALREADY_BOUND;
    if (!is_link_local(&newcomer->local) || newcomer->local.scope != 0)
        return CAUSE_UNKNOWN;
    (void)cause_of_address(conflict, &newcomer->local, scratch);
    return CAUSE_NO_INTERFACE;
}

static enum cause find(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    if (newcomer->call == CALL_CONNECT) /* only what it has in common with bind: ::1 where there is no IPv6 */
        return newcomer->remote.family == AF_INET6 && !endpoint_is_mapped(&newcomer->remote) &&
                       ipv6_is_off(&newcomer->remote)
                   ? CAUSE_IPV6_OFF
                   : CAUSE_UNKNOWN;
    switch (newcomer->error) {
    case EADDRNOTAVAIL:
        /* inet_bind() looks at the address first, and only then at the port. */
        read_rights(conflict, scratch);
        conflict->refusal.lacks_right_too = is_privileged(conflict, newcomer) && !conflict->refusal.has_right;
        return cause_of_address(conflict, &newcomer->local, scratch);
    case EACCES:
    case EPERM:
        return cause_of_access(conflict, newcomer, scratch);
    case EINVAL:
        return cause_of_invalid(conflict, newcomer, scratch);
    default:
        return CAUSE_UNKNOWN;
    }
}

bool refused_explain(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    conflict->cause = find(conflict, newcomer, scratch);
    if (conflict->cause == CAUSE_UNKNOWN && (newcomer->call == CALL_CONNECT || newcomer->error == EINVAL))
        return false;
    process_cgroup(0, conflict->own_cgroup, conflict->room);
    conflict->refusal.found = true;
    conflict->complete = conflict->cause != CAUSE_UNKNOWN;
    return true;
}
