/* SPDX-License-Identifier: MIT
 *
 * Contract in answer.h.
 */
#include "answer.h"

#include "../terminal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { DETAILS_SIZE = 1 << 15, COLUMN_MAX = 64 };

/* ---- words ------------------------------------------------------------------------------------------ */

const char *answer_verdict(const struct probe *probe)
{
    switch (probe->error) {
    case 0:
        return "free";
    case EADDRINUSE:
        return "in use";
    case EACCES:
        return probe_is_refused(probe) ? "in use" : "not allowed to try (EACCES)";
    case EADDRNOTAVAIL:
        return "no such address on this machine (EADDRNOTAVAIL)";
    case EAFNOSUPPORT:
        return "this machine does not have that family (EAFNOSUPPORT)";
    default:
        return strerror(probe->error);
    }
}

static enum paint paint_of(const struct probe *probe)
{
    return probe_is_refused(probe) ? PAINT_BAD : probe->error ? PAINT_UNSURE : PAINT_GOOD;
}

void answer_subject(struct text *protocol, struct text *address, const struct probe *probe)
{
    protocol_write(protocol, probe->local.family, -1, probe->protocol);
    if (probe->local.family == AF_UNIX)
        unix_path_write(address, &probe->path);
    else
        endpoint_write(address, &probe->local);
}

/* ---- details ---------------------------------------------------------------------------------------- */

/* "and 3 more": how many, of which some are connections. */
static void write_present(struct text *text, const struct conflict *conflict)
{
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        text_string(text, "also     ");
        record_write_holder(text, conflict, &conflict->holders[i]);
        text_char(text, '\n');
    }
    if (conflict->holders_omitted) {
        text_string(text, "and      ");
        text_unsigned(text, conflict->holders_omitted);
        text_string(text, " more\n");
    }
}

/* The lines of a text record without their prefix, and without the first one, which the verdict replaces. */
static void write_explanation(struct text *text, const struct probe *probe)
{
    static char whole[DETAILS_SIZE];
    struct text record = text_in(whole, sizeof whole);
    record_write_text(&record, &probe->record, HOLDERS_MAX);
    text_end(&record);
    for (const char *line = strchr(whole, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        const char *label = strstr(line + 1, "]   "), *end = strchr(line + 1, '\n');
        if (label && end)
            text_bytes(text, label + 4, (size_t)(end + 1 - (label + 4)));
    }
}

static void write_details(struct text *text, const struct probe *probe)
{
    if (probe->error == EADDRINUSE)
        write_explanation(text, probe);
    else
        write_present(text, &probe->conflict);
    text_end(text);
}

enum { LABEL = 9 };

static bool contains_line(const char *text, const char *line, size_t length)
{
    for (; *text; text += strcspn(text, "\n") + 1)
        if (strncmp(text, line, length) == 0)
            return true;
    return false;
}

/* Has one of the first `count` said it already? */
static bool is_said(char details[][DETAILS_SIZE], size_t count, const char *line, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (contains_line(details[i], line, length))
            return true;
    return false;
}

/* Each line with its label ("held by", "because", "cure", "also") in a colour of its own. What stands above
 * already is left out; of holders it is said that they are the same. */
static void print_details(char details[][DETAILS_SIZE], size_t at, int indent)
{
    bool same = false;
    for (const char *line = details[at], *end; *line; line = end + 1) {
        char label[LABEL + 1];
        end = strchr(line, '\n');
        bool said = is_said(details, at, line, (size_t)(end + 1 - line));
        if (said && (same || strncmp(line, "held by", 7) != 0))
            continue;
        same |= said;
        snprintf(label, sizeof label, "%.*s", LABEL, line);
        printf("%*s", indent, "");
        terminal_paint(stdout, PAINT_LABEL, label);
        printf("%.*s\n", said ? 8 : (int)(end - line - LABEL), said ? "the same" : line + LABEL);
    }
}

/* ---- all of it -------------------------------------------------------------------------------------- */

/* The index of an earlier probe that has the same to tell, -1 if there is none. */
static int same_as(char details[][DETAILS_SIZE], size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (details[at][0] && strcmp(details[i], details[at]) == 0)
            return (int)i;
    return -1;
}

void answer_show(const struct probe *probes, size_t count)
{
    enum { PROBES_SHOWN = 8 };
    static char details[PROBES_SHOWN][DETAILS_SIZE];
    char protocols[PROBES_SHOWN][COLUMN_MAX], addresses[PROBES_SHOWN][2 * COLUMN_MAX];
    int wide = 0, far = 0;
    count = count < PROBES_SHOWN ? count : PROBES_SHOWN;
    for (size_t i = 0; i < count; i++) {
        struct text protocol = text_in(protocols[i], sizeof protocols[i]);
        struct text address = text_in(addresses[i], sizeof addresses[i]);
        struct text text = text_in(details[i], DETAILS_SIZE);
        answer_subject(&protocol, &address, &probes[i]);
        text_end(&protocol);
        text_end(&address);
        write_details(&text, &probes[i]);
        wide = (int)protocol.used > wide ? (int)protocol.used : wide;
        far = (int)address.used > far ? (int)address.used : far;
    }
    for (size_t i = 0; i < count; i++) {
        int same = same_as(details, i);
        printf("%-*s  %-*s  ", wide, protocols[i], far, addresses[i]);
        terminal_paint(stdout, paint_of(&probes[i]), answer_verdict(&probes[i]));
        if (same >= 0)
            printf("%s as for %s %s", probes[i].error == EADDRINUSE ? "," : ", the same beside it",
                   protocols[same], addresses[same]);
        puts("");
        if (same < 0)
            print_details(details, i, wide + 2);
    }
}

void answer_json(const struct probe *probes, size_t count)
{
    static char buffer[RECORD_BUFFER_SIZE * 2];
    for (size_t i = 0; i < count; i++) {
        struct text text = text_in(buffer, sizeof buffer);
        record_write_json(&text, &probes[i].record, HOLDERS_MAX);
        fputs(text_end(&text), stdout);
    }
}
