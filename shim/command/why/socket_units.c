/* SPDX-License-Identifier: MIT
 *
 * Contract in socket_units.h.
 */
#include "socket_units.h"

#include "reuseshim/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "127.0.0.1:631 Stream cups.socket cups.service" */
static void take_line(struct socket_units *units, const char *line)
{
    char type[16];
    struct socket_unit *unit = calloc(1, sizeof *unit);
    if (unit == NULL)
        return;
    if (sscanf(line, "%79s %15s %127s", unit->local, type, unit->name) != 3 ||
        (strcmp(type, "Stream") != 0 && strcmp(type, "Datagram") != 0)) {
        free(unit);
        return;
    }
    snprintf(unit->protocol, sizeof unit->protocol, "%s", type[0] == 'S' ? "tcp" : "udp");
    unit->next = units->first;
    units->first = unit;
}

static void ask(struct socket_units *units)
{
    char line[512];
    FILE *list = popen(
        "systemctl list-sockets --show-types --full --no-legend --no-pager 2>/dev/null </dev/null", "re");
    units->asked = true;
    while (list && fgets(line, sizeof line, list))
        take_line(units, line);
    if (list)
        pclose(list);
}

const char *socket_unit(struct socket_units *units, const struct holder *holder)
{
    char local[80];
    struct text text = text_in(local, sizeof local);
    if (!units->asked)
        ask(units);
    endpoint_write(&text, &holder->local);
    text_end(&text);
    for (const struct socket_unit *unit = units->first; unit; unit = unit->next)
        if (strcmp(unit->local, local) == 0 &&
            strcmp(unit->protocol, protocol_find(holder->protocol)->word) == 0)
            return unit->name;
    return "";
}

void socket_units_free(struct socket_units *units)
{
    while (units->first) {
        struct socket_unit *next = units->first->next;
        free(units->first);
        units->first = next;
    }
}
