/* SPDX-License-Identifier: MIT
 *
 * One emulated call on a port at a time: while options are raised for a moment, nobody else may read them,
 * and two instances that start at once must see one another. An abstract name of AF_UNIX is the lock: it
 * belongs to the network namespace, as ports do, and goes with whoever has it. Contract in emulate.h.
 */
#include "emulate.h"

#include "reuseshim/deadline.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

int emulation_turn(uint16_t port, unsigned budget_ms)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct text text = text_in(name.sun_path + 1, sizeof name.sun_path - 1);
    struct raw_mask all;
    text_string(&text, "reuseshim/emulate/");
    text_unsigned(&text, port);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text_end(&text)));
    int64_t deadline = deadline_in(budget_ms);
    int fd = raw_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memset(&all, 0xff, sizeof all);
    while (fd >= 0 && raw_bind(fd, &name, length) == -EADDRINUSE && !deadline_has_passed(deadline))
        (void)raw_sleep(1, &all);
    return fd;
}
