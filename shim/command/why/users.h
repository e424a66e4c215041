/* SPDX-License-Identifier: MIT
 *
 * Names of users.
 */
#ifndef REUSESHIM_COMMAND_USERS_H
#define REUSESHIM_COMMAND_USERS_H

#include <stdint.h>

/* The name of a uid by passwd(5) and what else the system asks; "" if it has none. Good until the program
 * ends. */
const char *user_name(uint32_t uid);

#endif
