/* SPDX-License-Identifier: MIT
 *
 * Working memory for one look at the kernel. The host's stack may be small, so it is passed down instead of
 * being declared where it is needed. Whoever is given it may overwrite all of it.
 */
#ifndef REUSESHIM_SCRATCH_H
#define REUSESHIM_SCRATCH_H

/* One datagram of sock_diag's answer at its longest (net/netlink/af_netlink.c). */
enum { SCRATCH_SIZE = 32768 };

struct scratch {
    _Alignas(16) char bytes[SCRATCH_SIZE];
};

#endif
