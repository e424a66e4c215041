/* SPDX-License-Identifier: MIT
 *
 * The systems: a row each. Contract in systems.h.
 */
#include "judges.h"

#include <errno.h>
#include <string.h>

#define BOTH (ASKS_ADDRESS | ASKS_PORT)

static const struct {
    char word[12], title[32];
    judge *judge;
    struct traits traits;
    char source[112], doubt[112];
} systems[SYSTEM_COUNT] = {
    [SYSTEM_BSD] = {"bsd",
                    "4.4BSD",
                    judge_bsd,
                    {.knows = BOTH, .v6_is_alone = true},
                    "4.4BSD-Lite2 sys/netinet/in_pcb.c 8.4",
                    "it has no IPv6"},
    [SYSTEM_FREEBSD] = {"freebsd",
                        "FreeBSD",
                        judge_bsd,
                        {.knows = BOTH | ASKS_BALANCED,
                         .users = USERS_FREEBSD,
                         .symmetric = true,
                         .dual_stack_unread = true},
                        "FreeBSD main, 14 and 9.3, sys/netinet/in_pcb.c",
                        "before 2025 sockets of several users pass in a few more cases"},
    [SYSTEM_OPENBSD] = {"openbsd",
                        "OpenBSD",
                        judge_bsd,
                        {.knows = BOTH, .users = USERS_OPENBSD, .symmetric = true, .v6_is_alone = true},
                        "OpenBSD sys/netinet/in_pcb.c and its regress list",
                        "until 2014 multicast was as in 4.4BSD"},
    [SYSTEM_NETBSD] = {"netbsd",
                       "NetBSD",
                       judge_bsd,
                       {.knows = BOTH, .users = USERS_NETBSD, .symmetric = true, .dual_stack_unread = true},
                       "NetBSD sys/netinet/in_pcb.c of 2008 and of the 2020s",
                       "what is in TIME_WAIT lies in a table of its own"},
    [SYSTEM_MACOS] = {"macos",
                      "macOS, iOS",
                      judge_bsd,
                      {.knows = BOTH, .users = USERS_MACOS, .dual_stack_unread = true},
                      "XNU, eighteen releases from 10.0 to 15.4, bsd/netinet/in_pcb.c",
                      "read and not run; IPv6 is not modelled"},
    [SYSTEM_SOLARIS] = {"solaris",
                        "Solaris",
                        judge_solaris,
                        {.knows = ASKS_ADDRESS | ASKS_EXCLUSIVE},
                        "OpenSolaris uts/common/inet: tcp_bind.c, udp.c",
                        "11.4 has SO_REUSEPORT, whose rule is not public"},
    [SYSTEM_ILLUMOS] = {"illumos",
                        "illumos with SO_REUSEPORT",
                        judge_solaris,
                        {.knows = BOTH | ASKS_EXCLUSIVE},
                        "illumos issue 12455, in the trees of illumos-joyent",
                        "whether illumos-gate has it"},
    [SYSTEM_WINDOWS] = {"windows",
                        "Windows from 2003 on",
                        judge_windows,
                        {.knows = ASKS_ADDRESS | ASKS_EXCLUSIVE},
                        "Microsoft, Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE: the tables",
                        "published, not run; what connections and TIME_WAIT do"},
    [SYSTEM_WINDOWS_XP] = {"windows-xp",
                           "Windows to XP",
                           judge_windows,
                           {.knows = ASKS_ADDRESS | ASKS_EXCLUSIVE, .v6_is_alone = true, .classic = true},
                           "the same page, the first table",
                           "published, not run; what connections and TIME_WAIT do"},
    [SYSTEM_LINUX_2_6] = {"linux-2.6",
                          "Linux to 3.8",
                          judge_old_linux,
                          {.knows = ASKS_ADDRESS},
                          "Linux 2.6 and 3.x, inet_csk_bind_conflict(), udp_lib_lport_inuse()",
                          "read, not run"},
    [SYSTEM_LINUX] = {"linux",
                      "Linux",
                      judge_linux,
                      {.knows = BOTH},
                      "Linux 6.18, and the kernel itself (tests/kernel)",
                      ""},
    [SYSTEM_ANDROID] = {"android",
                        "Android",
                        judge_linux,
                        {.knows = BOTH},
                        "Linux; each app is a user",
                        "13 and later refuse some ports with EPERM; vendors' kernels"},
};

const char *system_word(enum system system)
{
    return systems[system].word;
}

const char *system_title(enum system system)
{
    return systems[system].title;
}

const char *system_source(enum system system)
{
    return systems[system].source;
}

const char *system_doubt(enum system system)
{
    return systems[system].doubt;
}

enum system system_find(const char *word)
{
    int at = 0;
    while (at < SYSTEM_COUNT && strcmp(systems[at].word, word) != 0)
        at++;
    return (enum system)at;
}

/* Rules for IPv4 that have not been read for both families together. */
static bool meets_unread(const struct bind_case *bind_case)
{
    bool found = false;
    for (size_t i = 0; i < bind_case->count && bind_case->traits->dual_stack_unread; i++)
        found |= are_of_two_families(&bind_case->existing[i], bind_case->newcomer);
    return found;
}

struct system_answer system_judge(enum system system, const struct system_socket *existing, size_t count,
                                  const struct system_socket *newcomer)
{
    const struct bind_case bind_case = {&systems[system].traits, existing, count, newcomer};
    uint8_t missing = newcomer->asks & (uint8_t)~systems[system].traits.knows;
    for (size_t i = 0; i < count; i++)
        missing |= existing[i].asks & (uint8_t)~systems[system].traits.knows;
    if (missing)
        return refused(ENOPROTOOPT, "it has no such option");
    struct system_answer answer = systems[system].judge(&bind_case);
    answer.unsure |= meets_unread(&bind_case);
    return answer;
}
