/* SPDX-License-Identifier: MIT
 *
 * The causes of a refusal: the only list of them, in the order in which one is named before another.
 */
#ifndef REUSESHIM_CAUSES_H
#define REUSESHIM_CAUSES_H

/* NAME, the word in records, why the kernel refuses, the same to a newcomer that has SO_REUSEADDR ("": no
 * other sentence), and up to three cures, functions of shim/conflict/cures.c, the best one first. In the
 * sentences "it" is the holder and "this program" the newcomer. */
/* clang-format off */
#define CAUSES(_) \
    _(LISTENER, "listener", \
      "it listens there; two sockets can listen only if both have SO_REUSEPORT and the same user", \
      "it listens there; SO_REUSEADDR never lets anybody in beside a listener", \
      stop_the_holder, share_the_port, nothing_more) \
    _(BOUND, "bound", \
      "it is bound there; to share the port both sockets need SO_REUSEADDR", \
      "it is bound there without SO_REUSEADDR; Linux wants the option on both sockets", \
      stop_the_holder, reuse_address_of_bound, receive_together) \
    _(CONNECTED, "connected", \
      "a live connection has that local port; to share it both sockets need SO_REUSEADDR", \
      "a live connection without SO_REUSEADDR has that local port; Linux wants the option on both sockets", \
      stop_the_holder, reuse_address_of_connection, receive_together) \
    _(EPHEMERAL_CLIENT, "ephemeral-client", \
      "an outgoing connection got that local port by chance; to share it both sockets need SO_REUSEADDR", \
      "an outgoing connection without SO_REUSEADDR got that local port by chance; Linux wants the " \
      "option on both sockets", \
      stop_the_holder, reuse_address_of_connection, reserve_the_port) \
    _(INHERITED, "inherited", \
      "a program that has ended left its listening socket to that process, which does not seem to " \
      "serve it", \
      "", stop_the_holder, close_on_exec, nothing_more) \
    _(TIME_WAIT, "time-wait", \
      "a closed connection holds its port for 60 s unless both sockets set SO_REUSEADDR; this program " \
      "did not", \
      "it was closed without SO_REUSEADDR; Linux wants the option on both sockets", \
      evict_it, wait_for_it, reuse_address) \
    _(ORPHAN, "orphan", \
      "it is still closing and no process has it; to share the port both sockets need SO_REUSEADDR", \
      "it is still closing, has no SO_REUSEADDR, and no process has it; Linux wants the option on " \
      "both sockets", \
      evict_it, reuse_address, nothing_more) \
    _(OTHER_USER, "other-user", \
      "it belongs to another user; SO_REUSEPORT shares a port only inside one user, root included", \
      "", become_that_user, nothing_more, nothing_more) \
    _(OWN_GROUP, "own-group", \
      "this program's socket has a reuseport program, and so a group of its own that can only be the " \
      "first on a port", \
      "", attach_later, nothing_more, nothing_more) \
    _(SAME_TUPLE, "same-tuple", \
      "a connection from that local port to that peer exists already", \
      "", wait_for_it, take_any_port, nothing_more) \
    _(PORTS_EXHAUSTED, "ports-exhausted", \
      "no port of the automatic range is free", \
      "", widen_the_range, nothing_more, nothing_more) \
    _(UNIX_LIVE, "unix-live", \
      "a live socket has that name", \
      "", stop_the_holder, nothing_more, nothing_more) \
    _(UNIX_STALE, "unix-stale", \
      "the socket file was left behind; nobody listens there any more", \
      "", remove_the_file, nothing_more, nothing_more) \
    _(UNSEEN, "unseen", \
      "nothing visible holds the port: its holder has just left, is in a network namespace or VRF " \
      "that cannot be seen from here, or is a bound-only socket on a kernel before 6.8", \
      "", nothing_more, nothing_more, nothing_more)
/* clang-format on */

#define CAUSE_ENUMERATOR(name, ...) CAUSE_##name,
enum cause { CAUSE_UNKNOWN, CAUSES(CAUSE_ENUMERATOR) CAUSE_COUNT };

#endif
