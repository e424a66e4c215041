/* SPDX-License-Identifier: MIT */
#ifndef REUSESHIM_ERRNO_NAME_H
#define REUSESHIM_ERRNO_NAME_H

#include "reuseshim/text.h"

/* Writes "EADDRINUSE"; "errno 999" for a number without a name here. Async-signal-safe. */
void errno_name_write(struct text *text, int error);

#endif
