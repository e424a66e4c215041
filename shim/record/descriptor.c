/* SPDX-License-Identifier: MIT
 *
 * One write to a descriptor, without blocking for longer than the budget and without a signal. Contract in
 * sinks.h.
 */
#include "sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>

static ssize_t send_to_socket(const struct sink *sink, const char *bytes, size_t size, int budget_ms)
{
    ssize_t sent = raw_send(sink->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == -EAGAIN && raw_wait_writable(sink->fd, budget_ms) > 0)
        sent = raw_send(sink->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent;
}

/* The same file opened once more gets O_NONBLOCK for itself alone; the program's own descriptor keeps its
 * mode. -errno if it cannot be opened (a terminal of another user). Goes on after a part (a terminal takes
 * what it has room for) until the budget is spent. */
static ssize_t write_by_own_descriptor(int fd, const char *bytes, size_t size, int budget_ms)
{
    char path[32];
    struct text text = text_in(path, sizeof path);
    text_string(&text, "/proc/self/fd/");
    text_signed(&text, fd);
    int own = raw_open(text_end(&text), O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (own < 0)
        return own;
    size_t written = 0;
    ssize_t result = -EAGAIN;
    for (int tries = 0; tries < 16 && written < size; tries++) {
        result = raw_write(own, bytes + written, size - written, false);
        if (result > 0)
            written += (size_t)result;
        else if (result != -EAGAIN || raw_wait_writable(own, budget_ms) <= 0)
            break;
    }
    raw_close(own);
    return written ? (ssize_t)written : result;
}

/* To a pipe or a terminal. What cannot promise not to block (a terminal, a pipe before 5.5) is opened anew;
 * where that is not allowed, it is asked for room first. */
static ssize_t write_without_blocking(const struct sink *sink, const char *bytes, size_t size, int budget_ms,
                                      bool usual_calls_only)
{
    ssize_t written = usual_calls_only ? -EOPNOTSUPP : raw_write(sink->fd, bytes, size, true);
    if (written == -EAGAIN && raw_wait_writable(sink->fd, budget_ms) > 0)
        written = raw_write(sink->fd, bytes, size, true);
    if (written != -EOPNOTSUPP && written != -EINVAL && written != -ENOSYS)
        return written;
    written = write_by_own_descriptor(sink->fd, bytes, size, budget_ms);
    if ((written == -EACCES || written == -EPERM || written == -ENOENT || written == -ENXIO ||
         written == -EMFILE || written == -ENFILE) &&
        raw_wait_writable(sink->fd, budget_ms) > 0)
        written = raw_write(sink->fd, bytes, size, false);
    return written;
}

/* A part of a record is as good as none. */
static int result_of(ssize_t written, size_t size)
{
    return written < 0 ? (int)written : (size_t)written == size ? 0 : -ENOSPC;
}

/* Where one record has found no room in all its time the next ones do not wait, until one gets through: a
 * program may be refused very often. By number, since another place may be tried behind this one. */
enum { NONE = -1 };
static _Atomic int takes_nothing = NONE;

static int keep_in_mind(int fd, int result)
{
    bool known = atomic_load_explicit(&takes_nothing, memory_order_relaxed) == fd;
    if (result == -EAGAIN || (result == 0 && known))
        atomic_store_explicit(&takes_nothing, result ? fd : NONE, memory_order_relaxed);
    return result;
}

int sink_write(const struct sink *sink, const char *bytes, size_t size, int budget_ms, bool usual_calls_only)
{
    struct raw_signals signals;
    ssize_t written;
    if (sink->slow_path)
        return slow_file_append(sink->slow_path, bytes, size, budget_ms);
    if (atomic_load_explicit(&takes_nothing, memory_order_relaxed) == sink->fd)
        budget_ms = 0;
    if (S_ISSOCK(sink->mode))
        return keep_in_mind(sink->fd, result_of(send_to_socket(sink, bytes, size, budget_ms), size));
    raw_signals_hold(&signals, sink->program_mask);
    if (S_ISREG(sink->mode))
        written = raw_write(sink->fd, bytes, size, false);
    else
        written = write_without_blocking(sink, bytes, size, budget_ms, usual_calls_only);
    raw_signals_release(&signals, written < 0);
    return keep_in_mind(sink->fd, result_of(written, size));
}
