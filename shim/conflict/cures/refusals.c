/* SPDX-License-Identifier: MIT
 *
 * The other errors of bind, and EADDRINUSE of setsockopt. Contract in cures.h.
 */
#include "cures.h"

/* ---- addresses ------------------------------------------------------------------------------------ */

void bind_what_is_here(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, 0);
    struct text text = text_in(cure->text, sizeof cure->text);
    bool any = false;
    text_string(&text, "bind an address of this machine");
    for (uint32_t i = 0; i < conflict->address_count; i++) {
        struct endpoint address = conflict->addresses[i];
        if (address.family != newcomer->local.family && newcomer->local.family == AF_INET)
            continue;
        address.port = newcomer->local.port;
        text_string(&text, any ? ", " : ": ");
        endpoint_write(&text, &address);
        any = true;
    }
    text_string(&text,
                newcomer->local.family == AF_INET ? ", or all of them: 0.0.0.0" : ", or all of them: [::]");
    cure_end_whole(conflict, &text);
}

void wait_for_address(struct conflict *conflict, const struct newcomer *newcomer)
{
    enum { SOON_MS = 10000, LATER_MS = 60000 };
    bool soon = conflict->cause == CAUSE_ADDRESS_TENTATIVE;
    if (conflict->refusal.duplicate)
        cure_text(
            cure_add(conflict, NULL, APPLY_TO_THIS, NEED_NET_ADMIN),
            "give one of the two machines another address; here it stays unusable until it is deleted and "
            "added again (ip address del, ip address add)",
            -1, "");
    if (conflict->refusal.duplicate || newcomer->local.port == 0 || rule_word(newcomer)[0] == '\0')
        return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, NEED_WAIT);
    cure_text(cure,
              soon ? "it comes in a second or two: start it again, or let the library wait for it"
                   : "if it is still to come (DHCP, VPN, VRRP): let the library wait for it",
              -1, "");
    cure_rules(conflict, cure, newcomer, (struct addition){.wait_ms = soon ? SOON_MS : LATER_MS});
}

void bind_before_it_comes(struct conflict *conflict, const struct newcomer *newcomer)
{
    if (conflict->refusal.duplicate || conflict->refusal.lacks_right_too || newcomer->local.port == 0 ||
        rule_word(newcomer)[0] == '\0')
        return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, 0);
    cure_text(cure,
              newcomer->local.family == AF_INET || endpoint_is_mapped(&newcomer->local)
                  ? "bind it before it is there (or for all programs: sysctl net.ipv4.ip_nonlocal_bind=1)"
                  : "bind it before it is there (or for all programs: sysctl net.ipv6.ip_nonlocal_bind=1)",
              -1, "");
    cure_rules(conflict, cure, newcomer, (struct addition){.force = option_bit(OPTION_FREEBIND)});
}

void turn_ipv6_on(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct endpoint *address = newcomer->call == CALL_CONNECT ? &newcomer->remote : &newcomer->local;
    bool loopback = endpoint_is_loopback(address);
    cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, 0),
              loopback
                  ? "use 127.0.0.1 instead of ::1; or switch IPv6 on: sysctl net.ipv6.conf.lo.disable_ipv6=0"
                  : "use an IPv4 address; or switch IPv6 on (sysctl "
                    "net.ipv6.conf.all.disable_ipv6=0) and give the interface its address again",
              -1, "");
}

void set_interface_up(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, NEED_NET_ADMIN);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_string(&text, "set it up: ip link set ");
    text_name(&text, conflict->refusal.interface);
    text_string(&text, " up");
    cure_end_whole(conflict, &text);
}

void name_interface(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, 0);
    struct text text = text_in(cure->text, sizeof cure->text);
    const char *interface = conflict->refusal.interface;
    text_string(&text, "name the interface with the address: ");
    address_write(&text, &newcomer->local);
    text_char(&text, '%');
    text_name(&text, interface[0] ? interface : "eth0");
    text_string(&text, interface[0] ? "" : " (or whichever has it)");
    cure_end_whole(conflict, &text);
}

/* ---- rights --------------------------------------------------------------------------------------- */

static struct part own_unit(const struct conflict *conflict)
{
    return manager_of(conflict->own_cgroup).unit;
}

void get_the_right(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct part unit = own_unit(conflict);
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, NEED_ROOT);
    struct text text = text_in(cure->text, sizeof cure->text);
    if (conflict->refusal.has_right) {
        text_string(&text,
                    "start it in the user namespace that the network belongs to (outside of unshare -r)");
    } else if (newcomer->uid_known && newcomer->uid == 0) {
        text_string(&text, "it is root and lacks the capability, which was taken from it: give it back there "
                           "(--cap-add NET_BIND_SERVICE of a container, CapabilityBoundingSet= of a unit)");
    } else if (unit.length) {
        text_string(&text, "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit (systemctl edit ");
        text_escaped(&text, unit.start, unit.length);
        text_char(&text, ')');
    } else {
        text_string(&text,
                    "start it as root, or with the capability: setpriv --ambient-caps +net_bind_service "
                    "--inh-caps +net_bind_service");
    }
    if (!conflict->refusal.has_right)
        text_string(&text,
                    "; setcap on its file would shut this library out (ld.so(8), secure-execution mode)");
    cure_end_whole(conflict, &text);
}

void lower_the_bound(struct conflict *conflict, const struct newcomer *newcomer)
{
    enum { FIRST_RESERVED = 512 }; /* of bindresvport */
    bool reserved = newcomer->call == CALL_BINDRESVPORT;
    cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, NEED_ROOT),
              "let everybody bind it: sysctl net.ipv4.ip_unprivileged_port_start=",
              reserved ? FIRST_RESERVED : newcomer->local.port,
              reserved ? "" : "; or use a port above the bound");
}

void allow_it(struct conflict *conflict, const struct newcomer *newcomer)
{
    struct part unit = own_unit(conflict);
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, NEED_ROOT);
    struct text text = text_in(cure->text, sizeof cure->text);
    if (conflict->refusal.of_cgroup && unit.length) {
        text_string(&text, "look at SocketBindAllow= and SocketBindDeny= of the unit: systemctl show -p "
                           "SocketBindAllow,SocketBindDeny ");
        text_escaped(&text, unit.start, unit.length);
        text_string(&text, "; SocketBindAllow=");
        text_strings(&text, rule_word(newcomer), rule_word(newcomer)[0] ? ":" : "");
        text_unsigned(&text, newcomer->local.port);
        text_string(&text, " lets it in");
    } else if (conflict->refusal.of_cgroup) {
        text_string(&text, "find the program on its cgroup: bpftool cgroup tree");
    } else {
        text_string(
            &text,
            "find who denied it: journalctl -k -g 'DENIED|avc' (AppArmor, SELinux); a Landlock sandbox "
            "is set up by the program itself or by what started it");
    }
    cure_end_whole(conflict, &text);
}

/* ---- sockets -------------------------------------------------------------------------------------- */

void make_another_socket(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, 0),
              "make a new socket for the second address; a bind before this one has succeeded", -1, "");
}

void join_once(struct conflict *conflict, const struct newcomer *newcomer)
{
    (void)newcomer;
    cure_text(cure_add(conflict, NULL, APPLY_TO_THIS, 0),
              "nothing is missing: the socket receives the group; join once, or name another interface", -1,
              "");
}
