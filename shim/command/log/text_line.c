/* SPDX-License-Identifier: MIT
 *
 * What a log has put before a line of a record, and what of it is the library's. Contract in text_line.h.
 */
#define _GNU_SOURCE /* memrchr */
#include "text_line.h"

#include <string.h>

/* ---- one line ---------------------------------------------------------------------------------------- */

/* "746]", behind an opening bracket. */
static bool take_pid(struct slice *slice, uint64_t *pid)
{
    size_t digits = slice_digits(slice);
    if (!text_to_number(slice->start, digits, INT32_MAX, pid) || digits == slice->length ||
        slice->start[digits] != ']')
        return false;
    slice_skip(slice, digits + 1);
    return true;
}

/* "reuseshim[746] nginx: bind(...", "reuseshim[746]   held by  ..."; "reuseshim[746]: nginx: bind(...", where
 * the bracket is the log's. */
static bool read_own(struct text_line *line, const struct slice *whole)
{
    static const char mark[] = "reuseshim[";
    const char *at = slice_find(whole, mark);
    if (at == NULL)
        return false;
    struct slice rest = slice_from(whole, at + sizeof mark - 1);
    if (!take_pid(&rest, &line->pid))
        return false;
    if (slice_skip_word(&rest, ": ") && slice_skip_word(&rest, mark)) {
        uint64_t again;
        if (!take_pid(&rest, &again))
            return false;
    }
    line->kind = slice_skip_word(&rest, "   ") ? TEXT_DETAIL : TEXT_HEAD;
    slice_skip_word(&rest, " ");
    line->body = rest;
    return true;
}

/* "nginx[746", of the log, which knows program and pid. */
static bool read_tag(struct text_line *line, const struct slice *tag)
{
    const char *end = tag->start + tag->length, *bracket = memrchr(tag->start, '[', tag->length);
    if (bracket == NULL)
        return false;
    struct slice pid = slice_between(bracket + 1, end);
    const char *name = bracket;
    while (name > tag->start && name[-1] != ' ')
        name--;
    line->program = slice_between(name, bracket);
    return text_to_number(pid.start, pid.length, INT32_MAX, &line->pid);
}

/* "[reuseshim@32473 event="conflict" program="nginx"", where a log keeps what it got as it stands. */
static bool read_data(struct text_line *line, const struct slice *data)
{
    static const char key[] = " program=\"";
    const char *at = slice_find(data, key);
    if (slice_find(data, "[reuseshim@") == NULL || at == NULL)
        return false;
    struct slice rest = slice_from(data, at + sizeof key - 1);
    const char *quote = slice_find(&rest, "\"");
    line->program = slice_between(rest.start, quote ? quote : rest.start + rest.length);
    return true;
}

/* "nginx[746]: reuseshim: bind(...", "nginx[746] reuseshim: bind(...": from the system log. */
static bool read_syslog(struct text_line *line, const struct slice *whole)
{
    static const char mark[] = " reuseshim: ";
    const char *at = slice_find(whole, mark), *end = at;
    if (at == NULL)
        return false;
    if (end > whole->start && end[-1] == ':')
        end--;
    struct slice before = slice_between(whole->start, end > whole->start ? end - 1 : end);
    if (end == whole->start || end[-1] != ']' || (!read_data(line, &before) && !read_tag(line, &before)))
        return false;
    line->kind = TEXT_HEAD;
    line->body = slice_from(whole, at + sizeof mark - 1);
    return true;
}

enum label text_find_label(const struct slice *body)
{
    unsigned label = 0;
    while (label < LABEL_COUNT && !slice_begins(body, label_word((enum label)label)))
        label++;
    return (enum label)label;
}

const char *text_find_call(const struct slice *body, enum call *call)
{
    const char *first = NULL;
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        char word[24];
        struct text text = text_in(word, sizeof word);
        text_strings(&text, call_word((enum call)i), "(");
        const char *at = slice_find(body, text_end(&text));
        bool begins = at == body->start || (at && at - body->start >= 2 && memcmp(at - 2, ": ", 2) == 0);
        if (begins && (first == NULL || at < first)) {
            first = at;
            *call = (enum call)i;
        }
    }
    return first;
}

const char *text_find_outcome(const struct slice *body)
{
    static const char *const outcomes[] = {") failed: ", ") succeeded", ") shares its port", "): ", ") "};
    const char *at = NULL;
    for (size_t i = 0; at == NULL && i < sizeof outcomes / sizeof *outcomes; i++)
        at = slice_find(body, outcomes[i]);
    return at;
}

/* "nginx: bind(3, tcp ": what journalctl -o cat shows of a record. */
static bool begins_record(const struct slice *line)
{
    enum call call;
    const char *at = text_find_call(line, &call);
    if (at == NULL || at == line->start)
        return false;
    struct slice behind = slice_from(line, at + strlen(call_word(call)) + 1);
    slice_skip(&behind, slice_digits(&behind));
    return slice_begins(&behind, ", ") && text_find_outcome(&behind);
}

void text_line_read(struct text_line *line, const struct slice *whole, bool ours)
{
    struct slice body = *whole;
    *line = (struct text_line){.kind = TEXT_OTHER};
    if (read_own(line, whole) || read_syslog(line, whole))
        return;
    /* journalctl indents what is below the first line of a message. */
    while (slice_skip_word(&body, " "))
        ;
    bool indented = body.length + 2 <= whole->length;
    line->body = body;
    if (indented && text_find_label(&body) != LABEL_COUNT)
        line->kind = TEXT_DETAIL;
    else if (!indented && (ours || begins_record(whole)))
        line->kind = TEXT_HEAD;
}
