/* SPDX-License-Identifier: MIT
 *
 * Another address, another port, another name. Contract in cures.h.
 */
#include "cures.h"

/* ---- a wildcard against one address -------------------------------------------------------------- */

/* Those of this machine on which nobody is in the way; false if there is none. */
static bool write_addresses(struct text *text, const struct conflict *conflict,
                            const struct newcomer *newcomer)
{
    bool any = false;
    for (uint32_t i = 0; i < conflict->address_count; i++) {
        struct endpoint address = conflict->addresses[i];
        bool taken = false;
        for (uint32_t k = 0; k < conflict->holder_count; k++)
            taken |= endpoint_same_address(&address, &conflict->holders[k].local);
        if (taken || (newcomer->local.family == AF_INET && address.family != AF_INET))
            continue;
        address.port = newcomer->local.port;
        text_string(text, any ? ", " : ": ");
        endpoint_write(text, &address);
        any = true;
    }
    return any;
}

/* Do only narrower (or only wider) addresses stand against this one? */
static bool all_are(const struct conflict *conflict, bool wildcard)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].blocks != NO &&
            endpoint_is_wildcard(&conflict->holders[i].local) != wildcard)
            return false;
    return true;
}

void bind_what_is_served(struct conflict *conflict, const struct newcomer *newcomer)
{
    bool wide = endpoint_is_wildcard(&newcomer->local);
    if (!all_are(conflict, !wide) || conflict->holders[0].inode == 0 ||
        conflict->holders[0].remote.family != AF_UNSPEC)
        return;
    struct cure *cure = cure_add(conflict, NULL, wide ? APPLY_TO_THIS : APPLY_TO_HOLDER, 0);
    struct text text = text_in(cure->text, sizeof cure->text);
    if (wide) {
        text_string(&text, "bind the addresses that are to be served instead of all of them");
        if (!write_addresses(&text, conflict, newcomer)) {
            conflict->cure_count--;
            return;
        }
    } else {
        text_string(&text, "let the holder bind the addresses that it is to serve instead of all of them");
    }
    cure_end_whole(conflict, &text);
}

/* ---- connect, port 0, AF_UNIX -------------------------------------------------------------------- */

void take_any_port(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, 0),
              "let the kernel choose the local port: connect without bind, or bind port 0", -1, "");
}

/* The policy that moves the choice of a port from bind to connect, where one port serves many peers. */
static void choose_late(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct range_use *use = &conflict->range_use;
    bool bound_first = use->bound_first > use->taken / 2;
    if (!is_tcp(newcomer) || newcomer->call == CALL_LISTEN ||
        (newcomer->call == CALL_CONNECT && !bound_first) || !use->counted)
        return;
    struct cure *cure =
        cure_add(conflict, "client", newcomer->call == CALL_CONNECT ? APPLY_TO_HOLDER : APPLY_TO_BOTH, 0);
    cure_text(
        cure,
        newcomer->call == CALL_CONNECT
            ? "most ports belong to sockets that were bound before they connected, which takes a port for one peer "
              "alone: run that client under the policy client"
            : "if this program binds port 0 and then connects: run it, and the others that do so, under the policy "
              "client; then one port serves many peers",
        -1, "");
    cure_rules(conflict, cure, newcomer,
               (struct addition){.force = option_bit(OPTION_BIND_ADDRESS_NO_PORT),
                                 .more = ";on connect tcp force reuseaddr"});
}

/* Between two addresses and one port of the peer each local port serves once. */
static void spare_connections(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct range_use *use = &conflict->range_use;
    uint32_t live = use->to_peer > use->time_wait_to_peer ? use->to_peer - use->time_wait_to_peer : 0;
    if (newcomer->call != CALL_CONNECT || !is_tcp(newcomer) || !use->counted)
        return;
    if (use->time_wait_to_peer > use->taken / 2)
        cure_text(
            cure_add(conflict, NULL, APPLY_TO_THIS, NEED_NET_ADMIN),
            "most ports are in TIME_WAIT towards this one peer: keep connections open and use them again, or "
            "sysctl net.ipv4.tcp_tw_reuse=1",
            -1, "");
    else if (live > use->taken / 2)
        cure_text(
            cure_add(conflict, NULL, APPLY_TO_THIS, 0),
            "most ports are connected to this one peer: use fewer connections, or connect from or to one more "
            "address",
            -1, "");
}

static void widen_the_range(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct range_use *use = &conflict->range_use;
    enum { FIRST_UNPRIVILEGED = 1024, LAST = 65535 };
    if (newcomer->call == CALL_BINDRESVPORT || use->range.last == 0 || use->own ||
        (use->range.first <= FIRST_UNPRIVILEGED && use->range.last == LAST))
        return;
    cure_text(
        cure_add(conflict, NULL, APPLY_TO_THIS, NEED_NET_ADMIN),
        "widen the range: sysctl net.ipv4.ip_local_port_range='1024 65535', with the ports of servers in "
        "net.ipv4.ip_local_reserved_ports, or connections may take those",
        -1, "");
}

void make_room(struct conflict *conflict, const struct newcomer *newcomer)
{
    choose_late(conflict, newcomer);
    spare_connections(conflict, newcomer);
    widen_the_range(conflict, newcomer);
}

void remove_the_file(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, 0);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, "remove the file ");
    unix_path_write(&text, &newcomer->path);
    text_string(&text, " and start it again");
    cure_end_whole(conflict, &text);
}

void nothing_more(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)conflict;
    (void)newcomer;
}
