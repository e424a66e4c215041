/* SPDX-License-Identifier: MIT
 *
 * Where a record goes: one write to a descriptor that is surely still what it was. Contract in record.h.
 */
#include "reuseshim/errno_name.h"
#include "reuseshim/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#ifndef PIPE_BUF
#define PIPE_BUF 4096 /* what a pipe takes whole (pipe(7)); the same for terminals and sockets here */
#endif

static _Atomic uint64_t lost_records;

/* An open descriptor to write to, and what must be known about it. */
struct sink {
    int fd;
    uint32_t mode;
    bool close; /* it was opened for this record */
};

/* The program may have closed the descriptor and got the number again for a file of its own. */
static bool still_is(int fd, const struct raw_identity *then, struct sink *sink)
{
    struct raw_identity now;
    if (then->mode == 0 || !raw_identify(fd, &now) || now.device != then->device ||
        now.inode != then->inode || now.mode != then->mode)
        return false;
    *sink = (struct sink){.fd = fd, .mode = now.mode};
    return true;
}

/* 0, or -errno: why the log cannot be written. */
static int open_sink(const struct shim *shim, struct sink *sink)
{
    const struct load_facts *facts = shim->facts;
    struct raw_identity identity;
    switch (shim->settings.log) {
    case LOG_FD:
        return still_is(shim->settings.log_fd, &facts->log_file, sink) ? 0 : -EBADF;
    case LOG_FILE:
        /* O_NONBLOCK for the case that the path is a FIFO nobody reads. */
        sink->fd = raw_open(shim->settings.log_path,
                            O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
        if (sink->fd < 0)
            return sink->fd;
        sink->close = true;
        sink->mode = raw_identify(sink->fd, &identity) ? identity.mode : S_IFREG;
        return 0;
    default: /* auto comes down to stderr here, too */
        return still_is(2, &facts->stderr_file, sink) ? 0 : -EBADF;
    }
}

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
    if ((written == -EACCES || written == -EPERM || written == -ENOENT || written == -ENXIO) &&
        raw_wait_writable(sink->fd, budget_ms) > 0)
        written = raw_write(sink->fd, bytes, size, false);
    return written;
}

static bool write_once(const struct sink *sink, const char *bytes, size_t size, int budget_ms,
                       bool usual_calls_only)
{
    struct raw_signals signals;
    ssize_t written;
    if (S_ISSOCK(sink->mode))
        return send_to_socket(sink, bytes, size, budget_ms) == (ssize_t)size;
    raw_signals_hold(&signals);
    if (S_ISREG(sink->mode))
        written = raw_write(sink->fd, bytes, size, false);
    else
        written = write_without_blocking(sink, bytes, size, budget_ms, usual_calls_only);
    raw_signals_release(&signals, written < 0);
    return written == (ssize_t)size;
}

static void render(struct text *text, const struct shim *shim, const struct record *record, uint32_t holders)
{
    (shim->settings.json ? record_write_json : record_write_text)(text, record, holders);
}

bool record_wanted(const struct shim *shim, enum level level)
{
    return shim->settings.level >= level && shim->settings.log != LOG_NONE;
}

void record_lost(void)
{
    atomic_fetch_add_explicit(&lost_records, 1, memory_order_relaxed);
}

/* A log that cannot be opened is told on stderr, once in a process. */
static void tell_unusable(const struct shim *shim, const struct record *record, int error)
{
    static _Atomic bool told;
    struct sink sink;
    if (atomic_exchange_explicit(&told, true, memory_order_relaxed) ||
        !still_is(2, &shim->facts->stderr_file, &sink))
        return;
    char line[320];
    struct text text = text_in(line, sizeof line);
    text_string(&text, "reuseshim[");
    text_signed(&text, record->pid);
    text_string(&text, "] ");
    text_escaped(&text, record->program, strnlen(record->program, 64));
    text_string(&text, ": REUSESHIM_LOG: the log cannot be written (");
    errno_name_write(&text, error);
    text_string(&text, "); records are lost until it can\n");
    if (!text.full)
        write_once(&sink, text.start, text.used, (int)shim->settings.budget_ms, record->usual_calls_only);
}

void record_emit(const struct shim *shim, struct record *record, char *buffer)
{
    static const uint32_t fewer[] = {HOLDERS_MAX, 16, 8, 4, 2, 1, 0};
    struct sink sink = {.fd = -1};
    int error = open_sink(shim, &sink);
    if (error < 0) {
        record_lost();
        tell_unusable(shim, record, -error);
        return;
    }
    record->time_ns = raw_time_of_day();
    record->policy = shim->broken ? NULL : shim->policy.name;
    record->lost = atomic_exchange_explicit(&lost_records, 0, memory_order_relaxed);

    /* More than PIPE_BUF bytes could be mixed with another process's: rather list fewer holders. */
    size_t room = S_ISREG(sink.mode) ? RECORD_BUFFER_SIZE : PIPE_BUF + 1;
    struct text text = {.full = true};
    for (size_t i = 0; text.full && i < sizeof fewer / sizeof *fewer; i++) {
        text = text_in(buffer, room);
        render(&text, shim, record, fewer[i]);
    }
    bool written = !text.full && write_once(&sink, text.start, text.used, (int)shim->settings.budget_ms,
                                            record->usual_calls_only);
    if (!written)
        atomic_fetch_add_explicit(&lost_records, record->lost + 1, memory_order_relaxed);
    if (sink.close)
        raw_close(sink.fd);
}
