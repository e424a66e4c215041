/* SPDX-License-Identifier: MIT
 *
 * Another process, with the library preloaded, that makes the calls; and the records that it leaves.
 */
#ifndef TESTS_KERNEL_WITNESS_H
#define TESTS_KERNEL_WITNESS_H

#include "reuseshim/conflict.h"

/* Starts this very program again under the library `path`, as user `uid`: root sees the options of the
 * sockets that this process holds, another user does not. The process ends with this one. */
void witness_start(const char *path, uint32_t uid);
void witness_stop(void);
/* The other side: what main() does when it is started with the word "witness". */
int witness_main(void);

/* Every how many calls are made there (1: all); true if the next one is. */
void witness_sample(long step);
bool witness_is_asked(void);

/* Makes the call on a duplicate of `fd` there: 0 or an errno. */
int witness_call(enum call call, int fd, const struct sockaddr_storage *address, socklen_t length);

/* ---- the record of the last refusal ---------------------------------------------------------------- */

struct told_holder {
    char local[64], remote[64]; /* "address port", "" for none */
    char state[16];
    tristate blocks;
};
struct told {
    char cause[24]; /* "" for null */
    unsigned count;
    struct told_holder holders[HOLDERS_MAX];
};
/* False if there is none, or not just one. */
bool witness_record(struct told *told);
/* The last record as it is. */
const char *witness_text(void);

/* An endpoint as it stands in told_holder. */
void witness_write(char text[64], const struct endpoint *endpoint);

#endif
