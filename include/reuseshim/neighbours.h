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
    bool known;    /* the options that it asks for are */
    bool emulated; /* it was bound under an emulation */
    bool borrowed; /* and is to be given back */
    int fd;        /* -1: cannot be reached */
    uint8_t raised;
};

struct neighbours {
    struct system_socket newcomer;
    size_t count;
    struct neighbour all[HOLDERS_MAX]; /* in the order in which they were made */
    uint8_t raised;                    /* of the newcomer */
};

/* From what a conflict knows of its holders. Pure. */
void neighbours_take(struct neighbours *neighbours, const struct conflict *conflict,
                     const struct newcomer *newcomer);

/* Lists them, with their owners, in `conflict`, which has been begun, and asks each that can be reached for
 * its options; it stays open until neighbours_leave. System calls, async-signal-safe; the deadline is the
 * conflict's. */
void neighbours_find(struct neighbours *neighbours, struct conflict *conflict,
                     const struct newcomer *newcomer, struct scratch *scratch);
void neighbours_leave(struct neighbours *neighbours);

/* What `system` says to the newcomer. False if that hangs on options that are not known. Options that the
 * system has not got do not count. Pure. */
bool neighbours_judge(const struct neighbours *neighbours, enum system system, struct system_answer *answer);

/* Marks a socket that is about to be bound. */
void neighbours_mark(int fd, bool exclusive);

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
