/* SPDX-License-Identifier: MIT
 *
 * Contract in page.h. page.html says how it looks and has the filters; here it gets what is in it. Without
 * its script the page still shows the table and the bars.
 */
#include "page.h"

#include "../terminal.h"
#include "../write_whole.h"
#include "reuseshim/causes.h"
#include "reuseshim/command.h"
#include "reuseshim/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The assembler takes the file itself, as for the policies; the Makefile rebuilds this object when it
 * changes. */
__asm__(".pushsection .rodata\n"
        ".hidden page_template\n.global page_template\npage_template:\n"
        ".incbin \"shim/command/log/page.html\"\n"
        ".byte 0\n.popsection");
extern const char page_template[] __attribute__((visibility("hidden")));

/* What all of the page's parts are made from. */
struct page {
    FILE *file;
    struct summary *summary;
    unsigned top;
    /* The bars: `parts` of them, each of `width` seconds, from `start` on. 0: no time is known. */
    int64_t start, width;
    int parts;
};

/* ---- text -------------------------------------------------------------------------------------------- */

static void write_plain(FILE *file, const char *string)
{
    for (; *string; string++) {
        if (*string == '&')
            fputs("&amp;", file);
        else if (*string == '<')
            fputs("&lt;", file);
        else if (*string == '>')
            fputs("&gt;", file);
        else
            fputc(*string, file);
    }
}

/* A name, which may be anything; for a text, not for the value of an attribute. */
static void write_name(FILE *file, const char *name)
{
    char line[TALLY_KEY * 4 + 1];
    struct text text = text_in(line, sizeof line);
    text_escaped(&text, name, strlen(name));
    write_plain(file, text_end(&text));
}

static void write_time(FILE *file, int64_t second)
{
    char line[40];
    struct text text = text_in(line, sizeof line);
    time_write(&text, second * 1000000000, false);
    /* "2026-11-21 12:00:00": a column says that it is UTC. */
    fprintf(file, "%.10s %.8s", text_end(&text), line + 11);
}

/* ---- parts of the page ------------------------------------------------------------------------------- */

/* The notes of the summary, as in a terminal. */
static void write_head(const struct page *page)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    if (memory == NULL)
        return;
    summary_show_head(page->summary, memory);
    fclose(memory);
    write_plain(page->file, text);
    free(text);
}

static void write_top(const struct page *page)
{
    fprintf(page->file, "%u", page->top);
}

static void write_when(const struct page *page)
{
    if (page->parts == 0) {
        fputs("hidden", page->file);
        return;
    }
    fprintf(page->file, "data-start=\"%lld\" data-width=\"%lld\" data-parts=\"%d\" data-step=\"",
            (long long)page->start, (long long)page->width, page->parts);
    timeline_write_width(page->file, page->width);
    fputs("\"", page->file);
}

/* How many fell into each bar. */
static void count_parts(const struct page *page, const struct timeline *timeline, uint64_t *counts)
{
    for (int i = 0; i < TIMELINE_PARTS; i++) {
        int64_t at = (timeline->start + i * timeline->width - page->start) / (page->width ? page->width : 1);
        if (timeline->counts[i] && at >= 0 && at < page->parts)
            counts[at] += timeline->counts[i];
    }
}

static void write_bars(const struct page *page)
{
    uint64_t counts[TIMELINE_PARTS] = {0}, most = 1;
    count_parts(page, &page->summary->timeline, counts);
    for (int i = 0; i < page->parts; i++)
        most = counts[i] > most ? counts[i] : most;
    for (int i = 0; i < page->parts; i++)
        fprintf(page->file, "<i><b style=\"height:%llu%%\"></b></i>",
                (unsigned long long)(counts[i] ? 3 + counts[i] * 97 / most : 0));
}

static void write_axis(const struct page *page)
{
    FILE *file = page->file;
    if (page->parts == 0)
        return;
    fputs("<span>", file);
    write_time(file, page->start);
    fputs("Z</span><span id=\"scale\">a bar is ", file);
    timeline_write_width(file, page->width);
    fputs("</span><span>", file);
    write_time(file, page->start + page->parts * page->width);
    fputs("Z</span>", file);
}

static void write_row_time(const struct page *page, const char *label, const struct occasion *row,
                           int64_t second)
{
    fprintf(page->file, "<td class=\"time\" data-label=\"%s\">", label);
    if (row->timed)
        write_time(page->file, second);
    fputs("</td>", page->file);
}

