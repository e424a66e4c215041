/* SPDX-License-Identifier: MIT
 *
 * The times that stand at the beginning of log lines.
 */
#ifndef REUSESHIM_COMMAND_LOG_TIME_H
#define REUSESHIM_COMMAND_LOG_TIME_H

#include "slice.h"

/* RFC 3339, as in records, and its relatives: "2026-11-21T12:00:00.123456Z", "2026-11-21 12:00:00 UTC",
 * "2026-11-21T12:00:00+0100". Microseconds since 1970, and where it ends; NULL if it is none. Where it does
 * not name its zone, or not by an offset, it is taken for the local one. */
const char *log_time_rfc3339(const struct slice *line, int64_t *microseconds);

/* What a line begins with, besides those also "Nov 25 10:00:00", of the year that makes it the last before
 * `now` (seconds since 1970), "Wed 2026-11-25 10:00:00 UTC" and "1795614823.788167". False if none of them.
 */
bool log_time_of_line(const struct slice *line, int64_t now, int64_t *microseconds);

#endif
