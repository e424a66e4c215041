/* SPDX-License-Identifier: MIT
 *
 * The counterpart of shim/record/text.c. Contract in text_record.h.
 */
#define _GNU_SOURCE /* memrchr */
#include "text_record.h"

#include "reuseshim/record.h"

#include <string.h>

static struct slice between(const char *start, const char *end)
{
    return (struct slice){start, (size_t)(end - start)};
}

static size_t count_digits(const struct slice *slice)
{
    size_t digits = 0;
    while (digits < slice->length && slice->start[digits] >= '0' && slice->start[digits] <= '9')
        digits++;
    return digits;
}

static void skip(struct slice *slice, size_t count)
{
    count = count < slice->length ? count : slice->length;
    *slice = (struct slice){slice->start + count, slice->length - count};
}

static bool skip_word(struct slice *slice, const char *word)
{
    bool there = slice_begins(slice, word);
    if (there)
        skip(slice, strlen(word));
    return there;
}

/* ---- one line ---------------------------------------------------------------------------------------- */

/* "746]", behind an opening bracket. */
static bool take_pid(struct slice *slice, uint64_t *pid)
{
    size_t digits = count_digits(slice);
    if (!text_to_number(slice->start, digits, INT32_MAX, pid) || digits == slice->length ||
        slice->start[digits] != ']')
        return false;
    skip(slice, digits + 1);
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
    if (skip_word(&rest, ": ") && skip_word(&rest, mark)) {
        uint64_t again;
        if (!take_pid(&rest, &again))
            return false;
    }
    line->kind = skip_word(&rest, "   ") ? TEXT_DETAIL : TEXT_HEAD;
    skip_word(&rest, " ");
    line->body = rest;
    return true;
}

/* "nginx[746", of the log, which knows program and pid. */
static bool read_tag(struct text_line *line, const struct slice *tag)
{
    const char *end = tag->start + tag->length, *bracket = memrchr(tag->start, '[', tag->length);
    if (bracket == NULL)
        return false;
    struct slice pid = between(bracket + 1, end);
    const char *name = bracket;
    while (name > tag->start && name[-1] != ' ')
        name--;
    line->program = between(name, bracket);
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
    line->program = between(rest.start, quote ? quote : rest.start + rest.length);
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
    struct slice before = between(whole->start, end > whole->start ? end - 1 : end);
    if (end == whole->start || end[-1] != ']' || (!read_data(line, &before) && !read_tag(line, &before)))
        return false;
    line->kind = TEXT_HEAD;
    line->body = slice_from(whole, at + sizeof mark - 1);
    return true;
}

/* The label of a detail; LABEL_COUNT for none. */
static enum label find_label(const struct slice *body)
{
    unsigned label = 0;
    while (label < LABEL_COUNT && !slice_begins(body, label_word((enum label)label)))
        label++;
    return (enum label)label;
}

/* "bind(", of the call that stands first; NULL if there is none. */
static const char *find_call(const struct slice *body, enum call *call)
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

/* Where the arguments of the call end, and what follows says how it went. */
static const char *find_outcome(const struct slice *body)
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
    const char *at = find_call(line, &call);
    if (at == NULL || at == line->start)
        return false;
    struct slice behind = slice_from(line, at + strlen(call_word(call)) + 1);
    skip(&behind, count_digits(&behind));
    return slice_begins(&behind, ", ") && find_outcome(&behind);
}

void text_line_read(struct text_line *line, const struct slice *whole, bool ours)
{
    struct slice body = *whole;
    *line = (struct text_line){.kind = TEXT_OTHER};
    if (read_own(line, whole) || read_syslog(line, whole))
        return;
    /* journalctl indents what is below the first line of a message. */
    while (skip_word(&body, " "))
        ;
    bool indented = body.length + 2 <= whole->length;
    line->body = body;
    if (indented && find_label(&body) != LABEL_COUNT)
        line->kind = TEXT_DETAIL;
    else if (!indented && (ours || begins_record(whole)))
        line->kind = TEXT_HEAD;
}

/* ---- what is kept of it ------------------------------------------------------------------------------ */

static struct slice keep(struct text_record *text, struct slice slice)
{
    enum { LONGEST = 160 };
    size_t length = slice.length < LONGEST ? slice.length : LONGEST;
    char *to = text->room + text->used;
    if (slice.start == NULL || text->used + length > sizeof text->room)
        return (struct slice){NULL, 0};
    memcpy(to, slice.start, length);
    text->used += length;
    return (struct slice){to, length};
}

