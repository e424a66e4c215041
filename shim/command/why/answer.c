/* SPDX-License-Identifier: MIT
 *
 * Contract in answer.h.
 */
#include "answer.h"

#include "../terminal.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

enum { DETAILS_SIZE = 1 << 15, COLUMN_MAX = 64 };

/* ---- words ------------------------------------------------------------------------------------------ */

static const char *refusal_verdict(const struct probe *probe)
{
    switch (probe->error) {
    case EADDRNOTAVAIL:
        return "not to be had (EADDRNOTAVAIL)";
    case EACCES:
        return "not allowed (EACCES)";
    case EPERM:
        return "not allowed (EPERM)";
    default:
        return "not to be bound (EINVAL)";
    }
}

const char *answer_verdict(const struct probe *probe)
{
    if (probe->conflict.refusal.found)
        return refusal_verdict(probe);
    switch (probe->error) {
    case 0:
        return "free";
    case EADDRINUSE:
        return "in use";
    case EACCES:
        if (!endpoint_is_internet(&probe->local))
            return "not allowed (EACCES)";
        return probe_is_refused(probe) ? "in use, by the rule; not allowed to try (EACCES)"
                                       : "not allowed to try (EACCES), and not certain by the rule";
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
    return probe_is_refused(probe) ? PAINT_BAD : probe_is_free(probe) ? PAINT_GOOD : PAINT_UNSURE;
}

void answer_address(struct text *text, const struct endpoint *local, const char *device)
{
    char name[IF_NAMESIZE] = "";
    const char *scope = local->scope && if_indextoname(local->scope, name) ? name : device;
    endpoint_write_on(text, local, scope);
}

bool answer_is_plain(const struct probe *probe)
{
    return !probe_is_refused(probe) && !probe->conflict.refusal.found && probe->conflict.holder_count == 0;
}

void answer_subject(struct text *protocol, struct text *address, const struct probe *probe)
{
    protocol_write(protocol, probe->local.family, -1, probe->protocol);
    if (probe->local.family == AF_UNIX && probe->type == SOCK_DGRAM)
        text_string(protocol, " dgram");
    if (probe->local.family == AF_UNIX)
        unix_path_write(address, &probe->path);
    else
        answer_address(address, &probe->local, probe->device);
    if (probe->last_port) {
        text_char(address, '-');
        text_unsigned(address, probe->last_port);
    }
}

/* ---- details ---------------------------------------------------------------------------------------- */

/* Who is there without being in the way. */
static void write_present(struct text *text, const struct conflict *conflict, uint32_t shown)
{
    uint32_t listed = conflict->holder_count < shown ? conflict->holder_count : shown;
    for (uint32_t i = 0; i < listed; i++) {
        text_strings(text, "\n", label_word(LABEL_BESIDE));
        record_write_holder(text, conflict, &conflict->holders[i]);
    }
    record_write_omitted(text, conflict, "\n", listed);
}

static void write_lines(struct text *text, const void *context, uint32_t shown)
{
    const struct probe *probe = context;
    if (probe_is_refused(probe) || probe->conflict.refusal.found)
        record_write_details(text, &probe->record, "\n", shown);
    else
        write_present(text, &probe->conflict, shown);
}

/* Lines, each with its end. */
static void write_details(char details[DETAILS_SIZE], const struct probe *probe)
{
    struct text text = record_fitted(details, DETAILS_SIZE - 1, write_lines, probe);
    if (text.full || text.used == 0) {
        details[0] = '\0';
        return;
    }
    memmove(details, details + 1, text.used - 1); /* each begins with its line break */
    details[text.used - 1] = '\n';
    details[text.used] = '\0';
}

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

/* A line as "LABEL  REST", the label in a colour of its own. */
static void print_line(int indent, const char *label, const char *rest, size_t length)
{
    char padded[RECORD_LABEL + 1];
    snprintf(padded, sizeof padded, "%-*.*s", RECORD_LABEL, RECORD_LABEL, label);
    terminal_labelled(stdout, indent, padded, rest, length);
}

/* What stands above already is not repeated: of holders it is said that they are the same, of cures that they
 * are as above. */
static void print_details(char details[][DETAILS_SIZE], size_t at, int indent)
{
    static const struct {
        enum label label;
        const char *words;
    } again[] = {{LABEL_HELD_BY, "the same"}, {LABEL_CURE, "as above"}};
    bool told[2] = {false, false};
    for (const char *line = details[at], *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (!is_said(details, at, line, (size_t)(end + 1 - line))) {
            print_line(indent, line, line + RECORD_LABEL, (size_t)(end - line - RECORD_LABEL));
            continue;
        }
        for (int i = 0; i < 2; i++) {
            const char *label = label_word(again[i].label);
            if (!told[i] && strncmp(line, label, RECORD_LABEL) == 0) {
                print_line(indent, label, again[i].words, strlen(again[i].words));
                told[i] = true;
            }
        }
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
    static char details[PROBES_MAX][DETAILS_SIZE];
    char protocols[PROBES_MAX][COLUMN_MAX], addresses[PROBES_MAX][2 * COLUMN_MAX];
    int wide = 0, far = 0;
    for (size_t i = 0; i < count; i++) {
        struct text protocol = text_in(protocols[i], sizeof protocols[i]);
        struct text address = text_in(addresses[i], sizeof addresses[i]);
        answer_subject(&protocol, &address, &probes[i]);
        text_end(&protocol);
        text_end(&address);
        write_details(details[i], &probes[i]);
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

static void write_record(struct text *text, const void *context, uint32_t shown)
{
    record_write_json(text, context, shown);
}

void answer_json(const struct probe *probes, size_t count)
{
    static char buffer[2 * RECORD_BUFFER_SIZE];
    for (size_t i = 0; i < count; i++) {
        struct text text = record_fitted(buffer, sizeof buffer, write_record, &probes[i].record);
        fputs(text_end(&text), stdout);
    }
}
