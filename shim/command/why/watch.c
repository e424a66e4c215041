/* SPDX-License-Identifier: MIT
 *
 * reuseshim why --watch. Contract in watch.h.
 */
#include "watch.h"

#include "../terminal.h"
#include "answer.h"
#include "reuseshim/command.h"
#include "reuseshim/deadline.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PAUSE_MS = 250,
    BUDGET_MS = 3000,
    SEEN_MAX = 2048, /* sockets that are told apart; a port with more shows the first of them */
    LINES_MAX = 16,  /* of one kind in one round */
    LINE_SIZE = 1024,
};

/* One socket, and the line it was announced with. */
struct seen {
    struct holder holder;
    char line[LINE_SIZE];
};

struct round {
    size_t count;
    bool full;    /* there were more */
    bool crowded; /* connections are left out, so that those who listen or are bound all show */
    struct seen *sockets;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static bool same_socket(const struct holder *one, const struct holder *other)
{
    bool cookies = (one->cookie[0] | one->cookie[1]) && (other->cookie[0] | other->cookie[1]);
    if (one->protocol != other->protocol || one->state != other->state)
        return false;
    if (cookies)
        return memcmp(one->cookie, other->cookie, sizeof one->cookie) == 0;
    return memcmp(&one->local, &other->local, sizeof one->local) == 0 &&
           memcmp(&one->remote, &other->remote, sizeof one->remote) == 0;
}

static struct seen *find(const struct round *round, const struct holder *holder)
{
    for (size_t i = 0; i < round->count; i++)
        if (same_socket(&round->sockets[i].holder, holder))
            return &round->sockets[i];
    return NULL;
}

static void take_in(void *context, const struct holder *holder)
{
    struct round *round = context;
    if (find(round, holder))
        return; /* asked for once for each family */
    if (round->crowded && holder->remote.family != AF_UNSPEC)
        return;
    if (round->count < SEEN_MAX)
        round->sockets[round->count++] = (struct seen){.holder = *holder};
    else
        round->full = true;
}

/* One look for each protocol; the port is the same for all probes. */
static void look_at(struct round *round, const struct probe *probes, size_t count, struct scratch *scratch)
{
    round->count = 0;
    round->full = false;
    for (size_t i = 0; i < count; i++) {
        if (i && probes[i].protocol == probes[i - 1].protocol)
            continue;
        enum source source = SOURCE_NONE;
        struct question question = question_about(&probes[i].newcomer, deadline_in(BUDGET_MS));
        question.protocol = probes[i].protocol;
        question.ports = (struct port_range){probes[i].local.port, probes[i].local.port};
        question.found = take_in;
        question.context = round;
        (void)sockets_ask(&question, &source, scratch);
    }
}

/* Above SEEN_MAX each look would return other sockets. From then on connections are left out of both rounds.
 */
static void look(struct round *now, struct round *before, const struct probe *probes, size_t count,
                 struct scratch *scratch)
{
    look_at(now, probes, count, scratch);
    if (!now->full || now->crowded)
        return;
    now->crowded = before->crowded = true;
    before->count = 0;
    look_at(now, probes, count, scratch);
    for (size_t i = 0; i < now->count; i++)
        before->sockets[before->count++] = now->sockets[i];
    printf("more than %d sockets: connections are not watched any more\n", SEEN_MAX);
}

static void print_line(enum paint paint, const char *label, const char *line)
{
    char clock[16];
    time_t now = time(NULL);
    struct tm parts;
    strftime(clock, sizeof clock, "%H:%M:%SZ", gmtime_r(&now, &parts));
    printf("%s  ", clock);
    terminal_paint(stdout, paint, label);
    fputs("  ", stdout);
    terminal_wrapped(stdout, (int)(strlen(clock) + strlen(label)) + 4, line, strlen(line));
    fputc('\n', stdout);
}

/* The owner is looked up while the socket is there, for the first few only: it takes time. */
static void describe(struct seen *seen, bool with_owner, const struct probe *probe, struct scratch *scratch)
{
    static struct conflict one;
    struct text text = text_in(seen->line, sizeof seen->line);
    conflict_begin(&one, BUDGET_MS, false);
    one.holders[0] = seen->holder;
    one.holder_count = 1;
    if (with_owner)
        (void)conflict_find_owners(&one, &probe->newcomer, scratch);
    else
        one.holders[0].owner = OWNER_KNOWN;
    record_write_holder(&text, &one, &one.holders[0]);
    text_end(&text);
}

/* In `now` and not in `before` (came), or the other way round (left); how many. */
static size_t compare(struct round *now, struct round *before, bool came, const struct probe *probe,
                      bool quiet, struct scratch *scratch)
{
    const struct round *other = came ? before : now;
    struct round *round = came ? now : before;
    size_t changes = 0;
    for (size_t i = 0; i < round->count; i++) {
        struct seen *seen = &round->sockets[i], *known = find(other, &seen->holder);
        if (known) {
            if (came)
                memcpy(seen->line, known->line, sizeof seen->line);
            continue;
        }
        if (came)
            describe(seen, changes < LINES_MAX, probe, scratch);
        if (!quiet && changes < LINES_MAX)
            print_line(came ? PAINT_BAD : PAINT_GOOD, came ? "came" : "left", seen->line);
        changes++;
    }
    if (!quiet && changes > LINES_MAX)
        printf("           and %zu more %s\n", changes - LINES_MAX, came ? "came" : "left");
    return changes;
}

/* The verdicts, where they are no longer what they were. */
static void try_again(struct probe *probes, size_t count, unsigned options, bool json,
                      struct scratch *scratch)
{
    for (size_t i = 0; i < count; i++) {
        const char *before = answer_verdict(&probes[i]);
        probe_run(&probes[i], options, BUDGET_MS, scratch);
        if (strcmp(answer_verdict(&probes[i]), before) == 0)
            continue;
        char subject[160];
        struct text protocol = text_in(subject, sizeof subject);
        struct text address = text_in(subject + 80, sizeof subject - 80);
        answer_subject(&protocol, &address, &probes[i]);
        char line[256];
        snprintf(line, sizeof line, "%s %s", text_end(&protocol), text_end(&address));
        if (json)
            answer_json(&probes[i], 1);
        else
            print_line(probe_is_free(&probes[i]) ? PAINT_GOOD : PAINT_BAD, answer_verdict(&probes[i]), line);
    }
}

/* An address that the machine does not have may come without any socket. */
static bool is_certain(const struct probe *probes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!probe_is_free(&probes[i]) && !probe_is_refused(&probes[i]))
            return false;
    return true;
}

