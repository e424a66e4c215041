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

/* One character of a JSON string, unescaped; where the next one begins. */
static const char *unescape(struct text *text, const char *at, const char *end)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    const char *known;
    uint32_t code = 0;
    if (*at != '\\' || end - at < 2) {
        text_char(text, *at);
        return at + 1;
    }
    if (at[1] != 'u' || end - at < 6) {
        known = strchr(letters, at[1]);
        text_char(text, known ? bytes[known - letters] : at[1]);
        return at + 2;
    }
    for (int i = 2; i < 6; i++) {
        known = memchr("0123456789abcdef", at[i] | 0x20, 16);
        code = code << 4 | (known ? (uint32_t)(known - "0123456789abcdef") & 15 : 0);
    }
    /* Our records escape control characters alone. */
    text_char(text, code && code < 0x80 ? (char)code : '?');
    return at + 6;
}

/* A key is what the string means; it is made fit for a terminal, or for JSON, when it is printed. */
static void add_slice(struct text *text, const struct slice *slice, const char *otherwise)
{
    enum { SHOWN = 110 }; /* the longest AF_UNIX path is 107 */
    size_t start = text->used;
    if (slice->start == NULL)
        text_string(text, otherwise);
    for (size_t i = 0; i < slice->length && text->used - start < SHOWN;)
        i = (size_t)(unescape(text, slice->start + i, slice->start + slice->length) - slice->start);
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
              is(&record->holder_owner, owner_word(OWNER_NONE))     ? "no process"
              : is(&record->holder_owner, owner_word(OWNER_HIDDEN)) ? "hidden process"
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
    if (!is(&record->event, event_word(EVENT_CONFLICT)))
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
        damage->file = file;
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

/* What stands in a record or a file name goes to the terminal. */
static void print_escaped(const char *string)
{
    char line[1024];
    struct text text = text_in(line, sizeof line);
    text_escaped(&text, string, strlen(string));
    fputs(text_end(&text), stdout);
}

static void show_row(uint64_t count, uint64_t total, const char *key)
{
    char number[32];
    printf("  %13s  %5.1f %%  ", grouped(number, count), 100.0 * (double)count / (double)total);
    print_escaped(key);
    puts("");
}

static void show_tally(struct tally *tally, const char *title, unsigned top)
{
    uint64_t rest = tally->others;
    if (tally->total == 0)
        return;
    tally_sort(tally);
    puts("");
    terminal_paint(stdout, PAINT_LABEL, title);
    puts("");
    for (uint32_t i = 0; i < tally->count; i++) {
        if (i < top)
            show_row(tally->rows[i].count, tally->total, tally->rows[i].key);
        else
            rest += tally->rows[i].count;
    }
    if (rest)
        show_row(rest, tally->total, "others");
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
    for (uint64_t i = 0; i < summary->damaged && i < DAMAGED_NAMED; i++) {
        print_escaped(summary->damage[i].file);
        printf(":%llu: not a record: %s\n", (unsigned long long)summary->damage[i].line,
               summary->damage[i].trouble);
    }
    if (summary->damaged > DAMAGED_NAMED)
        printf("%s lines are not records, the first %d are shown\n", grouped(number, summary->damaged),
               DAMAGED_NAMED);
    if (summary->lost)
        printf("%s record%s lost, unwritten\n", grouped(number, summary->lost),
               summary->lost == 1 ? " was" : "s were");
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
