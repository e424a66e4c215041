/* SPDX-License-Identifier: MIT
 *
 * Which kernel runs, where its rules or its answers have changed.
 */
#ifndef REUSESHIM_KERNEL_H
#define REUSESHIM_KERNEL_H

/* Compares as versions do. A distributor may bring in a single change from a later version. */
#define KERNEL(major, minor) ((unsigned)(major) << 16 | (unsigned)(minor))
enum { KERNEL_UNKNOWN = 0 };

/* Of a release as uname(2) gives it, "6.1.0-47-amd64"; KERNEL_UNKNOWN if it is none, or one that says to be
 * older than SO_REUSEPORT, which a personality (UNAME26) makes up. Pure. */
unsigned kernel_of_release(const char *release);

/* Asks by uname(2); async-signal-safe. */
unsigned kernel_version(void);

#endif