static void write_row(const struct page *page, const struct occasion *row)
{
    static const char *const labels[] = {[OCCASION_PORT] = "Port",
                                         [OCCASION_CAUSE] = "Cause",
                                         [OCCASION_HOLDER] = "Holder",
                                         [OCCASION_PROGRAM] = "Program"};
    uint64_t counts[TIMELINE_PARTS] = {0};
    unsigned long long count = row->count;
    count_parts(page, &row->timeline, counts);
    fprintf(page->file, "\n<tr data-count=\"%llu\" data-parts=\"", count);
    for (int i = 0; i < page->parts; i++)
        if (counts[i])
            fprintf(page->file, "%d:%llu ", i, (unsigned long long)counts[i]);
    fputs("\">", page->file);
    for (int i = 0; i < OCCASION_NAMES; i++) {
        fprintf(page->file, "<td data-label=\"%s\">", labels[i]);
        write_name(page->file, row->names[i]);
        fputs("</td>", page->file);
    }
    fprintf(page->file, "<td class=\"number\" data-label=\"Times\">%llu</td>", count);
    write_row_time(page, "First", row, row->first);
    write_row_time(page, "Last", row, row->last);
    fputs("</tr>", page->file);
}

static void write_rows(const struct page *page)
{
    const struct occasions *occasions = page->summary->occasions;
    for (uint32_t i = 0; i < occasions->count; i++)
        write_row(page, &occasions->rows[i]);
}

static void write_others(const struct page *page)
{
    const struct occasions *occasions = page->summary->occasions;
    if (occasions->count == 0)
        fputs("<p>Nothing was refused.</p>\n", page->file);
    if (occasions->others)
        fprintf(page->file,
                "<p>And %llu more, of other kinds: this page has the first %d kinds that came.</p>\n",
                (unsigned long long)occasions->others, OCCASIONS_MAX);
}

/* What the causes mean, of those that there are. */
static void write_causes(const struct page *page)
{
#define MEANING(name, word, plain, ...) {word, plain},
    static const struct {
        const char *word, *meaning;
    } causes[] = {CAUSES(MEANING)};
    const struct tally *tally = &page->summary->causes;
    bool any = false;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        for (uint32_t row = 0; row < tally->count; row++)
            if (strcmp(tally->rows[row].key, causes[i].word) == 0) {
                fputs(any ? "" : "<section><h2>Causes</h2><dl>\n", page->file);
                fprintf(page->file, "<dt>%s</dt><dd>", causes[i].word);
                write_plain(page->file, causes[i].meaning);
                fputs("</dd>\n", page->file);
                any = true;
            }
    fputs(any ? "</dl></section>\n" : "", page->file);
}

/* ---- all of it --------------------------------------------------------------------------------------- */

/* As many parts as there are, half of them where a telephone would be too narrow. */
static void choose_bars(struct page *page)
{
    enum { SHOWN = TIMELINE_PARTS / 2 };
    const struct timeline *timeline = &page->summary->timeline;
    int first = TIMELINE_PARTS, last = -1;
    for (int i = 0; i < TIMELINE_PARTS; i++)
        if (timeline->counts[i]) {
            first = first < i ? first : i;
            last = i;
        }
    if (last < 0)
        return;
    int group = last - first + 1 > SHOWN ? 2 : 1;
    page->start = timeline->start + first * timeline->width;
    page->width = timeline->width * group;
    page->parts = (last - first + group) / group;
}

static void write_template(const struct page *page)
{
    static const struct {
        const char *mark;
        void (*write)(const struct page *page);
    } parts[] = {{"{{head}}", write_head},     {"{{top}}", write_top},      {"{{when}}", write_when},
                 {"{{bars}}", write_bars},     {"{{axis}}", write_axis},    {"{{rows}}", write_rows},
                 {"{{others}}", write_others}, {"{{causes}}", write_causes}};
    const char *at = page_template, *mark;
    while ((mark = strstr(at, "{{")) != NULL) {
        fwrite(at, 1, (size_t)(mark - at), page->file);
        at = mark + 2;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (strncmp(mark, parts[i].mark, strlen(parts[i].mark)) == 0) {
                parts[i].write(page);
                at = mark + strlen(parts[i].mark);
            }
    }
    fputs(at, page->file);
}

bool page_write(struct summary *summary, const char *path, unsigned top)
{
    char *text = NULL;
    size_t length = 0;
    struct page page = {.file = open_memstream(&text, &length), .summary = summary, .top = top};
    if (page.file == NULL) {
        command_error("log: no memory", (char *)NULL);
        return false;
    }
    occasions_sort(summary->occasions);
    choose_bars(&page);
    write_template(&page);
    bool good = fclose(page.file) == 0;
    if (!good)
        command_error("log: no memory", (char *)NULL);
    else if (strcmp(path, "-") == 0)
        fwrite(text, 1, length, stdout); /* main tells if it cannot be written */
    else
        good = write_whole(path, text, length);
    free(text);
    return good;
}
