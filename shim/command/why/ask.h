/* SPDX-License-Identifier: MIT
 *
 * The answers to all that why was asked, one port after the other.
 */
#ifndef REUSESHIM_COMMAND_ASK_H
#define REUSESHIM_COMMAND_ASK_H

#include "request.h"

/* Tries every port of every operand and tells the answers, as the request wants them told; returns the exit
 * code. Neighbours in a range of which there is the same to tell, and no more than a line, are told as one.
 */
int ask_all(const struct request *request);

/* What the probes of one port come to: EXIT_SUCCESS, EXIT_FAILURE if any is refused, EXIT_TROUBLE if any
 * could not be tried. An address that nobody named and that the machine does not have is passed over, if
 * there is another. */
int ask_code(const struct probe *probes, size_t count);

#endif
