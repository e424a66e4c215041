/* SPDX-License-Identifier: MIT
 *
 * Socket units: systemd binds the port itself, and hands it to the service.
 */
#ifndef REUSESHIM_COMMAND_SOCKET_UNIT_H
#define REUSESHIM_COMMAND_SOCKET_UNIT_H

#include "costs.h"

/* Comments for the drop-in about the sockets that start this service; those that are in use are told on
 * stderr, too. */
void socket_units_tell(const struct plan *plan);

#endif
