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

/* A key is what the slice means; it is made fit for a terminal, or for JSON, when it is printed. */
static void write_key(struct text *text, const struct record_line *record, const struct slice *slice,
                      const char *otherwise)
{
    enum { SHOWN = 110 }; /* the longest AF_UNIX path is 107 */
    if (slice->start)
        slice_decode(text, slice, record->encoding, SHOWN);
    else
        text_string(text, otherwise);
}

/* "tcp 8080", "unix /run/x.sock" */
static void write_port(struct text *text, const struct record_line *record)
{
    write_key(text, record, &record->protocol, "?");
    text_char(text, ' ');
    if (record->local_port >= 0)
        text_unsigned(text, (uint64_t)record->local_port);
    else
        write_key(text, record, &record->local_path, "?");
}

static void write_cause(struct text *text, const struct record_line *record)
{
    write_key(text, record, &record->cause, "not known");
}

/* "nginx.service, LISTEN", "container web, LISTEN", "nginx, LISTEN", "no process, TIME_WAIT" */
static void write_holder(struct text *text, const struct record_line *record)
{
    const struct slice *owner = &record->holder_owner;
    if (record->holder_state.start == NULL) {
        text_string(text, slice_is(&record->event, RECORD_REFUSED) ? "nobody" : "not known");
        return;
    }
    if (record->holder_container.start)
        text_string(text, "container ");
    write_key(text, record,
              record->holder_container.start ? &record->holder_container
              : record->holder_unit.start    ? &record->holder_unit
                                             : &record->holder_program,
              slice_is(owner, owner_word(OWNER_NONE))     ? "no process"
              : slice_is(owner, owner_word(OWNER_HIDDEN)) ? "hidden process"
                                                          : "unknown process");
    text_string(text, ", ");
    write_key(text, record, &record->holder_state, "?");
}

static void write_program(struct text *text, const struct record_line *record)
{
    write_key(text, record, &record->program, "not known");
}

static void add_time(struct summary *summary, int64_t time_us)
{
    bool first = summary->records == summary->untimed;
    if (first || time_us < summary->first_us)
        summary->first_us = time_us;
    if (first || time_us > summary->last_us)
        summary->last_us = time_us;
}

static void add_event(struct summary *summary, const struct record_line *record)
{
    char key[TALLY_KEY];
    struct text text = text_in(key, sizeof key);
    write_key(&text, record, &record->event, "?");
    text_end(&text);
    tally_add(&summary->events, key, text.used);
}

static void add_refusal(struct summary *summary, const struct record_line *record)
{
    static void (*const writers[])(struct text * text,
                                   const struct record_line *record) = {[OCCASION_PORT] = write_port,
                                                                        [OCCASION_CAUSE] = write_cause,
                                                                        [OCCASION_HOLDER] = write_holder,
                                                                        [OCCASION_PROGRAM] = write_program};
    struct tally *tallies[] = {[OCCASION_PORT] = &summary->ports,
                               [OCCASION_CAUSE] = &summary->causes,
                               [OCCASION_HOLDER] = &summary->holders,
                               [OCCASION_PROGRAM] = &summary->programs};
    char names[OCCASION_NAMES][TALLY_KEY] = {{0}};
    int64_t second = record->time_us / 1000000;
    for (int i = 0; i < OCCASION_NAMES; i++) {
        struct text text = text_in(names[i], TALLY_KEY);
        writers[i](&text, record);
        text_end(&text);
        tally_add(tallies[i], names[i], text.used);
    }
    if (record->timed)
        timeline_add(&summary->timeline, second);
    if (summary->occasions)
        occasions_add(summary->occasions, names, record->timed ? &second : NULL);
}

