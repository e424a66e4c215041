/* SPDX-License-Identifier: MIT
 *
 * The sockets that meet a newcomer's address, as another system would look at them.
 *
 * What a program asked for is remembered by the kernel, in the socket itself: SO_REUSEADDR and SO_REUSEPORT
 * stay as the program set them, and are raised only for the moment of a call that Linux would refuse. Two
 * options that mean nothing on such a socket are marks: SO_NOFCS (af_packet.c alone looks at it) says that it
 * was bound under an emulation, IP_RECVERR_RFC4884 (without IP_RECVERR nothing; Linux 5.9) that it is
 * exclusive. So it all survives fork, exec and the passing of descriptors, and ends with the socket.
 */
#ifndef REUSESHIM_NEIGHBOURS_H
#define REUSESHIM_NEIGHBOURS_H

#include "reuseshim/conflict.h"
#include "reuseshim/systems.h"

struct neighbour {
    struct system_socket socket;
    const struct holder *holder;
    bool known;      /* the options that it asks for are */
    bool user_known; /* its user is; TIME_WAIT has none */
    bool reached;    /* through a descriptor of its process */
    bool emulated;   /* it was bound under an emulation */
    bool unmarkable; /* an MPTCP socket does not take the marks */
    uint8_t raised;
};

struct neighbours {
    struct system_socket newcomer;
    size_t count;
    struct neighbour all[HOLDERS_MAX]; /* in the order in which they were made */
    uint8_t raised;                    /* of the newcomer */
    bool complete;                     /* no other socket can be there */
    const struct conflict *conflict;
};

/* From what a conflict knows of its holders. Pure. */
void neighbours_take(struct neighbours *neighbours, const struct conflict *conflict,
                     const struct newcomer *newcomer);

/* Lists them, with their owners, in `conflict`, which has been begun, and asks each that can be reached for
 * its options. System calls, async-signal-safe; the deadline is the conflict's. What is borrowed is given
 * back at once: a fork in another thread would give a child of its process a copy. */
void neighbours_find(struct neighbours *neighbours, struct conflict *conflict,
                     const struct newcomer *newcomer, struct scratch *scratch);

/* What `system` says to the newcomer. False if that hangs on something that is not known: options, users, who
 * was bound first, sockets that do not show. Options that the system has not got do not count. Pure. */
bool neighbours_judge(const struct neighbours *neighbours, enum system system, struct system_answer *answer);

/* Marks a socket that is about to be bound: which marks it had not before, as bits; and takes those off
 * again. */
unsigned neighbours_mark(int fd, bool exclusive);
void neighbours_unmark(int fd, unsigned marks);

/* Sets what makes Linux let the newcomer in, on it and on those that were bound under an emulation; takes it
 * back. Of those that stay as they are and may refuse it one is returned, NULL if there is none. */
const struct neighbour *neighbours_raise(struct neighbours *neighbours, int fd);
void neighbours_lower(struct neighbours *neighbours, int fd);

/* Fills in cause and sentence of a refusal that is that system's. Pure. */
void neighbours_blame(struct conflict *conflict, const struct newcomer *newcomer, enum system system,
                      const struct system_answer *answer);

/* The one on the newcomer's very address that may receive what it does; NULL if there is none. Pure. */
const struct neighbour *neighbours_rival(const struct neighbours *neighbours);

#endif
