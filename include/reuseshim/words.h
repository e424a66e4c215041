/* SPDX-License-Identifier: MIT
 *
 * The words of a record: those of enumerations, each in one table. Pure.
 */
#ifndef REUSESHIM_WORDS_H
#define REUSESHIM_WORDS_H

#include "reuseshim/conflict.h"

enum event {
    EVENT_CONFLICT,
    EVENT_REFUSED,
    EVENT_RESOLVED,
    EVENT_CHANGE,
    EVENT_SHARED,
    EVENT_PORTABILITY,
    EVENT_ERROR,
    EVENT_TRACE,
    EVENT_COUNT
};

/* Why a record says no more than what the call itself shows. */
enum bare {
    BARE_NOT,
    BARE_SECCOMP,
    BARE_NEVER,
    BARE_PRIVILEGES,
    BARE_NO_DESCRIPTOR,
    BARE_NO_PROCESS,
    BARE_NO_PROC,
    BARE_BUSY,
    BARE_FAMILY,
    BARE_COUNT
};
const char *bare_word(enum bare bare); /* NULL for BARE_NOT */
/* The same for a person, with the variable that changes it. */
const char *bare_phrase(enum bare bare);

const char *event_word(enum event event);
const char *call_word(enum call call);
const char *cause_word(enum cause cause); /* NULL for CAUSE_UNKNOWN */
const char *owner_word(enum owner owner); /* NULL for OWNER_NOT_SEARCHED */
const char *relation_word(enum relation relation);
const char *source_word(enum source source);
const char *apply_to_word(enum apply_to apply_to);
const char *state_word(const struct holder *holder);

/* "tcp", "udp", "unix", ...; "family 40" or "?" for others. */
void protocol_write(struct text *text, int family, int type, int protocol);

/* What a cure needs: the word of the bit `need`, NULL behind the last. */
const char *need_word(unsigned need);

/* The labels of a text record's lines, RECORD_LABEL characters wide. */
enum label {
    LABEL_HELD_BY,
    LABEL_PERHAPS,
    LABEL_BESIDE,
    LABEL_WITH,
    LABEL_WAS_HELD,
    LABEL_AND,
    LABEL_BECAUSE,
    LABEL_SO,
    LABEL_CURE,
    LABEL_LOST,
    LABEL_COUNT
};
enum { RECORD_LABEL = 9 };
const char *label_word(enum label label);

#endif
