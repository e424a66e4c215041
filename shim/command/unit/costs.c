/* SPDX-License-Identifier: MIT
 *
 * Contract in costs.h.
 */
#include "costs.h"

#include <stdio.h>
#include <string.h>

static bool is(const struct plan *plan, enum property property, const char *word)
{
    return strcmp(plan->facts.values[property], word) == 0;
}

static bool is_set(const struct plan *plan, enum property property)
{
    return plan->facts.values[property][0] != '\0';
}

static bool lacks_netlink(const struct plan *plan)
{
    return !unit_allows(plan->facts.values[UNIT_FAMILIES], "AF_NETLINK");
}

static bool is_not_root(const struct plan *plan)
{
    return (is_set(plan, UNIT_USER) && !is(plan, UNIT_USER, "root")) || is(plan, UNIT_DYNAMIC_USER, "yes");
}

static bool hides_processes(const struct plan *plan)
{
    return is(plan, UNIT_PROTECT_PROC, "invisible") || is(plan, UNIT_PROTECT_PROC, "noaccess");
}

static bool has_own_network(const struct plan *plan)
{
    return is(plan, UNIT_PRIVATE_NETWORK, "yes");
}

static bool has_own_root(const struct plan *plan)
{
    return is_set(plan, UNIT_ROOT) || is_set(plan, UNIT_ROOT_IMAGE);
}

static bool has_environment_file(const struct plan *plan)
{
    return is_set(plan, UNIT_ENVIRONMENT_FILES);
}

static bool cannot_evict(const struct plan *plan)
{
    static const char capability[] = "cap_net_admin";
    bool evicts = false;
    for (size_t i = 0; i < plan->rules.count; i++)
        evicts |= plan->rules.rules[i].evict;
    bool bounded =
        !is_set(plan, UNIT_BOUNDING) || !unit_allows(plan->facts.values[UNIT_BOUNDING], capability);
    bool ambient = is_set(plan, UNIT_AMBIENT) && unit_allows(plan->facts.values[UNIT_AMBIENT], capability);
    return evicts && (bounded || (is_not_root(plan) && !ambient));
}

static const struct {
    bool (*applies)(const struct plan *plan);
    const char *lines;
} costs[] = {
    {lacks_netlink,
     "# RestrictAddressFamilies= lacks AF_NETLINK: holders come from /proc/net, which shows neither bound-only TCP\n"
     "# sockets nor cgroups, and nothing can be evicted. To have all of it:\n"
     "#RestrictAddressFamilies=AF_NETLINK\n"},
    {is_not_root,
     "# The service is not root: processes of other users are \"hidden\"; their cgroup still names the unit.\n"},
    {hides_processes, "# ProtectProc= hides the processes of other users; their sockets still show.\n"},
    {has_own_network,
     "# PrivateNetwork=: only sockets of the service's own network namespace show, and only they can be in "
     "the way.\n"},
    {has_own_root,
     "# RootDirectory= or RootImage=: the library, and a policy file, must be below that root, too.\n"},
    {has_environment_file,
     "# EnvironmentFile=: what it sets of LD_PRELOAD and REUSESHIM_* overrides this drop-in.\n"},
    {cannot_evict, "# evict needs CAP_NET_ADMIN; without it the policy waits. To have it:\n"
                   "#AmbientCapabilities=CAP_NET_ADMIN\n"},
};

static bool is_ours(const char *word, size_t length)
{
    static const char preload[] = "LD_PRELOAD", settings[] = "REUSESHIM_";
    return (length == sizeof preload - 1 && strncmp(word, preload, length) == 0) ||
           strncmp(word, settings, sizeof settings - 1) == 0;
}

/* The whole list is made anew, without what this drop-in sets. */
static void print_unset(const struct plan *plan)
{
    const char *list = plan->facts.values[UNIT_UNSET];
    bool any = false;
    for (const char *at = list; *at; at += strspn(at, " ")) {
        any |= is_ours(at, strcspn(at, " "));
        at += strcspn(at, " ");
    }
    if (!any)
        return;
    puts("# UnsetEnvironment= took away what is set here; the rest of it stays:\nUnsetEnvironment=");
    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (!is_ours(at, length))
            printf("UnsetEnvironment=%.*s\n", (int)length, at);
        at += length;
    }
}

void costs_print(const struct plan *plan)
{
    if (!plan->facts.asked)
        return;
    print_unset(plan);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (costs[i].applies(plan))
            fputs(costs[i].lines, stdout);
}