/* ---- the first line ---------------------------------------------------------------------------------- */

/* "3, tcp 0.0.0.0:8080 -> 10.0.0.1:80" */
static void read_arguments(struct text_record *text, struct slice arguments)
{
    struct record_line *record = &text->record;
    uint64_t port;
    const char *comma = slice_find(&arguments, ", ");
    if (comma == NULL)
        return;
    arguments = slice_from(&arguments, comma + 2);
    const char *blank = slice_find(&arguments, " ");
    record->protocol =
        keep(text, between(arguments.start, blank ? blank : arguments.start + arguments.length));
    if (blank == NULL)
        return;
    struct slice address = slice_from(&arguments, blank + 1);
    if (slice_is(&record->protocol, "unix")) {
        record->local_path = keep(text, address);
        return;
    }
    const char *arrow = slice_find(&address, " -> ");
    address = between(address.start, arrow ? arrow : address.start + address.length);
    const char *colon = memrchr(address.start, ':', address.length);
    struct slice digits = colon ? slice_from(&address, colon + 1) : address;
    if (colon && text_to_number(digits.start, count_digits(&digits), UINT16_MAX, &port))
        record->local_port = (int32_t)port;
}

static struct slice word_of(const char *word)
{
    return (struct slice){word, strlen(word)};
}

/* That nobody has the address, connect is told where no port is free. */
static struct slice event_of_error(enum call call, const struct slice *error)
{
    bool taken =
        slice_begins(error, "EADDRINUSE") ||
        (call == CALL_CONNECT && (slice_begins(error, "EADDRNOTAVAIL") || slice_begins(error, "EAGAIN")));
    return word_of(taken ? event_word(EVENT_CONFLICT) : RECORD_REFUSED);
}

/* What report_message writes: see shim/hooks. */
static struct slice event_of_message(const struct slice *message)
{
    static const char *const traces[] = {" decides", " keeps it as it is", "no rule matches"};
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++)
        if (slice_find(message, traces[i]))
            return word_of(event_word(EVENT_TRACE));
    return word_of(event_word(slice_begins(message, "evict: ") ? EVENT_ERROR : EVENT_CHANGE));
}

/* What follows the arguments. */
static struct slice event_of_outcome(enum call call, struct slice outcome)
{
    if (skip_word(&outcome, ") failed: "))
        return event_of_error(call, &outcome);
    if (skip_word(&outcome, ") succeeded"))
        return word_of(event_word(EVENT_RESOLVED));
    if (skip_word(&outcome, ") shares its port"))
        return word_of(event_word(EVENT_SHARED));
    skip_word(&outcome, "): ");
    return event_of_message(&outcome);
}

static const char *read_head(struct text_record *text, const struct slice *head, const struct slice *program)
{
    struct record_line *record = &text->record;
    enum call call = CALL_COUNT;
    const char *at = find_call(head, &call), *colon = slice_find(head, ": ");
    if (at && (program->start || at > head->start)) {
        record->program = keep(text, program->start ? *program : between(head->start, at - 2));
        struct slice behind = slice_from(head, at + strlen(call_word(call)) + 1);
        const char *outcome = find_outcome(&behind);
        if (outcome == NULL)
            return "a text record that is cut off";
        read_arguments(text, between(behind.start, outcome));
        record->event = event_of_outcome(call, slice_from(&behind, outcome));
        return NULL;
    }
    if (program->start == NULL && colon == NULL)
        return "no record, though it says reuseshim[...]";
    record->program = keep(text, program->start ? *program : between(head->start, colon));
    record->event = word_of(event_word(EVENT_ERROR));
    return NULL;
}

/* ---- the lines below it ------------------------------------------------------------------------------ */

/* "  LISTEN": its place, and the word. */
static struct slice find_state(const struct slice *holder)
{
    const char *at = holder->start, *end = at + holder->length;
    while ((at = slice_find(&(struct slice){at, (size_t)(end - at)}, "  ")) != NULL) {
        at += 2;
        const char *behind = at;
        while (behind < end &&
               ((*behind >= 'A' && *behind <= 'Z') || (*behind >= '0' && *behind <= '9') || *behind == '_'))
            behind++;
        if (behind > at && (behind == end || *behind == ','))
            return between(at, behind);
    }
    return (struct slice){NULL, 0};
}

