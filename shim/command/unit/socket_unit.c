/* SPDX-License-Identifier: MIT
 *
 * Contract in socket_unit.h.
 */
#include "socket_unit.h"

#include "reuseshim/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".socket";

static void tell(const struct plan *plan, const char *name, bool in_use)
{
    if (in_use)
        command_error("unit: systemd itself binds the port of ", plan->unit, ", for ", name,
                      ": the drop-in does not help there; stop and disable ", name,
                      " and the service binds it, or see ReusePort= in systemd.socket(5)", (char *)NULL);
    printf("# %s %s: what it listens on is bound by systemd, outside of the library.\n",
           in_use ? "Started by" : "May be started by", name);
}

static bool ends_in_socket(const char *word, size_t length)
{
    const size_t end = sizeof suffix - 1;
    return length > end && strncmp(word + length - end, suffix, end) == 0;
}

/* "foo.socket" of "foo.service" and, unless it has been told already, of those that systemd knows to start
 * it. */
void socket_units_tell(const struct plan *plan)
{
    char own[256] = "", name[256];
    snprintf(own, sizeof own, "%.*s%s", (int)(strlen(plan->unit) - sizeof ".service" + 1), plan->unit,
             suffix);
    struct socket_facts facts = unit_socket_ask(own, plan->unit);
    if (facts.starts_it && facts.has_port)
        tell(plan, own, facts.in_use);
    for (const char *at = plan->facts.values[UNIT_TRIGGERED_BY]; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        if (ends_in_socket(at, length) && !(facts.starts_it && strcmp(name, own) == 0) &&
            unit_socket_ask(name, plan->unit).has_port)
            tell(plan, name, true);
        at += length;
    }
}
