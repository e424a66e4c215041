/* SPDX-License-Identifier: MIT
 *
 * Where a record goes: to a descriptor that is surely still what it was, to a file, or to the system's own
 * log. Contract in record.h.
 */
#include "sinks.h"

#include "reuseshim/errno_name.h"
#include "reuseshim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#ifndef PIPE_BUF
#define PIPE_BUF 4096 /* what a pipe takes whole (pipe(7)); the same for terminals and sockets here */
#endif

static _Atomic uint64_t lost_records;

/* More than PIPE_BUF bytes could be mixed with another process's. */
static size_t room_of(uint32_t mode)
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
    *sink = (struct sink){.fd = fd, .mode = now.mode, .room = room_of(now.mode)};
    return 0;
}

static int open_file(struct sink *sink, const char *path)
{
    struct raw_identity identity;
    /* O_NONBLOCK for the case that the path is a FIFO nobody reads. */
    int fd = raw_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    uint32_t mode = fd >= 0 && raw_identify(fd, &identity) ? identity.mode : S_IFREG;
    *sink = (struct sink){.fd = fd, .mode = mode, .room = room_of(mode), .close = true};
    return fd < 0 ? fd : 0;
}

/* Into the journal if that is where stderr goes, else to stderr, and if the program has given that up, to the
 * system log. A seccomp filter may kill for a new socket. */
static int open_auto(struct sink *sink, const struct load_facts *facts, bool usual_calls_only)
{
    if (facts->stderr_is_journal && !usual_calls_only && sink_open_journal(sink) == 0)
        return 0;
    int result = open_kept(sink, 2, &facts->stderr_file);
    return result == 0 || usual_calls_only ? result : sink_open_syslog(sink);
}

/* 0, or -errno: why the log cannot be written. */
static int open_sink(struct sink *sink, const struct shim *shim, bool usual_calls_only)
{
    const struct load_facts *facts = shim->facts;
    switch (shim->settings.log) {
    case LOG_FD:
        return open_kept(sink, shim->settings.log_fd, &facts->log_file);
    case LOG_FILE:
        return open_file(sink, shim->settings.log_path);
    case LOG_JOURNAL:
        return sink_open_journal(sink);
    case LOG_SYSLOG:
        return sink_open_syslog(sink);
    case LOG_AUTO:
        return open_auto(sink, facts, usual_calls_only);
    default:
        return open_kept(sink, 2, &facts->stderr_file);
    }
}

static void render(struct text *text, enum form form, const struct shim *shim, const struct record *record,
                   uint32_t holders)
{
    bool json = shim->settings.json;
    if (form == FORM_JOURNAL)
        record_write_journal(text, record, holders, json);
    else if (form == FORM_SYSLOG)
        record_write_syslog(text, record, holders, json);
    else
        (json ? record_write_json : record_write_text)(text, record, holders);
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
        open_kept(&sink, 2, &shim->facts->stderr_file) < 0)
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
        sink_write(&sink, text.start, text.used, (int)shim->settings.budget_ms, record->usual_calls_only);
}

static void find_host(struct record *record)
{
    ssize_t length = file_read("/proc/sys/kernel/hostname", record->host, sizeof record->host);
    record->host[length > 0 ? length - 1 : 0] = '\0'; /* its newline */
}

void record_emit(const struct shim *shim, struct record *record, char *buffer)
{
    static const uint32_t fewer[] = {HOLDERS_MAX, 16, 8, 4, 2, 1, 0};
    struct sink sink;
    int error = open_sink(&sink, shim, record->usual_calls_only);
    if (error < 0) {
        record_lost();
        tell_unusable(shim, record, -error);
        return;
    }
    record->time_ns = raw_time_of_day();
    record->policy = shim->broken ? NULL : shim->policy.name;
    record->lost = atomic_exchange_explicit(&lost_records, 0, memory_order_relaxed);

    if (sink.form == FORM_SYSLOG)
        find_host(record);

    /* What it does not take whole would be torn: rather list fewer holders. */
    struct text text = {.full = true};
    for (size_t i = 0; text.full && i < sizeof fewer / sizeof *fewer; i++) {
        text = text_in(buffer, sink.room);
        render(&text, sink.form, shim, record, fewer[i]);
    }
    bool written = !text.full && sink_write(&sink, text.start, text.used, (int)shim->settings.budget_ms,
                                            record->usual_calls_only);
    if (!written)
        atomic_fetch_add_explicit(&lost_records, record->lost + 1, memory_order_relaxed);
    if (sink.close)
        raw_close(sink.fd);
}
