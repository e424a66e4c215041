/* SPDX-License-Identifier: MIT
 *
 * The systems: a row each. Contract in systems.h.
 */
#include "judges.h"

#include <errno.h>
#include <string.h>

#define BOTH (ASKS_ADDRESS | ASKS_PORT)

/* No pointers: they are private memory in every process. */
enum family { FAMILY_BSD, FAMILY_SOLARIS, FAMILY_WINDOWS, FAMILY_OLD_LINUX, FAMILY_LINUX };

static const struct {
    char word[12], title[32];
    enum family family;
    struct traits traits;
} systems[SYSTEM_COUNT] = {
    [SYSTEM_BSD] = {"bsd", "4.4BSD", FAMILY_BSD, {.knows = BOTH, .v6_is_alone = true}},
    [SYSTEM_FREEBSD] = {"freebsd",
                        "FreeBSD",
                        FAMILY_BSD,
                        {.knows = BOTH | ASKS_BALANCED,
                         .users = USERS_FREEBSD,
                         .symmetric = true,
                         .dual_stack_unread = true}},
    [SYSTEM_OPENBSD] = {"openbsd",
                        "OpenBSD",
                        FAMILY_BSD,
                        {.knows = BOTH, .users = USERS_OPENBSD, .symmetric = true, .v6_is_alone = true}},
    [SYSTEM_NETBSD] = {"netbsd",
                       "NetBSD",
                       FAMILY_BSD,
                       {.knows = BOTH, .users = USERS_NETBSD, .symmetric = true, .dual_stack_unread = true}},
    [SYSTEM_MACOS] = {"macos",
                      "macOS",
                      FAMILY_BSD,
                      {.knows = BOTH, .users = USERS_MACOS, .dual_stack_unread = true}},
    [SYSTEM_SOLARIS] = {"solaris", "Solaris", FAMILY_SOLARIS, {.knows = ASKS_ADDRESS | ASKS_EXCLUSIVE}},
    [SYSTEM_ILLUMOS] = {"illumos",
                        "illumos with SO_REUSEPORT",
                        FAMILY_SOLARIS,
                        {.knows = BOTH | ASKS_EXCLUSIVE}},
    [SYSTEM_WINDOWS] = {"windows",
                        "Windows from 2003 on",
                        FAMILY_WINDOWS,
                        {.knows = ASKS_ADDRESS | ASKS_EXCLUSIVE}},
    [SYSTEM_WINDOWS_XP] = {"windows-xp",
                           "Windows to XP",
                           FAMILY_WINDOWS,
                           {.knows = ASKS_ADDRESS | ASKS_EXCLUSIVE, .v6_is_alone = true, .classic = true}},
    [SYSTEM_LINUX_2_6] = {"linux-2.6", "Linux to 3.8", FAMILY_OLD_LINUX, {.knows = ASKS_ADDRESS}},
    [SYSTEM_LINUX] = {"linux", "Linux", FAMILY_LINUX, {.knows = BOTH}},
    [SYSTEM_ANDROID] = {"android", "Android", FAMILY_LINUX, {.knows = BOTH}},
};

const char *system_word(enum system system)
{
    return systems[system].word;
}

const char *system_title(enum system system)
{
    return systems[system].title;
}

uint8_t system_options(enum system system)
{
    return systems[system].traits.knows;
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

static judge *judge_of(enum family family)
{
    switch (family) {
    case FAMILY_BSD:
        return judge_bsd;
    case FAMILY_SOLARIS:
        return judge_solaris;
    case FAMILY_WINDOWS:
        return judge_windows;
    case FAMILY_OLD_LINUX:
        return judge_old_linux;
    case FAMILY_LINUX:
    default:
        return judge_linux;
    }
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
    struct system_answer answer = judge_of(systems[system].family)(&bind_case);
    answer.unsure |= meets_unread(&bind_case);
    return answer;
}
