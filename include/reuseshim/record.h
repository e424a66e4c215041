/* SPDX-License-Identifier: MIT
 *
 * An event, as text, as JSON, and where it goes.
 */
#ifndef REUSESHIM_RECORD_H
#define REUSESHIM_RECORD_H

#include "reuseshim/conflict.h"
#include "reuseshim/setup.h"

enum event {
    EVENT_CONFLICT,
    EVENT_RESOLVED,
    EVENT_CHANGE,
    EVENT_SHARED,
    EVENT_PORTABILITY,
    EVENT_ERROR,
    EVENT_TRACE
};

struct record {
    enum event event;
    const struct newcomer *newcomer; /* NULL for an error in the settings */
    const struct conflict *conflict; /* NULL where nothing was looked for */
    const char *policy;              /* NULL for none */
    const struct rule *rule;         /* NULL for none */
    int64_t waited_ms;               /* of a conflict that was waited for, or is resolved */
    uint64_t evicted;
    const char *message; /* of a change, an error or a trace; NULL else */
    int64_t time_ns;     /* since 1970 */
    pid_t pid, tid;
    uid_t uid;
    const char *program;
    char host[66];         /* for the system log; "" where not known */
    bool usual_calls_only; /* a seccomp filter is on: write with the plainest calls */
    uint64_t lost;         /* records that could not be written before this one */
};

const char *event_word(enum event event);

/* Both write at most `holders` of the holders and count the others as omitted. Pure, async-signal-safe. */
void record_write_text(struct text *text, const struct record *record, uint32_t holders);
void record_write_json(struct text *text, const struct record *record, uint32_t holders);

/* Of a text record the lines below the first: holders, because, cures; each begins with `prefix` and a label
 * of RECORD_LABEL characters. */
enum { RECORD_LABEL = 9 };
void record_write_details(struct text *text, const struct record *record, const char *prefix,
                          uint32_t holders);
/* One of the holders, as a text record shows it. */
void record_write_holder(struct text *text, const struct conflict *conflict, const struct holder *holder);

/* "2026-11-21T12:00:00.123456Z"; without the fraction if `fraction` is false. */
void time_write(struct text *text, int64_t nanoseconds, bool fraction);

/* Completes a record (time, program, policy, lost) and writes it where the settings say, with one write. What
 * cannot be written is counted, and reported with the next record that can be. `buffer` is working memory.
 * System calls, async-signal-safe, never blocks for longer than the budget. */
enum { RECORD_BUFFER_SIZE = 65536 };
void record_emit(const struct shim *shim, struct record *record, char *buffer);

/* Counts a record that could not even be begun. */
void record_lost(void);

/* True if a record of this level would be written anywhere. */
bool record_wanted(const struct shim *shim, enum level level);

#endif
