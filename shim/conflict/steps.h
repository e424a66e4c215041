/* SPDX-License-Identifier: MIT
 *
 * The steps from a refusal to its explanation, one file each. Private to shim/conflict; the tests of the
 * kernel's rule take single steps, too.
 */
#ifndef REUSESHIM_CONFLICT_STEPS_H
#define REUSESHIM_CONFLICT_STEPS_H

#include "reuseshim/conflict.h"

/* ---- holders.c: the list of the sockets in the way. Pure. -------------------------------------- */

/* Takes a socket into the list if it stands in the newcomer's way or may do so. */
void holders_add(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *holder);

/* Takes it into the list whatever it is, before those of a greater rank; beyond HOLDERS_MAX the last is
 * counted as omitted. */
typedef int holder_rank(const struct newcomer *newcomer, const struct holder *holder);
void holders_insert(struct conflict *conflict, const struct newcomer *newcomer, const struct holder *holder,
                    holder_rank *rank);

/* Decides again what blocks, by what has been found out meanwhile, and sorts. */
void holders_decide(struct conflict *conflict, const struct newcomer *newcomer);

/* ---- settle.c, causes.c, sentences.c, cures.c. Pure. -------------------------------------------- */

/* The call failed, so somebody blocks: what that alone proves about the newcomer and the holders. */
void conflict_settle(struct conflict *conflict, struct newcomer *newcomer);

/* Which kind of hindrance a socket is, if it blocks; the cause by what is known of all of them. */
enum cause cause_of_holder(const struct newcomer *newcomer, const struct holder *holder);
enum cause cause_find(const struct conflict *conflict, const struct newcomer *newcomer);

/* The sentence that says why, and what helps. */
void sentence_write(struct conflict *conflict, const struct newcomer *newcomer);
void cures_find(struct conflict *conflict, const struct newcomer *newcomer);

/* ---- owners.c ----------------------------------------------------------------------------------- */

/* A duplicate of the holder's descriptor `number` in the process `pid`, to be closed; -errno, also where
 * another file has come in its place. */
bool holder_is_at(const struct holder *holder, int fd);
int holder_borrow(const struct holder *holder, pid_t pid, int number);

/* A search for those who have the holders open. */
struct owner_search {
    struct conflict *conflict;
    const struct newcomer *newcomer;
    struct self self;
    struct search search;
};

/* Gives each holder a place for its owners, which it keeps when the list is sorted again. Once, when all are
 * listed; conflict_find_owners does it itself. */
void owners_number(struct conflict *conflict);
/* Fills in owners->self, which is read once for an explanation. */
void owners_know_self(struct owner_search *owners);
/* Prepares a search; what it finds goes to owners_note, with the search itself as context. */
void owners_begin(struct owner_search *owners, struct conflict *conflict, const struct newcomer *newcomer,
                  struct scratch *scratch);
/* Takes note that a process has a socket open, if it is one of the holders. */
void owners_note(void *owner_search, pid_t pid, int fd, uint64_t inode);
/* At the end of a search: what became of each holder's owner. */
void owners_judge(struct conflict *conflict, const struct search *search);

/* ---- foreign.c: another user's processes, which may keep us waiting ------------------------------ */

typedef void foreign_step(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch);
/* Is one of the holders another user's, who is not root? */
bool foreign_holds(const struct conflict *conflict);
/* Has a child do the step, until the deadline: 0 once it is done; -ETIMEDOUT, and nothing has changed;
 * another -errno if no child can be had. */
int foreign_look(foreign_step *step, struct conflict *conflict, struct newcomer *newcomer,
                 struct scratch *scratch);
/* In vain: their owners are not known, and the answer is not complete. */
void foreign_give_up(struct conflict *conflict);

/* ---- keepers.c: who keeps the owners running ----------------------------------------------------- */

/* Is it systemd itself that has the socket? Pure. */
bool keeper_is_systemd(const struct owners *owners);

/* Of the first holders: the cgroup and the parent of the first process, and our own cgroup. */
void keepers_find(struct conflict *conflict, const struct self *self);

/* Of the first holder, if systemd itself has it: the only socket unit whose file names the port. */
void socket_unit_find(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch);

/* ---- likely.c: the owner that does not show ------------------------------------------------------- */

/* Takes the processes that hide their descriptors for a holder's if nothing else can be it. */
void likely_find(struct conflict *conflict, const struct self *self, int64_t deadline,
                 struct scratch *scratch);

/* ---- evidence.c, exhausted.c, unix.c -------------------------------------------------------------- */

/* Finds out more about a holder on which the cause hangs: that its port is automatic (a connection), or that
 * its process only inherited it (a listener). */
void evidence_find(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch);

/* The ports that the kernel gives away by itself (net.ipv4.ip_local_port_range); false if it does not say. */
bool automatic_range(struct port_range *range);

/* A range without a free port: fills in conflict->range_use, and the holders with the first of the takers. */
void exhausted_explain(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch);

/* bind was refused for another reason than a socket in its way: fills in cause, sentence and what the cures
 * want to know. False if it is none of those that are explained. */
bool refused_explain(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch);

/* What the sentence says beyond the cause. Pure. */
void refusal_write(struct text *text, const struct conflict *conflict, const struct newcomer *newcomer);

/* Puts the addresses of this network namespace into the conflict, those that can be bound, no link-local
 * ones. */
void machine_addresses(struct conflict *conflict, struct scratch *scratch);

/* An AF_UNIX name that is taken: fills in holder, owner and cause. */
void unix_explain(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch);

/* Removes the socket file that `newcomer` cannot bind because of, if nobody is bound to it: 1, 0 if somebody
 * is or may be, or if it is no socket, or -errno. */
int unix_evict(const struct newcomer *newcomer, int64_t deadline, struct scratch *scratch);

#endif
