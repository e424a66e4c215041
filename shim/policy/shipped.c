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
 * object when a policy changes and runs the compiler at the top of the tree. The rows say how far behind them
 * a text begins and ends: addresses would be private memory in every process. */
struct row {
    char name[16];
    int32_t start, end;
};

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

#define TEXT(id, name) "policy_" #id ":\n.incbin \"" POLICIES name ".policy\"\npolicy_" #id "_end:\n.byte 0\n"
#define ROW(id, name)                                                                                        \
    "1: .ascii \"" name "\"\n.zero 16 - (. - 1b)\n"                                                          \
    ".long policy_" #id " - shipped_rows, policy_" #id "_end - shipped_rows\n"
__asm__(".pushsection .rodata\n" SHIPPED(
    TEXT) ".balign 4\n"
          ".hidden shipped_rows\n.global shipped_rows\nshipped_rows:\n" SHIPPED(ROW) ".popsection");
extern const struct row shipped_rows[] __attribute__((visibility("hidden")));

#define ONE(id, name) +1
const size_t shipped_policy_count = SHIPPED(ONE);

struct shipped_policy shipped_policy_at(size_t index)
{
    const struct row *row = &shipped_rows[index];
    const char *base = (const char *)shipped_rows;
    return (struct shipped_policy){row->name, base + row->start, base + row->end};
}

bool shipped_policy_find(const char *name, struct shipped_policy *policy)
{
    for (size_t i = 0; i < shipped_policy_count; i++)
        if (strcmp(shipped_rows[i].name, name) == 0) {
            *policy = shipped_policy_at(i);
            return true;
        }
    return false;
}
