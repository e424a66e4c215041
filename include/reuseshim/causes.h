/* SPDX-License-Identifier: MIT
 *
 * The causes of a refusal: the only list of them, in the order in which one is named before another.
 */
#ifndef REUSESHIM_CAUSES_H
#define REUSESHIM_CAUSES_H

/* NAME, the word in records, why the kernel refuses, the same to a newcomer that has SO_REUSEADDR ("": no
 * other sentence), and up to five cures, functions of shim/conflict/cures, the best one first. In the
 * sentences "it" is the holder and "this program" the newcomer. */
/* clang-format off */
#define CAUSES(_) \
    _(LISTENER, "listener", \
      "it listens there; two sockets can listen only if both have SO_REUSEPORT and the same user", \
      "it listens there; SO_REUSEADDR never lets anybody in beside a listener", \
      stop_the_holder, share_the_port) \
    _(BOUND, "bound", \
      "it is bound there; to share the port both sockets need SO_REUSEADDR", \
      "it is bound there without SO_REUSEADDR; Linux wants the option on both sockets", \
      stop_the_holder, use_what_it_has, reuse_address_of_bound, receive_together) \
    _(CONNECTED, "connected", \
      "a live connection has that local port; to share it both sockets need SO_REUSEADDR", \
      "a live connection without SO_REUSEADDR has that local port; Linux wants the option on both sockets", \
      stop_the_holder, use_what_it_has, reuse_address_of_connection, receive_together) \
    _(EPHEMERAL_CLIENT, "ephemeral-client", \
      "an outgoing connection got that local port by chance; to share it both sockets need SO_REUSEADDR", \
      "an outgoing connection without SO_REUSEADDR got that local port by chance; Linux wants the " \
      "option on both sockets", \
      stop_the_holder, reuse_address_of_connection, reserve_the_port) \
    _(INHERITED, "inherited", \
      "a program that has ended, or closed it, left its listening socket to that process, which does not " \
      "seem to serve it", \
      "", stop_the_holder, close_on_exec) \
    _(TIME_WAIT, "time-wait", \
      "a closed connection holds its port for 60 s unless both sockets set SO_REUSEADDR; this program " \
      "did not", \
      "it was closed without SO_REUSEADDR; Linux wants the option on both sockets", \
      evict_it, wait_for_it, reuse_address, client_of_leftover, reserve_the_port) \
    _(ORPHAN, "orphan", \
      "it is still closing and no process has it; to share the port both sockets need SO_REUSEADDR", \
      "it is still closing, has no SO_REUSEADDR, and no process has it; Linux wants the option on " \
      "both sockets", \
      evict_it, reuse_address, client_of_leftover, reserve_the_port) \
    _(OTHER_USER, "other-user", \
      "it belongs to another user; SO_REUSEPORT shares a port only inside one user, root included", \
      "", become_that_user) \
    _(OWN_GROUP, "own-group", \
      "this program's socket has a reuseport program, and so a group of its own that can only be the " \
      "first on a port", \
      "", attach_later) \
    _(SAME_TUPLE, "same-tuple", \
      "a connection from that local port to that peer exists already", \
      "", wait_for_it, take_any_port) \
    _(PORTS_EXHAUSTED, "ports-exhausted", \
      "no port of the automatic range is free", \
      "", make_room) \
    _(UNIX_LIVE, "unix-live", \
      "a live socket has that name", \
      "", stop_the_holder) \
    _(UNIX_STALE, "unix-stale", \
      "the socket file was left behind; nobody listens there any more", \
      "", remove_the_file) \
    _(ALREADY_MEMBER, "already-member", \
      "this socket is in that multicast group already, on that interface", \
      "", join_once) \
    _(ADDRESS_ABSENT, "address-absent", \
      "no interface here has that address", \
      "", bind_what_is_here, wait_for_address, bind_before_it_comes) \
    _(ADDRESS_TENTATIVE, "address-tentative", \
      "the address is there, but not yet to be had", \
      "", wait_for_address, bind_before_it_comes) \
    _(IPV6_OFF, "ipv6-off", \
      "IPv6 is switched off", \
      "", turn_ipv6_on) \
    _(INTERFACE_DOWN, "interface-down", \
      "the interface that has the address is down", \
      "", set_interface_up, wait_for_address, bind_before_it_comes) \
    _(NO_INTERFACE, "no-interface", \
      "a link-local address is there once for each interface", \
      "", name_interface) \
    _(PRIVILEGED_PORT, "privileged-port", \
      "ports below a bound are for those with CAP_NET_BIND_SERVICE", \
      "", get_the_right, lower_the_bound) \
    _(DENIED, "denied", \
      "something forbids it that is asked before the port is looked at", \
      "", allow_it) \
    _(ALREADY_BOUND, "already-bound", \
      "this socket has an address already, and a socket is bound only once", \
      "", make_another_socket) \
    _(UNSEEN, "unseen", \
      "nothing visible holds the port: its holder has just left, is in a network namespace or VRF " \
      "that cannot be seen from here, or is a bound-only socket on a kernel before 6.8", \
      "", nothing_more)
/* clang-format on */

#define CAUSE_ENUMERATOR(name, ...) CAUSE_##name,
enum cause { CAUSE_UNKNOWN, CAUSES(CAUSE_ENUMERATOR) CAUSE_COUNT };

#endif
