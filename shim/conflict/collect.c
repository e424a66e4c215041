/* SPDX-License-Identifier: MIT
 *
 * Which source is asked for the sockets. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"

#include <errno.h>

int conflict_collect(struct conflict *conflict, struct question *question, void *buffer)
{
    int result = conflict->source == SOURCE_PROC ? -EAFNOSUPPORT : sock_diag_ask(question, buffer);
    if (result == 0)
        conflict->source = SOURCE_SOCK_DIAG;
    if (result < 0 && conflict->source != SOURCE_SOCK_DIAG && conflict->holder_count == 0) {
        result = proc_net_ask(question, buffer);
        if (result == 0)
            conflict->source = SOURCE_PROC;
    }
    return result;
}
