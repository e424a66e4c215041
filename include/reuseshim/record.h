/* SPDX-License-Identifier: MIT
 *
 * An event, as text, as JSON, and where it goes.
 */
#ifndef REUSESHIM_RECORD_H
#define REUSESHIM_RECORD_H

#include "reuseshim/setup.h"
#include "reuseshim/words.h"

struct record {
    enum event event;
    const struct newcomer *newcomer; /* NULL for an error in the settings */
    const struct conflict *conflict; /* NULL where nothing was looked for */
    const char *policy;              /* NULL for none */
    const struct rule *rule;         /* NULL for none */
    int64_t waited_ms;               /* of a conflict that was waited for, or is resolved */
    uint64_t evicted;
    enum bare bare;      /* why nothing more was found out */
    int64_t age_ms;      /* of an answer that was found earlier (SOURCE_EARLIER) */
    uint64_t repeated;   /* how many refusals of the same kind came before this one */
    const char *message; /* of a change, an error or a trace; NULL else */
    int64_t time_ns;     /* since 1970 */
    pid_t pid, tid;
    uid_t uid;
    const char *program;
    char host[66];         /* for the system log; "" where not known */
    bool usual_calls_only; /* a seccomp filter is on: write with the plainest calls */
    const struct raw_mask *
        program_mask; /* all signals are held, and this is what the program had blocked; NULL: they are not */
    uint64_t lost;    /* records that could not be written before this one */
};

/* Both write at most `shown` of the holders and count the others as omitted. Pure, async-signal-safe. */
void record_write_text(struct text *text, const struct record *record, uint32_t shown);
void record_write_json(struct text *text, const struct record *record, uint32_t shown);

/* What a text record says in its lines below the first: holders, because, cures. Each line comes behind
 * `line_break` and begins with a label. */
void record_write_details(struct text *text, const struct record *record, const char *line_break,
                          uint32_t shown);
/* One of the holders, and how many more there are, as text records show them. */
void record_write_holder(struct text *text, const struct conflict *conflict, const struct holder *holder);
void record_write_omitted(struct text *text, const struct conflict *conflict, const char *line_break,
                          uint32_t shown);

/* Has `write` put a record into `buffer` with ever fewer holders shown until it fits: what does not fit is
 * not torn. The text is full if even the record alone does not. */
typedef void record_writer(struct text *text, const void *context, uint32_t shown);
struct text record_fitted(char *buffer, size_t size, record_writer *write, const void *context);

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

/* May whoever opens this log wait for ever, since its file system is a network's or a process's? Does not ask
 * that file system; once in a process. System calls, async-signal-safe. */
bool record_log_is_slow(const char *path);

#endif
