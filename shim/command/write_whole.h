/* SPDX-License-Identifier: MIT
 *
 * A file that is written as a whole or not at all.
 */
#ifndef REUSESHIM_COMMAND_WRITE_WHOLE_H
#define REUSESHIM_COMMAND_WRITE_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

/* Puts a new file there under that name; where there was one, it stays until the new one is complete, and so
 * does its mode. A link is followed; what is no regular file is written as it is. False after a complaint. */
bool write_whole(const char *path, const char *bytes, size_t count);

#endif
