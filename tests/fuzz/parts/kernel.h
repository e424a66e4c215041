/* SPDX-License-Identifier: MIT
 *
 * A kernel that answers from the input: syscall(2), by which the library alone speaks to the kernel, with
 * files, folders, links, netlink sockets and a clock of its own. So the code under test is all of the
 * library, shim/base included, and nothing in it knows of the fuzzer.
 *
 * The sections of an input:
 *   %%knobs      bytes: how the kernel behaves (see kernel.c), 0 for the plainest way
 *   %%/proc/1/stat, %%stat    a file, by its path or the end of it; a link, where readlink(2) is asked
 *   %%task/      a folder: a name a line
 *   %%netlink    a datagram of a netlink socket, one after the other
 *   %%options    what getsockopt(2) says, an int each; %%ioctl the same of ioctl(2), %%name of getsockname(2)
 *   %%uname      the release of the kernel
 */
#ifndef REUSESHIM_FUZZ_KERNEL_H
#define REUSESHIM_FUZZ_KERNEL_H

#include "sections.h"

/* From now on it answers from these. */
void kernel_begin(struct sections *sections);
/* Expects that nothing has been left open or mapped. */
void kernel_end(void);
/* How many calls it has answered. */
unsigned kernel_calls(void);

#endif
