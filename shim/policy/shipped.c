/* SPDX-License-Identifier: MIT
 *
 * The policies of policies/, compiled in so that no file is needed at run time: in the command as they stand,
 * in the library without what the comments say, which nobody would read there.
 */
#include "reuseshim/policy.h"

#include <string.h>

#ifndef POLICIES
#define POLICIES "policies/"
#endif

/* The assembler takes the file itself: the two texts cannot come to differ. The Makefile rebuilds this
 * object when a policy changes and runs the compiler at the top of the tree. */
#define SHIP(id, name)                                                                                       \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".hidden policy_" #id "\n.global policy_" #id "\npolicy_" #id ":\n"                              \
            ".incbin \"" POLICIES name ".policy\"\n"                                                         \
            ".hidden policy_" #id "_end\n.global policy_" #id "_end\npolicy_" #id "_end:\n"                  \
            ".byte 0\n.popsection");                                                                         \
    extern const char policy_##id[] __attribute__((visibility("hidden")));                                   \
    extern const char policy_##id##_end[] __attribute__((visibility("hidden")));

#define SHIPPED(_)                                                                                           \
    _(restart, "restart")                                                                                    \
    _(restart_now, "restart-now")                                                                            \
    _(handover, "handover")                                                                                  \
    _(share, "share")                                                                                        \
    _(exclusive, "exclusive")                                                                                \
    _(multicast, "multicast")                                                                                \
    _(client, "client")                                                                                      \
    _(hole_punch, "hole-punch")                                                                              \
    _(ftp_data, "ftp-data")                                                                                  \
    _(audit, "audit")                                                                                        \
    _(as_bsd, "as-bsd")                                                                                      \
    _(as_freebsd, "as-freebsd")                                                                              \
    _(as_openbsd, "as-openbsd")                                                                              \
    _(as_netbsd, "as-netbsd")                                                                                \
    _(as_macos, "as-macos")                                                                                  \
    _(as_solaris, "as-solaris")                                                                              \
    _(as_windows, "as-windows")                                                                              \
    _(as_windows_xp, "as-windows-xp")                                                                        \
    _(as_linux_2_6, "as-linux-2.6")

SHIPPED(SHIP)

#define ROW(id, name) {name, policy_##id, policy_##id##_end},
const struct shipped_policy shipped_policies[] = {SHIPPED(ROW)};
const size_t shipped_policy_count = sizeof shipped_policies / sizeof *shipped_policies;

const struct shipped_policy *shipped_policy_find(const char *name)
{
    for (size_t i = 0; i < shipped_policy_count; i++)
        if (strcmp(shipped_policies[i].name, name) == 0)
            return &shipped_policies[i];
    return NULL;
}
