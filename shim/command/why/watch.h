/* SPDX-License-Identifier: MIT
 *
 * A port looked at again and again.
 */
#ifndef REUSESHIM_COMMAND_WATCH_H
#define REUSESHIM_COMMAND_WATCH_H

#include "probe.h"

/* Shows what the probes found, then who comes and who leaves, and every change of the answer, until SIGINT or
 * SIGTERM. A bind is tried again only when the sockets on the port have changed; the probes then hold the
 * last answers. On a port with more than 2048 sockets connections are left out. False, after a line on
 * stderr, if there is no memory. */
bool watch_port(struct probe *probes, size_t count, unsigned options, bool json, struct scratch *scratch);

#endif
