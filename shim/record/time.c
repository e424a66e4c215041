/* SPDX-License-Identifier: MIT
 *
 * The time of day as RFC 3339; gmtime_r(3) may take the time zone's lock. Contract in record.h.
 */
#include "reuseshim/record.h"

void time_write(struct text *text, int64_t nanoseconds, bool fraction)
{
    int64_t seconds = nanoseconds / 1000000000;
    int64_t days = seconds / 86400, rest = seconds % 86400;
    /* Days since 0000-03-01: with the leap day at its end, a year's months come out of one division. */
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097, day_of_era = shifted % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
    int64_t year = year_of_era + era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;

    text_padded(text, (uint64_t)year, 4);
    text_char(text, '-');
    text_padded(text, (uint64_t)month, 2);
    text_char(text, '-');
    text_padded(text, (uint64_t)day, 2);
    text_char(text, 'T');
    text_padded(text, (uint64_t)(rest / 3600), 2);
    text_char(text, ':');
    text_padded(text, (uint64_t)(rest / 60 % 60), 2);
    text_char(text, ':');
    text_padded(text, (uint64_t)(rest % 60), 2);
    if (fraction) {
        text_char(text, '.');
        text_padded(text, (uint64_t)(nanoseconds / 1000 % 1000000), 6);
    }
    text_char(text, 'Z');
}