/* ", pid 12, 13 (nginx) of uid 0: nginx -g daemon off;" */
static void read_owner(struct text_record *text, const struct slice *owner)
{
    struct record_line *record = &text->record;
    const char *pid = slice_find(owner, ", pid ");
    struct slice behind = pid ? slice_from(owner, pid) : *owner;
    const char *open = pid ? slice_find(&behind, " (") : NULL;
    if (open) {
        behind = slice_from(&behind, open + 2);
        const char *close = slice_find(&behind, ") of uid ");
        close = close ? close : slice_find(&behind, ")");
        if (close)
            record->holder_program = keep(text, between(behind.start, close));
    } else if (slice_find(owner, ", this process")) {
        record->holder_program = record->program;
    } else if (slice_find(owner, ", no process")) {
        record->holder_owner = word_of(owner_word(OWNER_NONE));
    } else if (slice_find(owner, ", owner hidden")) {
        record->holder_owner = word_of(owner_word(OWNER_HIDDEN));
    }
}

/* " in /system.slice/nginx.service" at the end. */
static void read_unit(struct text_record *text, const struct slice *owner)
{
    static const char *const ends[] = {".service", ".socket"};
    const char *end = owner->start + owner->length, *start = end;
    while (start > owner->start && start[-1] != '/' && start[-1] != ' ')
        start--;
    struct slice name = between(start, end);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t length = strlen(ends[i]);
        if (slice_find(owner, " in ") && name.length > length && memcmp(end - length, ends[i], length) == 0)
            text->record.holder_unit = keep(text, name);
    }
}

static void read_holder(struct text_record *text, const struct slice *holder)
{
    struct slice state = find_state(holder);
    if (text->record.holder_state.start || state.start == NULL)
        return;
    struct slice owner = slice_from(holder, state.start + state.length);
    text->record.holder_state = keep(text, state);
    read_owner(text, &owner);
    read_unit(text, &owner);
}

/* The cause has its own sentences; of two that begin alike it is the longer one. */
static void read_cause(struct text_record *text, const struct slice *because)
{
#define SENTENCES(name, word, plain, with_reuseaddr, ...) {word, {plain, with_reuseaddr}},
    static const struct {
        const char *word, *sentences[2];
    } causes[] = {CAUSES(SENTENCES)};
    size_t longest = 0;
    for (size_t i = 0; i < 2 * sizeof causes / sizeof *causes; i++) {
        const char *sentence = causes[i / 2].sentences[i % 2];
        size_t length = strlen(sentence);
        if (length > longest && slice_begins(because, sentence)) {
            longest = length;
            text->record.cause = word_of(causes[i / 2].word);
        }
    }
}

static void read_detail(struct text_record *text, struct slice detail)
{
    enum label label = find_label(&detail);
    if (label == LABEL_COUNT)
        return;
    skip(&detail, strlen(label_word(label)));
    if (label == LABEL_BECAUSE)
        read_cause(text, &detail);
    else if (label == LABEL_LOST)
        text_to_number(detail.start, count_digits(&detail), INT64_MAX, &text->record.lost);
    else if (label == LABEL_HELD_BY || label == LABEL_PERHAPS || label == LABEL_BESIDE ||
             label == LABEL_WITH || label == LABEL_WAS_HELD)
        read_holder(text, &detail);
}

/* The next detail of a line that has them all: behind "; " in the system log, and behind "#012  " where a log
 * has made that of a newline. */
static const char *find_detail(const struct slice *rest, struct slice *detail)
{
    const char *at = rest->start, *end = at + rest->length;
    for (; at < end; at++) {
        struct slice here = slice_from(rest, at);
        if (!skip_word(&here, "; ") && !skip_word(&here, "#012  "))
            continue;
        *detail = here;
        if (find_label(&here) != LABEL_COUNT)
            return at;
    }
    return end;
}

const char *text_record_begin(struct text_record *text, const struct text_line *line)
{
    struct slice detail, next;
    const char *at = find_detail(&line->body, &detail), *end = line->body.start + line->body.length;
    struct slice head = between(line->body.start, at);
    text->open = true;
    text->pid = line->pid;
    text->used = 0;
    text->record = (struct record_line){.encoding = ENCODED_AS_TEXT, .local_port = -1};
    const char *trouble = read_head(text, &head, &line->program);
    for (; at < end && trouble == NULL; detail = next) {
        at = find_detail(&detail, &next);
        read_detail(text, between(detail.start, at));
    }
    text->open = trouble == NULL;
    return trouble;
}

bool text_record_add(struct text_record *text, const struct text_line *line)
{
    if (!text->open || (line->pid && text->pid && line->pid != text->pid))
        return false;
    read_detail(text, line->body);
    return true;
}
