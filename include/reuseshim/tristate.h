/* SPDX-License-Identifier: MIT */
#ifndef REUSESHIM_TRISTATE_H
#define REUSESHIM_TRISTATE_H

#include <stdint.h>

/* What is not known says so; nothing is guessed. */
typedef int8_t tristate;
enum { NO = 0, YES = 1, UNKNOWN = -1 };

#endif
