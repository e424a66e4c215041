/* SPDX-License-Identifier: MIT
 *
 * What an entry of the journal tells of a record, in whichever form journalctl gives it. Pure.
 */
#ifndef REUSESHIM_COMMAND_JOURNAL_ENTRY_H
#define REUSESHIM_COMMAND_JOURNAL_ENTRY_H

#include "record_line.h"

/* NAME, and the field of the journal. Docker's json-file has a line of a log as "log", with its "time". */
#define JOURNAL_FIELDS(_)                                                                                    \
    _(TIME, "__REALTIME_TIMESTAMP")                                                                          \
    _(IDENTIFIER, "SYSLOG_IDENTIFIER")                                                                       \
    _(MESSAGE, "MESSAGE")                                                                                    \
    _(LOG, "log")                                                                                            \
    _(LOG_TIME, "time")                                                                                      \
    _(JSON, "REUSESHIM_JSON")                                                                                \
    _(EVENT, "REUSESHIM_EVENT")                                                                              \
    _(PROGRAM, "REUSESHIM_PROGRAM")                                                                          \
    _(PROTOCOL, "REUSESHIM_PROTOCOL")                                                                        \
    _(LOCAL_PORT, "REUSESHIM_LOCAL_PORT")                                                                    \
    _(LOCAL_PATH, "REUSESHIM_LOCAL_PATH")                                                                    \
    _(CAUSE, "REUSESHIM_CAUSE")                                                                              \
    _(HOLDER_STATE, "REUSESHIM_HOLDER_STATE")                                                                \
    _(HOLDER_PROGRAM, "REUSESHIM_HOLDER_PROGRAM")                                                            \
    _(HOLDER_UNIT, "REUSESHIM_HOLDER_UNIT")                                                                  \
    _(HOLDER_CONTAINER, "REUSESHIM_HOLDER_CONTAINER")                                                        \
    _(REPEATED, "REUSESHIM_REPEATED")                                                                        \
    _(LOST, "REUSESHIM_LOST")

#define JOURNAL_ENUMERATOR(name, field) JOURNAL_##name,
enum journal_field { JOURNAL_FIELDS(JOURNAL_ENUMERATOR) JOURNAL_FIELD_COUNT };

enum { JOURNAL_ROOM = 1 << 20 };

struct journal_entry {
    struct slice values[JOURNAL_FIELD_COUNT]; /* plain bytes, in `room` */
    char *room;                               /* JOURNAL_ROOM bytes */
    size_t used;
};

/* Forgets the entry before. */
void journal_entry_begin(struct journal_entry *entry);
/* A field of the export format. What does not fit is left out, as journalctl leaves out what is long. */
void journal_entry_add(struct journal_entry *entry, const struct slice *name, const struct slice *value);
/* All fields of a line of journalctl -o json, of the form that record_line_read takes; false if it is none.
 */
bool journal_entry_read(struct journal_entry *entry, const char *line, const char *end);
/* The record that the fields tell of, without REUSESHIM_JSON and MESSAGE; false if they tell of none. */
bool journal_entry_record(const struct journal_entry *entry, struct record_line *record);
/* When the log got it; false if it does not say. */
bool journal_entry_time(const struct journal_entry *entry, int64_t *microseconds);

#endif
