/* SPDX-License-Identifier: MIT
 *
 * Contract in notes.h.
 */
#include "notes.h"

#include "../terminal.h"
#include "reuseshim/proc.h"
#include "users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Behind the shortest protocol, where most answers have their lines. */
enum { INDENT = 5 };

static void show(const char *label, const char *line)
{
    terminal_labelled(stdout, INDENT, label, line, strlen(line));
}

/* ---- users ------------------------------------------------------------------------------------------ */

/* Everybody knows who 0 is. */
static void take_user(struct notes *notes, bool known, uint32_t uid)
{
    bool is_new = known && uid != 0 && notes->user_count < NOTED_USERS_MAX;
    for (size_t i = 0; i < notes->user_count; i++)
        is_new &= notes->users[i] != uid;
    if (is_new)
        notes->users[notes->user_count++] = uid;
}

static void take_holder(struct notes *notes, const struct conflict *conflict, const struct holder *holder)
{
    const struct owners *owners = &conflict->owners[holder->owners];
    notes->hidden |= holder->owner == OWNER_HIDDEN && conflict->hidden == HIDDEN_BY_PERMISSION;
    if (owners->count == 0)
        take_user(notes, holder->uid_known, holder->uid);
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        take_user(notes, owners->processes[i].uid_known, owners->processes[i].uid);
}

static void show_users(const struct notes *notes)
{
    char line[NOTED_USERS_MAX * 96];
    struct text text = text_in(line, sizeof line);
    for (size_t i = 0; i < notes->user_count; i++) {
        const char *name = user_name(notes->users[i]);
        if (name[0] == '\0')
            continue;
        text_string(&text, text.used ? ", uid " : "uid ");
        text_unsigned(&text, notes->users[i]);
        text_string(&text, " (");
        text_escaped(&text, name, strlen(name));
        text_string(&text, ")");
    }
    if (text.used)
        show("users    ", text_end(&text));
}

/* ---- automatic ports -------------------------------------------------------------------------------- */

static bool is_reserved(const char *list, uint16_t port)
{
    for (const char *at = list; *at >= '0' && *at <= '9';) {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (first <= port && port <= last)
            return true;
        at = end + (*end == ',');
    }
    return false;
}

/* "40000" or "40000-40010", behind what is there already. */
static void end_range(struct notes *notes)
{
    if (notes->last.first == 0)
        return;
    text_string(&notes->list, notes->list.used ? "," : "");
    text_unsigned(&notes->list, notes->last.first);
    if (notes->last.first != notes->last.last) {
        text_char(&notes->list, '-');
        text_unsigned(&notes->list, notes->last.last);
    }
    notes->last.first = 0;
}

static void take_port(struct notes *notes, uint16_t port)
{
    if (port < notes->automatic.first || port > notes->automatic.last || is_reserved(notes->reserved, port))
        return;
    if (notes->last.first && port >= notes->last.first && port <= notes->last.last + 1) {
        notes->last.last = port > notes->last.last ? port : notes->last.last;
        return;
    }
    end_range(notes);
    notes->last = (struct port_range){port, port};
}

static void show_automatic(struct notes *notes)
{
    char line[RESERVED_SIZE + 2 * NOTED_PORTS_SIZE + 256];
    struct text text = text_in(line, sizeof line);
    end_range(notes);
    if (notes->list.used == 0)
        return;
    const char *ports = notes->list.full ? "" : text_end(&notes->list);
    text_strings(&text, "a client's connection may be given ", ports[0] ? ports : "some of these",
                 " at any time: ");
    text_unsigned(&text, notes->automatic.first);
    text_char(&text, '-');
    text_unsigned(&text, notes->automatic.last);
    text_strings(&text, " is the range of automatic ports (net.ipv4.ip_local_port_range); to reserve it: ",
                 "sysctl -w net.ipv4.ip_local_reserved_ports=", notes->reserved,
                 notes->reserved[0] ? "," : "", ports[0] ? ports : "PORTS");
    show("note     ", text_end(&text));
}

/* ---- all of them ------------------------------------------------------------------------------------ */

void notes_begin(struct notes *notes)
{
    char text[64];
    unsigned first, last;
    *notes = (struct notes){.user_count = 0};
    notes->list = text_in(notes->ports, sizeof notes->ports);
    if (proc_read("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text) > 0 &&
        sscanf(text, "%u %u", &first, &last) == 2 && first <= last && last <= UINT16_MAX)
        notes->automatic = (struct port_range){(uint16_t)first, (uint16_t)last};
    ssize_t length =
        proc_read("/proc/sys/net/ipv4/ip_local_reserved_ports", notes->reserved, sizeof notes->reserved);
    /* A list that does not fit cannot be kept, so nothing is advised. */
    if (length == sizeof notes->reserved - 1)
        notes->automatic.last = 0;
    notes->reserved[strcspn(notes->reserved, "\n")] = '\0';
}

void notes_take(struct notes *notes, const struct probe *probes, size_t count, bool is_free)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t at = 0; at < probes[i].conflict.holder_count; at++)
            take_holder(notes, &probes[i].conflict, &probes[i].conflict.holders[at]);
    if (is_free && endpoint_is_internet(&probes[0].local) && probes[0].local.port)
        take_port(notes, probes[0].local.port);
}

void notes_show_hidden(const char *again)
{
    char line[8192];
    struct text text = text_in(line, sizeof line);
    if (again == NULL || geteuid() == 0)
        return;
    text_string(&text, "an owner is hidden from this user; this shows it: ");
    text_escaped(&text, again, strlen(again));
    show("next     ", text_end(&text));
}

void notes_show_line(const char *line)
{
    show("note     ", line);
}

void notes_show(struct notes *notes, const char *again)
{
    show_users(notes);
    if (notes->hidden)
        notes_show_hidden(again);
    show_automatic(notes);
}
