/* SPDX-License-Identifier: MIT
 *
 * Contract in sources.h.
 */
#include "sources.h"

static const struct {
    const char *source, *doubt;
} sources[SYSTEM_COUNT] = {
    [SYSTEM_BSD] = {"4.4BSD-Lite2 sys/netinet/in_pcb.c 8.4", "it has no IPv6"},
    [SYSTEM_FREEBSD] = {"FreeBSD main, 14 and 9.3, sys/netinet/in_pcb.c",
                        "before 2025 sockets of several users pass in a few more cases"},
    [SYSTEM_OPENBSD] = {"OpenBSD sys/netinet/in_pcb.c and its regress list",
                        "until 2014 multicast was as in 4.4BSD"},
    [SYSTEM_NETBSD] = {"NetBSD sys/netinet/in_pcb.c of 2008 and of the 2020s",
                       "what is in TIME_WAIT lies in a table of its own"},
    [SYSTEM_MACOS] = {"XNU, eighteen releases from 10.0 to 15.4, bsd/netinet/in_pcb.c",
                      "read and not run; IPv6 is not modelled"},
    [SYSTEM_SOLARIS] = {"OpenSolaris uts/common/inet: tcp_bind.c, udp.c",
                        "11.4 has SO_REUSEPORT, whose rule is not public"},
    [SYSTEM_ILLUMOS] = {"illumos issue 12455, in the trees of illumos-joyent", "whether illumos-gate has it"},
    [SYSTEM_WINDOWS] = {"Microsoft, Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE: the tables",
                        "published, not run; what connections and TIME_WAIT do"},
    [SYSTEM_WINDOWS_XP] = {"the same page, the first table",
                           "published, not run; what connections and TIME_WAIT do"},
    [SYSTEM_LINUX_2_6] = {"Linux 2.6 and 3.x, inet_csk_bind_conflict(), udp_lib_lport_inuse()",
                          "read, not run"},
    [SYSTEM_LINUX] = {"Linux 6.18, and the kernel itself (tests/kernel)", ""},
    [SYSTEM_ANDROID] = {"Linux; each app is a user",
                        "13 and later refuse some ports with EPERM; vendors' kernels"},
};

const char *system_source(enum system system)
{
    return sources[system].source;
}

const char *system_doubt(enum system system)
{
    return sources[system].doubt;
}
