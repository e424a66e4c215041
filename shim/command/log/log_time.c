/* SPDX-License-Identifier: MIT
 *
 * Contract in log_time.h.
 */
#define _GNU_SOURCE /* memmem */
#include "log_time.h"

#include <string.h>
#include <time.h>

/* A place in a line; what is taken moves it on. */
struct scan {
    const char *at, *end;
};

struct moment {
    int64_t year, month, day, hour, minute, second, microseconds;
};

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_digits(struct scan *scan, int count, int64_t *value)
{
    uint64_t number;
    if (scan->end - scan->at < count || !text_to_number(scan->at, (size_t)count, UINT32_MAX, &number))
        return false;
    *value = (int64_t)number;
    scan->at += count;
    return true;
}

/* ".123456": as many digits as there are. */
static void take_fraction(struct scan *scan, int64_t *microseconds)
{
    int64_t digit, weight = 100000;
    *microseconds = 0;
    if (!take(scan, '.'))
        return;
    for (; take_digits(scan, 1, &digit); weight /= 10)
        *microseconds += digit * weight;
}

static bool take_clock(struct scan *scan, struct moment *moment)
{
    if (!take_digits(scan, 2, &moment->hour) || !take(scan, ':') || !take_digits(scan, 2, &moment->minute) ||
        !take(scan, ':') || !take_digits(scan, 2, &moment->second))
        return false;
    take_fraction(scan, &moment->microseconds);
    return moment->hour <= 23 && moment->minute <= 59 && moment->second <= 60;
}

static int64_t microseconds_of(const struct moment *moment)
{
    /* Years that begin with March have the leap day at their end. */
    int64_t shifted = moment->month < 3 ? moment->year - 1 : moment->year;
    int64_t since_march = moment->month < 3 ? moment->month + 9 : moment->month - 3;
    int64_t days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * since_march + 2) / 5 +
                   moment->day - 1 - 719468;
    return (((days * 24 + moment->hour) * 60 + moment->minute) * 60 + moment->second) * 1000000 +
           moment->microseconds;
}

static int64_t microseconds_of_local(const struct moment *moment)
{
    struct tm parts = {.tm_year = (int)moment->year - 1900,
                       .tm_mon = (int)moment->month - 1,
                       .tm_mday = (int)moment->day,
                       .tm_hour = (int)moment->hour,
                       .tm_min = (int)moment->minute,
                       .tm_sec = (int)moment->second,
                       .tm_isdst = -1};
    return (int64_t)mktime(&parts) * 1000000 + moment->microseconds;
}

/* "+01:00", "-0330": how much the clock is ahead, in microseconds. */
static bool take_offset(struct scan *scan, int64_t *ahead)
{
    int64_t hours, minutes = 0;
    struct scan here = *scan;
    bool behind = take(&here, '-');
    if ((!behind && !take(&here, '+')) || !take_digits(&here, 2, &hours))
        return false;
    take(&here, ':');
    take_digits(&here, 2, &minutes);
    *ahead = (hours * 60 + minutes) * (behind ? -60000000 : 60000000);
    *scan = here;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

const char *log_time_rfc3339(const struct slice *line, int64_t *microseconds)
{
    struct scan scan = {line->start, line->start + line->length};
    struct moment moment;
    int64_t ahead = 0;
    if (!take_digits(&scan, 4, &moment.year) || !take(&scan, '-') || !take_digits(&scan, 2, &moment.month) ||
        !take(&scan, '-') || !take_digits(&scan, 2, &moment.day) ||
        (!take(&scan, 'T') && !take(&scan, ' ')) || !take_clock(&scan, &moment) || moment.year < 1970 ||
        moment.year > 2261 || moment.month < 1 || moment.month > 12 || moment.day < 1 || moment.day > 31)
        return NULL;
    bool known = take(&scan, 'Z') || take_word(&scan, " UTC") || take_offset(&scan, &ahead);
    *microseconds = known ? microseconds_of(&moment) - ahead : microseconds_of_local(&moment);
    return scan.at;
}

/* "Nov 25 10:00:00.123456" */
static bool of_syslog(struct scan scan, int64_t now, int64_t *microseconds)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    enum { DAY = 86400 };
    struct moment moment;
    struct tm today;
    time_t then = (time_t)now;
    if (scan.end - scan.at < 3 || gmtime_r(&then, &today) == NULL)
        return false;
    const char *name = memmem(names, sizeof names - 1, scan.at, 3);
    if (name == NULL || (name - names) % 3)
        return false;
    moment.month = (name - names) / 3 + 1;
    scan.at += 3;
    if (!take(&scan, ' ') ||
        !(take(&scan, ' ') ? take_digits(&scan, 1, &moment.day) : take_digits(&scan, 2, &moment.day)) ||
        moment.day < 1 || moment.day > 31 || !take(&scan, ' ') || !take_clock(&scan, &moment))
        return false;
    moment.year = today.tm_year + 1900;
    *microseconds = microseconds_of_local(&moment);
    if (*microseconds / 1000000 > now + DAY) {
        moment.year--;
        *microseconds = microseconds_of_local(&moment);
    }
    return true;
}

/* "1795614823.788167": since 2001, seconds have ten digits. */
static bool of_seconds(struct scan scan, int64_t *microseconds)
{
    int64_t high, low, fraction;
    if (!take_digits(&scan, 5, &high) || !take_digits(&scan, 5, &low) || scan.at == scan.end ||
        *scan.at != '.' || high > 92000)
        return false;
    take_fraction(&scan, &fraction);
    *microseconds = (high * 100000 + low) * 1000000 + fraction;
    return true;
}

bool log_time_of_line(const struct slice *line, int64_t now, int64_t *microseconds)
{
    struct slice behind_day = *line;
    if (line->length > 4 && line->start[0] >= 'A' && line->start[0] <= 'Z' && line->start[3] == ' ')
        behind_day = slice_from(line, line->start + 4);
    struct scan scan = {line->start, line->start + line->length};
    return log_time_rfc3339(&behind_day, microseconds) || of_syslog(scan, now, microseconds) ||
           of_seconds(scan, microseconds);
}
