/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: `reuseshim log` from the bytes of a file (packed by gzip, too) to the sums, JSON and the page. A
 * record's words are text there, and nothing else.
 */
#define _GNU_SOURCE
#include "../../shim/command/log/input.h"
#include "../../shim/command/log/page.h"
#include "../../shim/command/log/summary.h"
#include "parts/expect.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void take_record(void *summary, const struct record_line *record)
{
    summary_add(summary, record);
}

static void take_damage(void *summary, uint64_t line, const char *trouble)
{
    summary_add_damage(summary, "file", line, trouble);
}

static void take_foreign(void *summary)
{
    ((struct summary *)summary)->foreign++;
}

static void no_progress(void *summary, uint64_t bytes)
{
    (void)summary;
    (void)bytes;
}

/* What stands between '<' and '>' is ours alone: the page has as many tags for a name as for another one, and
 * no script of somebody else. */
static void check_page(const char *page, size_t length)
{
    unsigned scripts = 0, styles = 0;
    expect_clean(page, length, "\n\t", "a page is clean");
    expect(length > 8 && memcmp(page + length - 8, "</html>\n", 8) == 0, "a page has an end");
    for (const char *at = page; (at = strcasestr(at, "<script")) != NULL; at++)
        scripts++;
    for (const char *at = page; (at = strcasestr(at, "<style")) != NULL; at++)
        styles++;
    expect(scripts <= 1 && styles <= 1, "a page has no scripts but its own");
    expect(strcasestr(page, "<img") == NULL && strcasestr(page, "<iframe") == NULL,
           "nor anything that loads");
}

/* What `tell` prints, in memory to be freed. */
static char *printed(struct summary *summary, size_t *length, void (*tell)(struct summary *, unsigned))
{
    char *text = NULL;
    FILE *terminal = stdout, *memory = open_memstream(&text, length);
    if (memory == NULL)
        abort();
    stdout = memory;
    tell(summary, 10);
    stdout = terminal;
    fclose(memory);
    return text;
}

static void write_page(struct summary *summary, unsigned top)
{
    expect(page_write(summary, "-", top), "a page is written");
}

static void check_all(struct summary *summary)
{
    size_t length;
    char *text = printed(summary, &length, summary_show);
    expect_clean(text, length, "\n", "the sums are clean");
    free(text);
    text = printed(summary, &length, summary_json);
    expect(length > 1 && text[length - 1] == '\n', "a line of JSON has an end");
    expect_clean(text, length - 1, "", "a line of JSON is clean");
    expect_json(text, length - 1, "the sums as JSON are JSON");
    free(text);
    text = printed(summary, &length, write_page);
    check_page(text, length);
    free(text);
}

/* All zero again; of the megabytes only what was used. */
static void empty_tally(struct tally *tally)
{
    memset(tally->rows, 0, tally->count * sizeof *tally->rows);
    memset(tally, 0, offsetof(struct tally, rows));
}

static void empty(struct summary *summary, struct occasions *occasions)
{
    struct tally *const tallies[] = {&summary->events, &summary->ports, &summary->causes, &summary->holders,
                                     &summary->programs};
    for (size_t i = 0; i < sizeof tallies / sizeof *tallies; i++)
        empty_tally(tallies[i]);
    memset(summary, 0, offsetof(struct summary, events));
    memset(&summary->timeline, 0, sizeof summary->timeline);
    memset(occasions->rows, 0, occasions->count * sizeof *occasions->rows);
    memset(occasions, 0, offsetof(struct occasions, rows));
    summary->occasions = occasions;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct summary summary;
    static struct occasions occasions;
    static struct input_room room;
    const struct records_taker taker = {&summary, take_record, take_damage, take_foreign};
    static FILE *nowhere;
    char path[40];
    if (nowhere == NULL) {
        nowhere = fopen("/dev/null", "w");
        if (nowhere == NULL || !input_room_make(&room))
            abort();
    }
    empty(&summary, &occasions);
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *terminal = stderr; /* what is damaged is complained of */
    stderr = nowhere;
    (void)input_read(path, &room, &taker, no_progress);
    stderr = terminal;
    close(fd);
    check_all(&summary);
    return 0;
}
