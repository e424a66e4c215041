/* SPDX-License-Identifier: MIT
 *
 * Contract in summary.h.
 */
#include "summary.h"

#include "../terminal.h"
#include "reuseshim/record.h"

#include <stdio.h>
#include <string.h>

/* ---- taking in -------------------------------------------------------------------------------------- */

static bool is(const struct slice *slice, const char *word)
{
    return slice->start && slice->length == strlen(word) && memcmp(slice->start, word, slice->length) == 0;
}

/* The bytes of a JSON string are its escaped form, in which no control character is left. */
static void add_slice(struct text *text, const struct slice *slice, const char *otherwise)
{
    enum { SHOWN = 60 };
    if (slice->start)
        text_escaped(text, slice->start, slice->length < SHOWN ? slice->length : SHOWN);
    else
        text_string(text, otherwise);
}

/* "tcp 8080", "unix /run/x.sock" */
static void add_port(struct tally *tally, const struct record_line *record)
{
    char key[TALLY_KEY];
    struct text text = text_in(key, sizeof key);
    add_slice(&text, &record->protocol, "?");
    text_char(&text, ' ');
    if (record->local_port >= 0)
        text_unsigned(&text, (uint64_t)record->local_port);
    else
        add_slice(&text, &record->local_path, "?");
    text_end(&text);
    tally_add(tally, key, text.used);
}

/* "nginx, LISTEN", "no process, TIME_WAIT" */
static void add_holder(struct tally *tally, const struct record_line *record)
{
    char key[TALLY_KEY];
    struct text text = text_in(key, sizeof key);
    if (record->holder_state.start == NULL) {
        tally_add(tally, "not known", strlen("not known"));
        return;
    }
    add_slice(&text, &record->holder_program,
              is(&record->holder_owner, "none")     ? "no process"
              : is(&record->holder_owner, "hidden") ? "hidden process"
                                                    : "unknown process");
    text_string(&text, ", ");
    add_slice(&text, &record->holder_state, "?");
    text_end(&text);
    tally_add(tally, key, text.used);
}

static void add_name(struct tally *tally, const struct slice *slice)
{
    char key[TALLY_KEY];
    struct text text = text_in(key, sizeof key);
    add_slice(&text, slice, "not known");
    text_end(&text);
    tally_add(tally, key, text.used);
}

void summary_add(struct summary *summary, const struct record_line *record)
{
    if (summary->records == 0 || record->time_us < summary->first_us)
        summary->first_us = record->time_us;
    if (summary->records == 0 || record->time_us > summary->last_us)
        summary->last_us = record->time_us;
    summary->records++;
    summary->lost += record->lost;
    add_name(&summary->events, &record->event);
    if (!is(&record->event, "conflict"))
        return;
    summary->conflicts++;
    add_port(&summary->ports, record);
    add_name(&summary->causes, &record->cause);
    add_holder(&summary->holders, record);
    add_name(&summary->programs, &record->program);
    timeline_add(&summary->timeline, record->time_us / 1000000);
}

void summary_add_damage(struct summary *summary, const char *file, uint64_t line, const char *trouble)
{
    if (summary->damaged < DAMAGED_NAMED) {
        struct damage *damage = &summary->damage[summary->damaged];
        snprintf(damage->file, sizeof damage->file, "%s", file);
        damage->line = line;
        damage->trouble = trouble;
    }
    summary->damaged++;
}

/* ---- telling ---------------------------------------------------------------------------------------- */

/* 1000000 as "1,000,000". */
static const char *grouped(char buffer[32], uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), used = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            buffer[used++] = ',';
        buffer[used++] = digits[i];
    }
    buffer[used] = '\0';
    return buffer;
}

static void show_tally(struct tally *tally, const char *title, unsigned top)
{
    char number[32];
    uint64_t rest = tally->others;
    if (tally->total == 0)
        return;
    tally_sort(tally);
    puts("");
    terminal_paint(stdout, PAINT_LABEL, title);
    puts("");
    for (uint32_t i = 0; i < tally->count; i++) {
        if (i < top)
            printf("  %13s  %5.1f %%  %s\n", grouped(number, tally->rows[i].count),
                   100.0 * (double)tally->rows[i].count / (double)tally->total, tally->rows[i].key);
        else
            rest += tally->rows[i].count;
    }
    if (rest)
        printf("  %13s  %5.1f %%  others\n", grouped(number, rest),
               100.0 * (double)rest / (double)tally->total);
}

