/* SPDX-License-Identifier: MIT
 *
 * What reuseshim why is asked.
 */
#ifndef REUSESHIM_COMMAND_REQUEST_H
#define REUSESHIM_COMMAND_REQUEST_H

#include "probe.h"

enum { PROBES_MAX = 4 };

struct request {
    unsigned options; /* bits of enum socket_option, to be set on the socket */
    bool tcp, udp, v4, v6, json, watch;
    size_t count;
    struct probe *probes; /* room for PROBES_MAX */
};

/* From "[ADDRESS:]PORT" or "PATH" and the other fields to the probes; false after a complaint. */
bool request_read(struct request *request, const char *word);

#endif