/* How long the last of the leftovers still has, in a line that the next one overwrites. */
static void show_countdown(const struct round *round)
{
    int64_t last = -1;
    size_t counted = 0;
    for (size_t i = 0; i < round->count; i++) {
        int64_t left = round->sockets[i].holder.timer_ms;
        counted += left >= 0;
        last = left > last ? left : last;
    }
    printf("\r\033[K");
    if (counted)
        printf("%zu in TIME_WAIT or the like, the last one gone in %lld.%lld s", counted,
               (long long)last / 1000, (long long)last / 100 % 10);
}

bool watch_port(struct probe *probes, size_t count, unsigned options, bool json, struct scratch *scratch)
{
    struct round now = {.sockets = calloc(SEEN_MAX, sizeof *now.sockets)};
    struct round before = {.sockets = calloc(SEEN_MAX, sizeof *before.sockets)};
    struct sigaction action = {.sa_handler = interrupt};
    bool live = !json && terminal_is(stdout);
    bool ready = now.sockets && before.sockets;
    if (!ready)
        command_error("why: no memory to watch with", (char *)NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (ready)
        (json ? answer_json : answer_show)(probes, count);
    for (bool first = true; ready && !interrupted; first = false) {
        if (live)
            printf("\r\033[K");
        look(&now, &before, probes, count, scratch);
        size_t changes = compare(&now, &before, false, probes, json, scratch) +
                         compare(&now, &before, true, probes, json || first, scratch);
        if ((changes && !first) || !is_certain(probes, count))
            try_again(probes, count, options, json, scratch);
        if (live)
            show_countdown(&now);
        if (fflush(stdout) != 0) /* whoever read it has gone */
            break;
        struct round swap = before;
        before = now;
        now = swap;
        const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    if (live)
        printf("\r\033[K");
    free(now.sockets);
    free(before.sockets);
    return ready;
}
