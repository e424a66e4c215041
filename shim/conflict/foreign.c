/* SPDX-License-Identifier: MIT
 *
 * Contract in steps.h. Whoever looks at a process's command line, memory or program waits for the lock of its
 * memory map, or for the file system that a page comes from; and that may be one of the holder's own (FUSE),
 * which never answers. So another user's processes are looked at by a child, for as long as there is time.
 */
#include "reuseshim/child.h"
#include "reuseshim/proc.h"
#include "reuseshim/raw.h"
#include "steps.h"

#include <errno.h>
#include <time.h>

enum { PAGE_LEAST = 4096 }; /* with larger ones there are fewer, and less to be copied */

static struct child_slot slot;

/* Shared with the child. */
struct answer {
    struct newcomer newcomer;
    struct conflict conflict;
};

struct foreign_question {
    foreign_step *step;
    struct conflict *conflict;
    struct newcomer *newcomer;
    struct scratch *scratch;
    struct answer *answer;
};

/* Root does no harm by what it may do anyway. */
bool foreign_holds(const struct conflict *conflict)
{
    uint32_t own = raw_uid();
    bool found = false;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        found |= holder->inode && holder->uid_known && holder->uid != own && holder->uid != 0;
    }
    return found && !conflict->usual_calls_only;
}

/* To copy the tables of so much memory takes a quarter of the usual budget; and each page that is written to
 * meanwhile is copied. */
static bool is_large(void)
{
    enum { LARGE_MB = 512, MB = 1 << 20 };
    char sizes[128];
    uint64_t pages;
    return proc_read("/proc/self/statm", sizes, sizeof sizes) > 0 &&
           proc_number(sizes, " ", UINT32_MAX, &pages) && pages / (MB / PAGE_LEAST) >= LARGE_MB;
}

/* In the child, to which its parent is another process. It ends its search before the time is up, in which it
 * has to hand over what it has found by then. */
static int look(void *context)
{
    struct foreign_question *question = context;
    struct conflict *conflict = question->conflict;
    bool of_another = conflict->of_another;
    int64_t deadline = conflict->deadline, now = raw_clock(CLOCK_MONOTONIC);
    conflict->of_another = true;
    conflict->self.careful = false;
    conflict->deadline = now + (deadline - now) / 4 * 3;
    question->step(conflict, question->newcomer, question->scratch);
    conflict->of_another = of_another;
    conflict->deadline = deadline;
    question->answer->conflict = *conflict;
    question->answer->newcomer = *question->newcomer;
    return 0;
}

int foreign_look(foreign_step *step, struct conflict *conflict, struct newcomer *newcomer,
                 struct scratch *scratch)
{
    enum { NS_IN_A_MS = 1000000 };
    struct owner_search owners;
    owners_begin(&owners, conflict, newcomer, scratch);
    owners_know_self(&owners);
    conflict->self.careful = true; /* unless a child does it */
    if (is_large())
        return -E2BIG;
    int64_t left = (conflict->deadline - raw_clock(CLOCK_MONOTONIC)) / NS_IN_A_MS;
    struct foreign_question question = {step, conflict, newcomer, scratch,
                                        raw_map_shared(sizeof *question.answer)};
    if (question.answer == NULL)
        return -ENOMEM;
    int result = child_run(&slot, look, &question, left > 0 ? (int)left : 0);
    if (result == 0) {
        *conflict = question.answer->conflict;
        *newcomer = question.answer->newcomer;
    }
    raw_unmap(question.answer, sizeof *question.answer);
    return result;
}

void foreign_give_up(struct conflict *conflict)
{
    const struct search late = {.late = true};
    owners_number(conflict);
    owners_judge(conflict, &late);
    conflict->complete = false;
}
