/* SPDX-License-Identifier: MIT
 *
 * The sockets of the system's own logs. libc's syslog(3) is no choice inside another program: it has a lock,
 * and a descriptor that the program knows about. Contract in sinks.h.
 */
#include "sinks.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

static int open_socket(struct sink *sink, const char *path, enum form form, size_t room)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    *sink = (struct sink){.mode = S_IFSOCK, .form = form, .room = room, .close = true};
    sink->fd = raw_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sink->fd < 0)
        return sink->fd;
    int result = raw_connect(sink->fd, &address, sizeof address);
    if (result < 0)
        raw_close(sink->fd);
    return result;
}

int sink_open_journal(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    (void)shim;
    (void)usual_calls_only;
    return open_socket(sink, "/run/systemd/journal/socket", FORM_JOURNAL, RECORD_BUFFER_SIZE);
}

int sink_open_syslog(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    enum { USUAL = 8192 }; /* what rsyslogd takes if it is told nothing else, its maxMessageSize */
    (void)shim;
    (void)usual_calls_only;
    return open_socket(sink, "/dev/log", FORM_SYSLOG, USUAL);
}
