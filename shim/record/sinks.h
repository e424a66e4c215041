/* SPDX-License-Identifier: MIT
 *
 * Between the parts of this room: where one record goes, and in which form.
 */
#ifndef REUSESHIM_RECORD_SINKS_H
#define REUSESHIM_RECORD_SINKS_H

#include "reuseshim/logs.h"
#include "reuseshim/record.h"

#include <fcntl.h>

enum form { FORM_PLAIN, FORM_JOURNAL, FORM_SYSLOG };

/* An open descriptor to write to, and what must be known about it. */
struct sink {
    int fd;
    uint32_t mode;
    enum form form;
    size_t room;                         /* the longest record that it takes whole, and one byte */
    bool close;                          /* it was opened for this record */
    const char *slow_path;               /* or a path, see below, instead of `fd`; NULL else */
    const struct raw_mask *program_mask; /* as in struct record; whoever opened it does not know */
};

/* Where the settings send a record: 0, or -errno: why it cannot go there. A seccomp filter may be on, which
 * kills for a new socket (`usual_calls_only`). */
typedef int sink_opener(struct sink *sink, const struct shim *shim, bool usual_calls_only);
#define SINK_DECLARATION(name, word, open) sink_opener open;
LOGS(SINK_DECLARATION)

/* The longest record and one byte, of what is not a datagram: more than PIPE_BUF bytes could be mixed with
 * another process's. */
size_t sink_room(uint32_t mode);

/* All of it with one write or send, within the budget: 0, or -errno. Async-signal-safe. */
int sink_write(const struct sink *sink, const char *bytes, size_t size, int budget_ms, bool usual_calls_only);

/* A log that another process had better open, because its file system may never answer
 * (record_log_is_slow), or because this program has locked it and would lose the lock (before Linux 5.9 it is
 * opened here all the same): it turned out to be one, and write to it within the budget: 0, or -errno:
 * -ETIMEDOUT as long as it does not answer. Async-signal-safe. */
void slow_file_from_now_on(void);
int slow_file_append(const char *path, const char *bytes, size_t size, int budget_ms);
/* How a log is opened. O_NONBLOCK for the case that the path is a FIFO nobody reads. */
enum {
    LOG_FILE_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
    LOG_FILE_MODE = 0600
};

/* ---- what a log with fields is told of a record. Pure, async-signal-safe ------------------------ */

/* Writes the value of the next field that this record has, from *field on, and moves *field behind it; NULL
 * at the end, else its name ("HOLDER_PID"). The value is text without control characters, or JSON. */
const char *record_field(struct text *value, const struct record *record, unsigned *field);

/* Syslog's number for how much it matters: 3 error ... 7 debug. */
unsigned record_priority(const struct record *record);

/* The MESSAGE_ID of a record in the journal, one for each event; NULL for none. reuseshim.catalog has the
 * same. */
const char *record_message_id(const struct record *record);

/* A text record where the log itself says "reuseshim" and the pid with each. */
void record_write_message(struct text *text, const struct record *record, uint32_t shown);
/* The same in one line, where the log says program and pid: "reuseshim: head; held by ...; because ...". */
void record_write_one_line(struct text *text, const struct record *record, uint32_t shown);
/* Parts of a text record: "1.5 s", "tcp 127.0.0.1:8080  LISTEN", and all the lines about holders. */
void record_write_tenths(struct text *text, int64_t milliseconds);
void record_write_socket(struct text *text, const struct holder *holder);
void record_write_holders(struct text *text, const struct record *record, const char *line_break,
                          uint32_t shown);

/* The native protocol of systemd-journald, https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. */
void record_write_journal(struct text *text, const struct record *record, uint32_t shown, bool json);
/* RFC 5424, in one line. */
void record_write_syslog(struct text *text, const struct record *record, uint32_t shown, bool json);

#endif
