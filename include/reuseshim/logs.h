/* SPDX-License-Identifier: MIT
 *
 * Where records can go: the only list of it.
 */
#ifndef REUSESHIM_LOGS_H
#define REUSESHIM_LOGS_H

/* NAME, how REUSESHIM_LOG says it, and the function of shim/record that opens it (sinks.h). */
#define LOGS(_)                                                                                              \
    _(AUTO, "auto", sink_open_auto)                                                                          \
    _(STDERR, "stderr", sink_open_stderr)                                                                    \
    _(JOURNAL, "journal", sink_open_journal)                                                                 \
    _(SYSLOG, "syslog", sink_open_syslog)                                                                    \
    _(FD, "fd:N", sink_open_fd)                                                                              \
    _(FILE, "an absolute path", sink_open_file)                                                              \
    _(NONE, "none", sink_open_none)

#define LOG_ENUMERATOR(name, ...) LOG_##name,
enum log_kind { LOGS(LOG_ENUMERATOR) LOG_COUNT };

#endif
