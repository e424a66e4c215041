/* SPDX-License-Identifier: MIT
 *
 * Contract in timeline.h.
 */
#include "timeline.h"

#include <string.h>
#include <time.h>

/* Down to a multiple; C rounds towards zero. */
static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* Each is a multiple of the one before it; then they double. */
static int64_t next_width(int64_t width)
{
    static const int64_t widths[] = {1, 5, 15, 60, 300, 900, 3600, 21600, 86400};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i] > width)
            return widths[i];
    return width * 2;
}

/* The start goes down to a multiple of the new width; several parts become one. */
static void widen(struct timeline *timeline)
{
    struct timeline wider = {.width = next_width(timeline->width)};
    int64_t times = wider.width / timeline->width;
    wider.start = floor_to(timeline->start, wider.width);
    int64_t odd = (timeline->start - wider.start) / timeline->width;
    for (int i = 0; i < TIMELINE_PARTS; i++)
        wider.counts[(i + odd) / times] += timeline->counts[i];
    *timeline = wider;
}

static int last_used(const struct timeline *timeline)
{
    int last = TIMELINE_PARTS - 1;
    while (last > 0 && timeline->counts[last] == 0)
        last--;
    return last;
}

/* Makes room at the front, if there is enough at the end. */
static bool shift(struct timeline *timeline, int64_t second)
{
    int64_t parts = (timeline->start - floor_to(second, timeline->width)) / timeline->width;
    if (parts + last_used(timeline) >= TIMELINE_PARTS)
        return false;
    memmove(timeline->counts + parts, timeline->counts,
            (size_t)(TIMELINE_PARTS - parts) * sizeof *timeline->counts);
    memset(timeline->counts, 0, (size_t)parts * sizeof *timeline->counts);
    timeline->start -= parts * timeline->width;
    return true;
}

void timeline_add(struct timeline *timeline, int64_t second)
{
    if (timeline->width == 0)
        *timeline = (struct timeline){.start = second, .width = 1};
    while ((second < timeline->start && !shift(timeline, second)) ||
           (second - timeline->start) / timeline->width >= TIMELINE_PARTS)
        widen(timeline);
    timeline->counts[(second - timeline->start) / timeline->width]++;
}

/* ---- drawing ---------------------------------------------------------------------------------------- */

static void draw_bar(FILE *file, uint64_t count, uint64_t most, bool unicode)
{
    static const char *const blocks[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const plain[] = {" ", ".", ".", ":", ":", "|", "|", "#", "#"};
    /* Whatever is there shows, however little. */
    size_t height = count ? 1 + (size_t)(count * 7 / most) : 0;
    fputs((unicode ? blocks : plain)[height], file);
}

static void draw_time(FILE *file, int64_t second)
{
    char text[32];
    struct tm parts;
    time_t then = (time_t)second;
    if (gmtime_r(&then, &parts) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &parts))
        fputs(text, file);
}

void timeline_write_width(FILE *file, int64_t seconds)
{
    if (seconds < 120 || seconds % 60)
        fprintf(file, "%lld s", (long long)seconds);
    else if (seconds < 7200 || seconds % 3600)
        fprintf(file, "%lld min", (long long)seconds / 60);
    else
        fprintf(file, "%lld h", (long long)seconds / 3600);
}

void timeline_draw(const struct timeline *timeline, FILE *file, int columns, bool unicode)
{
    uint64_t sums[TIMELINE_PARTS] = {0}, most = 0;
    int first = 0, last = last_used(timeline), used = 0;
    while (first < last && timeline->counts[first] == 0)
        first++;
    int group = (last - first + columns) / columns;
    for (int i = first; i <= last; i++) {
        sums[(i - first) / group] += timeline->counts[i];
        used = (i - first) / group + 1;
    }
    for (int i = 0; i < used; i++)
        most = sums[i] > most ? sums[i] : most;
    if (most == 0)
        return;
    fputs("  ", file);
    for (int i = 0; i < used; i++)
        draw_bar(file, sums[i], most, unicode);
    fputs("\n  from ", file);
    draw_time(file, timeline->start + first * timeline->width);
    fprintf(file, ", a column is ");
    timeline_write_width(file, timeline->width * group);
    fprintf(file, ", the highest %llu\n", (unsigned long long)most);
}
