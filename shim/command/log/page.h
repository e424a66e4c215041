/* SPDX-License-Identifier: MIT
 *
 * The summary as a web page that needs nothing but itself.
 */
#ifndef REUSESHIM_COMMAND_PAGE_H
#define REUSESHIM_COMMAND_PAGE_H

#include "summary.h"

/* Writes it to the file, as a whole or not at all ("-": to standard output); `top` values of each filter are
 * shown at first. False after a complaint. Nothing may be added to the summary afterwards. */
bool page_write(struct summary *summary, const char *path, unsigned top);

#endif