static void show_head(const struct summary *summary)
{
    char number[32], first[40], last[40];
    struct text from = text_in(first, sizeof first), to = text_in(last, sizeof last);
    printf("%s record%s", grouped(number, summary->records), summary->records == 1 ? "" : "s");
    if (summary->records) {
        time_write(&from, summary->first_us / 1000000 * 1000000000, false);
        time_write(&to, summary->last_us / 1000000 * 1000000000, false);
        printf(", %s to %s", text_end(&from), text_end(&to));
    }
    puts("");
    for (uint64_t i = 0; i < summary->damaged && i < DAMAGED_NAMED; i++)
        printf("%s:%llu: no record: %s\n", summary->damage[i].file,
               (unsigned long long)summary->damage[i].line, summary->damage[i].trouble);
    if (summary->damaged > DAMAGED_NAMED)
        printf("%s lines are no records, these are the first\n", grouped(number, summary->damaged));
    if (summary->lost)
        printf("%s more could not be written when they were due\n", grouped(number, summary->lost));
}

void summary_show(struct summary *summary, unsigned top)
{
    int columns = terminal_width(stdout) - 4;
    show_head(summary);
    if (summary->records > summary->conflicts)
        show_tally(&summary->events, "events", top);
    if (summary->conflicts == 0)
        return;
    puts("");
    terminal_paint(stdout, PAINT_LABEL, "conflicts");
    puts("");
    timeline_draw(&summary->timeline, stdout, columns, terminal_has_unicode());
    show_tally(&summary->ports, "by port", top);
    show_tally(&summary->causes, "by cause", top);
    show_tally(&summary->holders, "by holder", top);
    show_tally(&summary->programs, "by program", top);
}

static void json_tally(struct tally *tally, const char *name, unsigned top)
{
    char quoted[TALLY_KEY * 6 + 8];
    uint64_t rest = tally->others;
    tally_sort(tally);
    printf(",\"%s\":[", name);
    for (uint32_t i = 0; i < tally->count; i++) {
        struct text text = text_in(quoted, sizeof quoted);
        if (i >= top) {
            rest += tally->rows[i].count;
            continue;
        }
        text_json(&text, tally->rows[i].key, strlen(tally->rows[i].key));
        printf("%s{\"name\":%s,\"count\":%llu}", i ? "," : "", text_end(&text),
               (unsigned long long)tally->rows[i].count);
    }
    printf("],\"%s_others\":%llu", name, (unsigned long long)rest);
}

static void json_time(const char *name, bool known, int64_t microseconds)
{
    char buffer[40];
    struct text text = text_in(buffer, sizeof buffer);
    time_write(&text, microseconds * 1000, true);
    if (known)
        printf(",\"%s\":\"%s\"", name, text_end(&text));
    else
        printf(",\"%s\":null", name);
}

void summary_json(struct summary *summary, unsigned top)
{
    const struct timeline *timeline = &summary->timeline;
    printf("{\"records\":%llu,\"conflicts\":%llu,\"damaged\":%llu,\"lost\":%llu",
           (unsigned long long)summary->records, (unsigned long long)summary->conflicts,
           (unsigned long long)summary->damaged, (unsigned long long)summary->lost);
    json_time("first", summary->records > 0, summary->first_us);
    json_time("last", summary->records > 0, summary->last_us);
    json_tally(&summary->events, "events", top);
    json_tally(&summary->ports, "ports", top);
    json_tally(&summary->causes, "causes", top);
    json_tally(&summary->holders, "holders", top);
    json_tally(&summary->programs, "programs", top);
    json_time("timeline_start", timeline->width > 0, timeline->start * 1000000);
    printf(",\"timeline_seconds\":%lld,\"timeline\":[", (long long)timeline->width);
    for (int i = 0; timeline->width && i < TIMELINE_PARTS; i++)
        printf("%s%llu", i ? "," : "", (unsigned long long)timeline->counts[i]);
    puts("]}");
}
