/* SPDX-License-Identifier: MIT
 *
 * The counterpart of shim/record/text.c. Contract in text_record.h.
 */
#define _GNU_SOURCE /* memrchr */
#include "text_record.h"

#include <string.h>

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
    struct slice protocol =
        slice_between(arguments.start, blank ? blank : arguments.start + arguments.length);
    if (!slice_is(&protocol, "ipv4") && !slice_is(&protocol, "ipv6")) /* then it was not asked for */
        record->protocol = keep(text, protocol);
    if (blank == NULL)
        return;
    struct slice address = slice_from(&arguments, blank + 1);
    if (slice_is(&record->protocol, "unix")) {
        record->local_path = keep(text, address);
        return;
    }
    const char *arrow = slice_find(&address, " -> ");
    address = slice_between(address.start, arrow ? arrow : address.start + address.length);
    const char *colon = memrchr(address.start, ':', address.length);
    struct slice digits = colon ? slice_from(&address, colon + 1) : address;
    if (colon && text_to_number(digits.start, slice_digits(&digits), UINT16_MAX, &port))
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

/* ---- a refusal that comes again ---------------------------------------------------------------------- */

/* FNV-1a; the descriptor in front of the arguments is another one each time. */
static uint64_t hash_of_refusal(uint64_t pid, enum call call, const struct slice *arguments)
{
    uint64_t hash = (14695981039346656037U ^ pid) * 1099511628211U + (uint64_t)call;
    for (size_t i = slice_digits(arguments); i < arguments->length; i++)
        hash = (hash ^ (unsigned char)arguments->start[i]) * 1099511628211U;
    return hash;
}

static void remember(struct text_record *text)
{
    enum { ROOM = sizeof text->explained / sizeof *text->explained };
    if (text->record.cause.start && text->record.repeated == 0)
        text->explained[text->explanations++ % ROOM] = (struct explained){text->refusal, text->record.cause};
}

static void read_holder(struct text_record *text, const struct slice *holder);

/* "EADDRINUSE again (2 before); held by tcp 127.0.0.1:80  LISTEN, pid 7 (nginx), as found 0.1 s ago" */
static void read_repetition(struct text_record *text, const struct slice *outcome)
{
    const char *again = slice_find(outcome, " again ("), *held = slice_find(outcome, "; held by ");
    struct slice behind = again ? slice_from(outcome, again) : *outcome;
    if (again == NULL || !slice_skip_word(&behind, " again (") ||
        !text_to_number(behind.start, slice_digits(&behind), INT64_MAX, &text->record.repeated))
        return;
    for (size_t i = 0; i < sizeof text->explained / sizeof *text->explained; i++)
        if (text->explained[i].refusal == text->refusal)
            text->record.cause = text->explained[i].cause;
    if (held == NULL)
        return;
    behind = slice_from(outcome, held + strlen("; held by "));
    read_holder(text, &behind);
}

/* What follows the arguments. */
static struct slice event_of_outcome(enum call call, struct slice outcome)
{
    if (slice_skip_word(&outcome, ") failed: "))
        return event_of_error(call, &outcome);
    if (slice_skip_word(&outcome, ") succeeded"))
        return word_of(event_word(EVENT_RESOLVED));
    if (slice_skip_word(&outcome, ") shares its port"))
        return word_of(event_word(EVENT_SHARED));
    slice_skip_word(&outcome, "): ");
    return event_of_message(&outcome);
}

static const char *read_head(struct text_record *text, const struct slice *head, const struct slice *program)
{
    struct record_line *record = &text->record;
    enum call call = CALL_COUNT;
    const char *at = text_find_call(head, &call), *colon = slice_find(head, ": ");
    if (at && (program->start || at > head->start)) {
        record->program = keep(text, program->start ? *program : slice_between(head->start, at - 2));
        struct slice behind = slice_from(head, at + strlen(call_word(call)) + 1);
        const char *outcome = text_find_outcome(&behind);
        if (outcome == NULL)
            return "a text record that is cut off";
        struct slice arguments = slice_between(behind.start, outcome), rest = slice_from(&behind, outcome);
        read_arguments(text, arguments);
        record->event = event_of_outcome(call, rest);
        text->refusal = hash_of_refusal(text->pid, call, &arguments);
        read_repetition(text, &rest);
        return NULL;
    }
    if (program->start == NULL && colon == NULL)
        return "no record, though it says reuseshim[...]";
    record->program = keep(text, program->start ? *program : slice_between(head->start, colon));
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
            return slice_between(at, behind);
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
            record->holder_program = keep(text, slice_between(behind.start, close));
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
    struct slice name = slice_between(start, end);
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
    enum label label = text_find_label(&detail);
    if (label == LABEL_COUNT)
        return;
    slice_skip(&detail, strlen(label_word(label)));
    if (label == LABEL_BECAUSE)
        read_cause(text, &detail);
    else if (label == LABEL_LOST)
        text_to_number(detail.start, slice_digits(&detail), INT64_MAX, &text->record.lost);
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
        if (!slice_skip_word(&here, "; ") && !slice_skip_word(&here, "#012  "))
            continue;
        *detail = here;
        if (text_find_label(&here) != LABEL_COUNT)
            return at;
    }
    return end;
}

const char *text_record_begin(struct text_record *text, const struct text_line *line)
{
    struct slice detail, next;
    const char *at = find_detail(&line->body, &detail), *end = line->body.start + line->body.length;
    struct slice head = slice_between(line->body.start, at);
    remember(text);
    text->open = true;
    text->pid = line->pid;
    text->used = 0;
    text->record = (struct record_line){.encoding = ENCODED_AS_TEXT, .local_port = -1};
    const char *trouble = read_head(text, &head, &line->program);
    for (; at < end && trouble == NULL; detail = next) {
        at = find_detail(&detail, &next);
        read_detail(text, slice_between(detail.start, at));
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
