/* SPDX-License-Identifier: MIT
 *
 * Records out of whatever a log has made of them: lines of JSON, text records with or without what syslog or
 * journalctl put before each line, journalctl -o json and -o export. Pure but for the time zone; the memory
 * that it needs does not grow.
 */
#ifndef REUSESHIM_COMMAND_RECORDS_H
#define REUSESHIM_COMMAND_RECORDS_H

#include "journal_entry.h"
#include "text_record.h"

/* Who is told what was read. */
struct records_taker {
    void *context;
    void (*record)(void *context, const struct record_line *record);
    /* A line that is, or wants to be, a record, and cannot be understood. */
    void (*damage)(void *context, uint64_t line, const char *trouble);
    /* A line of somebody else. */
    void (*foreign)(void *context);
};

struct records {
    const struct records_taker *taker;
    int64_t now; /* seconds since 1970 */
    uint64_t line;
    struct text_record text;
    struct journal_entry entry;
    bool exporting;     /* inside an entry of the export format */
    struct slice field; /* of it, whose length or value is to come; in field_name */
    char field_name[64];
    uint64_t length; /* of that value */
    /* What the caller has to do next: pass over `skip` bytes; or else, if `wanted` is not 0, give so many
     * bytes at once; or else give a line. */
    uint64_t skip;
    size_t wanted;
};

enum { RECORDS_WANTED_MAX = 1 << 19 };

/* `room` is JOURNAL_ROOM bytes of working memory. */
void records_begin(struct records *records, const struct records_taker *taker, char *room, int64_t now);
/* The '\n' stands at `end`; JSON_BEHIND bytes behind it may be looked at, too. */
void records_line(struct records *records, const char *line, const char *end);
void records_bytes(struct records *records, const char *bytes);
/* Everything has been given. */
void records_end(struct records *records);

#endif
