/* SPDX-License-Identifier: MIT
 *
 * What probes found, for a person or for a program.
 */
#ifndef REUSESHIM_COMMAND_ANSWER_H
#define REUSESHIM_COMMAND_ANSWER_H

#include "probe.h"

/* A line for each probe (at most PROBES_MAX), aligned, with what is on the port below it; what two of them
 * have in common is said once. */
void answer_show(const struct probe *probes, size_t count);
/* Each as a record, a line of JSON. */
void answer_json(const struct probe *probes, size_t count);
/* "in use", "free", or why it could not be tried. */
const char *answer_verdict(const struct probe *probe);
/* "tcp", and "0.0.0.0:8080" or a path. */
void answer_subject(struct text *protocol, struct text *address, const struct probe *probe);
/* "[fe80::1%eth0]:80", "127.0.0.53%lo:53" */
void answer_address(struct text *text, const struct endpoint *local, const char *device);
/* Is a line all that there is to tell? */
bool answer_is_plain(const struct probe *probe);

#endif