void summary_add(struct summary *summary, const struct record_line *record)
{
    bool conflict = slice_is(&record->event, event_word(EVENT_CONFLICT));
    bool refused = slice_is(&record->event, RECORD_REFUSED);
    if (record->timed)
        add_time(summary, record->time_us);
    else
        summary->untimed++;
    summary->records++;
    summary->lost += record->lost;
    summary->repeated += record->repeated > 0;
    add_event(summary, record);
    summary->conflicts += conflict;
    summary->refused += refused;
    if (conflict || refused)
        add_refusal(summary, record);
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
static void write_escaped(FILE *file, const char *string)
{
    char line[1024];
    struct text text = text_in(line, sizeof line);
    text_escaped(&text, string, strlen(string));
    fputs(text_end(&text), file);
}

static void show_row(uint64_t count, uint64_t total, const char *key)
{
    char number[32];
    printf("  %13s  %5.1f %%  ", grouped(number, count), 100.0 * (double)count / (double)total);
    write_escaped(stdout, key);
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

/* "1 record", "2,000 records" */
static void write_count(FILE *file, uint64_t count, const char *thing)
{
    char number[32];
    fprintf(file, "%s %s%s", grouped(number, count), thing, count == 1 ? "" : "s");
}

void summary_show_head(const struct summary *summary, FILE *file)
{
    char number[32], first[40], last[40];
    struct text from = text_in(first, sizeof first), to = text_in(last, sizeof last);
    write_count(file, summary->records, "record");
    if (summary->records > summary->untimed) {
        time_write(&from, summary->first_us / 1000000 * 1000000000, false);
        time_write(&to, summary->last_us / 1000000 * 1000000000, false);
        fprintf(file, ", %s to %s", text_end(&from), text_end(&to));
    }
    fputs("\n", file);
    if (summary->untimed)
        fprintf(file, "%s of them without a time\n", grouped(number, summary->untimed));
    if (summary->repeated)
        fprintf(file, "%s of them repeat%s one before\n", grouped(number, summary->repeated),
                summary->repeated == 1 ? "s" : "");
    if (summary->foreign) {
        write_count(file, summary->foreign, "other line");
        fputs("\n", file);
    }
    for (uint64_t i = 0; i < summary->damaged && i < DAMAGED_NAMED; i++) {
        write_escaped(file, summary->damage[i].file);
        fprintf(file, ":%llu: not a record: %s\n", (unsigned long long)summary->damage[i].line,
                summary->damage[i].trouble);
    }
    if (summary->damaged > DAMAGED_NAMED)
        fprintf(file, "%s lines are not records, the first %d are shown\n", grouped(number, summary->damaged),
                DAMAGED_NAMED);
    if (summary->lost)
        fprintf(file, "%s record%s lost, unwritten\n", grouped(number, summary->lost),
                summary->lost == 1 ? " was" : "s were");
}

static const char *title(const struct summary *summary)
{
    return summary->refused == 0     ? "conflicts"
           : summary->conflicts == 0 ? "refused for other reasons"
                                     : "conflicts, and what was refused for other reasons";
}

void summary_show(struct summary *summary, unsigned top)
{
    int columns = terminal_width(stdout) - 4;
    summary_show_head(summary, stdout);
    if (summary->records > summary->conflicts)
        show_tally(&summary->events, "events", top);
    if (summary->conflicts + summary->refused == 0)
        return;
    if (summary->timeline.width) {
        puts("");
        terminal_paint(stdout, PAINT_LABEL, title(summary));
        puts("");
        timeline_draw(&summary->timeline, stdout, columns, terminal_has_unicode());
    }
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
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"records", summary->records},   {"conflicts", summary->conflicts}, {"refused", summary->refused},
        {"repeated", summary->repeated}, {"untimed", summary->untimed},     {"damaged", summary->damaged},
        {"foreign", summary->foreign},   {"lost", summary->lost},
    };
    bool timed = summary->records > summary->untimed;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        printf("%s\"%s\":%llu", i ? "," : "{", counts[i].name, (unsigned long long)counts[i].count);
    json_time("first", timed, summary->first_us);
    json_time("last", timed, summary->last_us);
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
