/* SPDX-License-Identifier: MIT
 *
 * Contract in judge.h.
 */
#include "judge.h"

#include "conflict/steps.h"
#include "reuseshim/protocol.h"
#include "reuseshim/words.h"

#include "witness.h"

#include <string.h>

enum { SHOWN = 3 };

static void show(const char *what, const struct newcomer *newcomer, const struct holder *holder)
{
    char local[64], there[64];
    witness_write(local, &newcomer->local);
    witness_write(there, &holder->local);
    printf(
        "# %s: call %d %s v6only=%d device=%u uid=%u reuseaddr=%d reuseport=%d own group=%d, against %s state %d "
        "v6only=%d device=%u uid=%u reuseaddr=%d reuseport=%d\n",
        what, (int)newcomer->call, local, newcomer->options[OPTION_V6ONLY], newcomer->device, newcomer->uid,
        newcomer->options[OPTION_REUSEADDR], newcomer->options[OPTION_REUSEPORT], newcomer->own_group, there,
        holder->state, holder->v6only, holder->device, holder->uid, holder->reuseaddr, holder->reuseport);
}

void judge_pair(struct tally *tally, const struct newcomer *newcomer, const struct holder *holder,
                bool refused, FILE *trials)
{
    struct trial trial = {*newcomer, *holder, refused};
    tally->outcomes++;
    tally->refusals += refused;
    if (trials)
        fwrite(&trial, sizeof trial, 1, trials);
    if (rules_blocks(newcomer, holder) != (refused ? YES : NO) && tally->mismatches++ < SHOWN)
        show(refused ? "kernel refuses" : "kernel allows", newcomer, holder);
}

static bool is_that(const struct told_holder *told, const struct holder *holder)
{
    char local[64], remote[64];
    witness_write(local, &holder->local);
    witness_write(remote, &holder->remote);
    return strcmp(told->local, local) == 0 && strcmp(told->remote, remote) == 0 &&
           strcmp(told->state, state_word(holder)) == 0;
}

static bool is_shown(const struct newcomer *newcomer, const struct holder *holder)
{
    return newcomer->kernel >= KERNEL(6, 8) || !protocol_is_tcp(holder->protocol) ||
           holder->state != STATE_CLOSE;
}

/* The first in the table's order of those that truly block, and show. */
static const char *true_cause(const struct newcomer *newcomer, const struct holder *there, unsigned count)
{
    enum cause first = CAUSE_COUNT;
    if (newcomer->local.port == 0)
        return cause_word(CAUSE_PORTS_EXHAUSTED);
    for (unsigned i = 0; i < count; i++)
        if (is_shown(newcomer, &there[i]) && rules_blocks(newcomer, &there[i]) == YES &&
            cause_of_holder(newcomer, &there[i]) < first)
            first = cause_of_holder(newcomer, &there[i]);
    return cause_word(first == CAUSE_COUNT ? CAUSE_UNSEEN : first);
}

/* Sockets that look the same (two bound to one address) are one to whoever reads the record: `blocks` is
 * wrong only if it is so of none of them. */
static bool is_possible(const struct newcomer *newcomer, const struct told_holder *told,
                        const struct holder *there, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (is_that(told, &there[i]) &&
            (told->blocks == UNKNOWN || rules_blocks(newcomer, &there[i]) == told->blocks))
            return true;
    return false;
}

void judge_record(struct tally *tally, const struct newcomer *newcomer, const struct holder *there,
                  unsigned count)
{
    struct told told;
    bool blocker_named = false, blocker_shown = false;
    long before = tally->missing + tally->no_blocker + tally->wrong_blocks + tally->wrong_cause;
    tally->records++;
    if (!witness_record(&told)) {
        tally->missing++;
    } else {
        for (unsigned i = 0; i < told.count; i++) {
            tally->wrong_blocks += !is_possible(newcomer, &told.holders[i], there, count);
            tally->unsure_blocks += told.holders[i].blocks == UNKNOWN;
            for (unsigned k = 0; k < count; k++)
                blocker_named |= is_that(&told.holders[i], &there[k]) &&
                                 rules_blocks(newcomer, &there[k]) == YES && told.holders[i].blocks != NO;
        }
        for (unsigned k = 0; k < count; k++)
            blocker_shown |= is_shown(newcomer, &there[k]) && rules_blocks(newcomer, &there[k]) == YES;
        tally->no_blocker += blocker_shown && !blocker_named;
        tally->unsure_cause += told.cause[0] == '\0';
        tally->wrong_cause += told.cause[0] && strcmp(told.cause, true_cause(newcomer, there, count)) != 0;
    }
    long after = tally->missing + tally->no_blocker + tally->wrong_blocks + tally->wrong_cause;
    if (after > before && after < SHOWN) {
        show("record is wrong", newcomer, &there[0]);
        printf("# true cause %s; %.1500s\n", true_cause(newcomer, there, count), witness_text());
    }
}

bool judge_is_clean(const struct tally *tally)
{
    return tally->mismatches == 0 && tally->missing == 0 && tally->no_blocker == 0 &&
           tally->wrong_blocks == 0 && tally->wrong_cause == 0;
}

void judge_write(char *line, size_t size, const char *name, const struct tally *tally)
{
    int used = snprintf(line, size, "%s: %ld outcomes, %ld refusals, %ld mismatches", name, tally->outcomes,
                        tally->refusals, tally->mismatches);
    if (tally->records)
        snprintf(
            line + used, size - (size_t)used,
            "; %ld records, %ld missing, %ld without the blocker, %ld wrong blocks, %ld wrong causes (null: "
            "%ld blocks, %ld causes)",
            tally->records, tally->missing, tally->no_blocker, tally->wrong_blocks, tally->wrong_cause,
            tally->unsure_blocks, tally->unsure_cause);
}
