/* SPDX-License-Identifier: MIT
 *
 * Compressed input: gzip(1) unpacks it, so that no library is needed for it.
 */
#ifndef REUSESHIM_COMMAND_UNPACK_H
#define REUSESHIM_COMMAND_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { UNPACK_MAGIC = 8 }; /* bytes that tell what a file is */

struct unpack {
    bool running;
    int fd; /* where the unpacked bytes come from */
    pid_t feeder, unpacker;
};

/* `begun` has the first bytes of the input, which have been read from `fd`. Nothing runs if it is not
 * compressed. False after a complaint, which names the command that makes text of it, where that is not done
 * here. */
bool unpack_begin(struct unpack *unpack, const char *name, int fd, const char *begun, size_t count);
/* False after a complaint if not all of it could be unpacked. */
bool unpack_end(struct unpack *unpack, const char *name);

#endif
