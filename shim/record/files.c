/* SPDX-License-Identifier: MIT
 *
 * Records to a file, or to a descriptor that is surely still what it was. Contract in sinks.h.
 */
#include "sinks.h"

#include "reuseshim/raw_file.h"

#include <errno.h>
#include <sys/stat.h>

#ifndef PIPE_BUF
#define PIPE_BUF 4096 /* what a pipe takes whole (pipe(7)); the same for terminals and sockets here */
#endif

size_t sink_room(uint32_t mode)
{
    return S_ISREG(mode) ? RECORD_BUFFER_SIZE : PIPE_BUF + 1;
}

/* The program may have closed the descriptor and got the number again for a file of its own. */
static int open_kept(struct sink *sink, int fd, const struct raw_identity *then)
{
    struct raw_identity now;
    if (then->mode == 0 || !raw_identify(fd, &now) || now.device != then->device ||
        now.inode != then->inode || now.mode != then->mode)
        return -EBADF;
    *sink = (struct sink){.fd = fd, .mode = now.mode, .room = sink_room(now.mode)};
    return 0;
}

int sink_open_stderr(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    (void)usual_calls_only;
    return open_kept(sink, 2, &shim->facts->stderr_file);
}

int sink_open_fd(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    (void)usual_calls_only;
    return open_kept(sink, shim->settings.log_fd, &shim->facts->log_file);
}

int sink_open_file(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    struct raw_identity identity;
    const char *path = shim->settings.log_path;
    *sink = (struct sink){.fd = -1, .mode = S_IFREG, .room = sink_room(S_IFREG), .slow_path = path};
    if (!usual_calls_only && record_log_is_slow(path))
        return 0;
    int fd = raw_open(path, LOG_FILE_FLAGS, LOG_FILE_MODE);
    uint32_t mode = S_IFREG;
    if (fd >= 0 && raw_identify(fd, &identity)) {
        mode = identity.mode;
        /* In a folder of somebody else's it may be a second name for what only we can write. */
        if (S_ISREG(mode) && identity.links > 1) {
            raw_close(fd);
            return -EMLINK;
        }
    }
    *sink = (struct sink){.fd = fd, .mode = mode, .room = sink_room(mode), .close = true};
    /* To close it would cost the program its lock. One descriptor is the lesser harm. */
    if (fd >= 0 && !usual_calls_only && S_ISREG(mode) && raw_is_locked_by(fd, raw_pid())) {
        slow_file_from_now_on();
        sink->close = false;
    }
    return fd < 0 ? fd : 0;
}

/* Under inetd, or a unit with Accept=yes, stderr is the client's connection: what is written there goes into
 * its protocol. A seccomp filter that does not let us ask may be on; then no socket but the journal's is
 * written to. */
static bool leads_to_a_client(const struct shim *shim, bool usual_calls_only)
{
    if (!S_ISSOCK(shim->facts->stderr_file.mode) || shim->facts->stderr_is_journal)
        return false;
    int family = usual_calls_only ? AF_INET : raw_option(2, SOL_SOCKET, SO_DOMAIN);
    return family == AF_INET || family == AF_INET6;
}

/* Into the journal if that is where stderr goes, else to stderr, and if the program has given that up, or it
 * leads to a client, to the system log. */
int sink_open_auto(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    if (shim->facts->stderr_is_journal && !usual_calls_only &&
        sink_open_journal(sink, shim, usual_calls_only) == 0)
        return 0;
    int result =
        leads_to_a_client(shim, usual_calls_only) ? -EBADF : sink_open_stderr(sink, shim, usual_calls_only);
    return result == 0 || usual_calls_only ? result : sink_open_syslog(sink, shim, usual_calls_only);
}

/* Never asked: see record_emit. */
int sink_open_none(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    (void)sink;
    (void)shim;
    (void)usual_calls_only;
    return -EBADF;
}
